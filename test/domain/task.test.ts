/** A task: leased under a number that only grows, claimed by the executing company, worth nothing by itself. */
import { describe, expect, it } from 'vitest'
import { stepOf } from '../../src/domain/case/case.js'
import { anAuthority } from '../support/authority.js'
import { aRotation, CAST, DAY, given, HOUR, refusal, shifted, told } from '../support/given.js'
import {
  believes,
  claim,
  claimed,
  claims,
  contradicts,
  deadline,
  fences,
  granted,
  leases,
  offered,
  performed,
  planned,
  sendsClaim,
  waits,
} from '../support/moves.js'

const { keys } = CAST
const at = told(aRotation(), planned, performed('issue'), offered)
const leased = told(at, leases('cut-over'))

describe('a lease', () => {
  it('goes to the executing company, for as long as the rule says', () => {
    const story = given(at).when(leases('cut-over')).gives('TaskLeased')
    expect(stepOf(story.state, 'cut-over')?.task?.lease).toEqual({
      ...{ number: 1, until: shifted(at.at, HOUR) },
    })
  })

  it('does not show another company that there is a case', () => {
    given(at).when(leases('cut-over', 'com_zeta')).gives(refusal('CASE_UNKNOWN'))
  })

  it('never outlives the task', () => {
    const story = told(at, waits(DAY - 1), leases('cut-over'))
    expect(stepOf(story.state, 'cut-over')?.task?.lease?.until).toBe(shifted(at.at, DAY))
    given(at, waits(DAY)).when(leases('cut-over')).gives(refusal('LEASE_LOST'))
  })

  it('is not given where no task is offered', () => {
    const before = told(aRotation(), planned, performed('issue'), granted('cut-over'))
    given(before).when(leases('cut-over')).gives(refusal('NOT_DUE'))
    given(at).when(leases('retire')).gives(refusal('NOT_DUE'))
    given(at).when(leases('nothing')).gives(refusal('WRONG_STEP'))
    given(at, fences).when(leases('cut-over')).gives(refusal('NOT_DUE'))
    given(leased, claims('cut-over')).when(leases('cut-over')).gives(refusal('NOT_DUE'))
  })

  it('makes every earlier one worthless', () => {
    const old = claim(leased, { stepId: 'cut-over' })
    given(leased, leases('cut-over')).when(sendsClaim(old)).gives(refusal('LEASE_LOST'))
  })

  it('has a number of its own even after a claim was contradicted', () => {
    const old = claim(leased, { stepId: 'cut-over' })
    const again = told(leased, sendsClaim(old), contradicts('cut-over'), leases('cut-over'))
    expect(stepOf(again.state, 'cut-over')?.task?.lease?.number).toBe(2)
    given(again).when(sendsClaim(old)).gives(refusal('LEASE_LOST'))
  })
})

describe('a claim', () => {
  it('under the live lease is recorded, and performs nothing', () => {
    const story = given(leased).when(claims('cut-over')).gives('ClaimRecorded')
    expect(stepOf(story.state, 'cut-over')?.phase).toBe('claimed')
  })

  it('of failure is recorded as the partner’s word, too', () => {
    const as = { outcome: 'failed' as const }
    given(leased).when(claims('cut-over', { as })).gives('ClaimRecorded')
  })

  it('without a lease, or after it, is refused', () => {
    given(at).when(claims('cut-over')).gives(refusal('LEASE_LOST'))
    given(leased, waits(HOUR - 1))
      .when(claims('cut-over'))
      .gives('ClaimRecorded')
    given(leased, waits(HOUR)).when(claims('cut-over')).gives(refusal('LEASE_LOST'))
  })

  const wrong = [
    ['another enterprise', { enterprise: 'ent_other' }, 'WRONG_ENTERPRISE'],
    ['another company', { companyId: 'com_zeta' }, 'CLAIM_INVALID'],
    ['another case', { caseId: `${at.opened.caseId.slice(0, -1)}1` }, 'WRONG_CASE'],
    ['another grant', { grantId: '01KB0000000000000000000009' }, 'NOT_DUE'],
    ['another step', { stepId: 'retire' }, 'NOT_DUE'],
    ['a lease not given yet', { fencingToken: 2 }, 'LEASE_LOST'],
  ] as const
  it.each(wrong)('for %s is refused', (_what, as, code) => {
    given(leased).when(claims('cut-over', { as })).gives(refusal(code))
  })

  it('signed by another company, by a person or by an unknown key is refused', () => {
    for (const key of [keys.claims.com_zeta, keys.persons.per_ana, keys.root])
      given(leased).when(claims('cut-over', { key })).gives(refusal('CLAIM_INVALID'))
  })

  it('that does not verify is refused', () => {
    const key = { ...keys.claims.com_zeta, keyId: keys.claims.com_acme.keyId }
    given(leased).when(claims('cut-over', { key })).gives(refusal('SIGNATURE_INVALID'))
  })

  it('with a revoked or expired key is refused', () => {
    for (const change of [{ revokedAt: at.at }, { notAfter: at.at }]) {
      const { authority } = anAuthority({
        ...{ keys, version: 2 },
        change: {
          people: (section) => ({
            ...section,
            companies: section.companies.map((company) => ({
              ...company,
              claimKeys: company.claimKeys.map((key) => ({ ...key, ...change })),
            })),
          }),
        },
      })
      given(leased, believes(authority)).when(claims('cut-over')).gives(refusal('KEY_REVOKED'))
    }
  })

  it('counts once: the same one again finds nothing offered', () => {
    const envelope = claim(leased, { stepId: 'cut-over' })
    given(leased, sendsClaim(envelope))
      .when(sendsClaim(envelope))
      .gives(refusal('NOT_DUE', '/grantId'))
  })

  it('for a task that is over is refused', () => {
    const envelope = claim(leased, { stepId: 'cut-over' })
    given(leased, waits(DAY), deadline('cut-over'))
      .when(sendsClaim(envelope))
      .gives(refusal('NOT_DUE'))
    given(leased, fences).when(sendsClaim(envelope)).gives(refusal('NOT_DUE'))
  })

  it('keeps a task from expiring while the probe looks', () => {
    given(aRotation(), planned, performed('issue'), claimed, waits(DAY))
      .when(deadline('cut-over'))
      .gives(refusal('NOT_DUE'))
  })
})
