/** judge: who decides. Persons and not accounts; never who asks or executes; a delegate for one vote. */
import { describe, expect, it } from 'vitest'
import { verifyAuthority } from '../../src/domain/authority/authority.js'
import type { Delegation } from '../../src/domain/shapes/envelope.js'
import { signEnvelope } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { AT, anAuthority, must, SPAN, type TestPerson } from '../support/authority.js'
import { aRotation, CAST, given, HOUR, refusal, shifted, told } from '../support/given.js'
import { believes, gateOpens, performed, planned, signs, waits } from '../support/moves.js'

import { changed, TWO } from '../support/terms.js'

const { keys } = CAST
const atIssue = told(aRotation(), planned, gateOpens('issue'))

describe('who decides', () => {
  const asks = (persons: readonly TestPerson[]) => ({
    issue: { groups: [{ name: 'identity-owner', persons: [...persons], need: 1 }] },
  })
  const open = (asked: Parameters<typeof aRotation>[0]) =>
    told(aRotation(asked), planned, gateOpens('issue'))

  it('is not somebody whom the gate does not ask', () => {
    given(atIssue).when(signs('per_ben', 'issue')).gives(refusal('NOT_AN_APPROVER'))
  })

  it('is never the requester, even when the gate asks for that person', () => {
    const requester = { kind: 'enterprise', companyId: 'com_bank', personId: 'per_ana' } as const
    given(open({ requester })).when(signs('per_ana', 'issue')).gives(refusal('REQUESTER_NEVER'))
  })

  it('is never anybody of the executing company, even when the gate asks for that person', () => {
    given(open({ terms: asks(['per_zed']) }))
      .when(signs('per_zed', 'issue'))
      .gives(refusal('EXECUTOR_COMPANY'))
  })

  it('is never anybody of another partner', () => {
    given(open({ terms: asks(['per_zed']), executor: 'com_zeta' }))
      .when(signs('per_zed', 'issue'))
      .gives(refusal('EXECUTOR_COMPANY'))
  })

  it('is never anybody of the enterprise when the enterprise itself executes', () => {
    given(open({ executor: 'com_bank' }))
      .when(signs('per_ana', 'issue'))
      .gives(refusal('EXECUTOR_COMPANY'))
  })

  it('is nobody who is disabled', () => {
    const authority = changed((section) => ({
      ...section,
      persons: section.persons.map((person) =>
        person.personId === 'per_ana' ? { ...person, status: 'disabled' } : person,
      ),
    }))
    given(atIssue, believes(authority))
      .when(signs('per_ana', 'issue'))
      .gives(refusal('PERSON_DISABLED'))
  })

  it('is nobody for a person who does not exist', () => {
    given(atIssue)
      .when(signs('per_ben', 'issue', { as: { onBehalfOf: 'per_ghost' } }))
      .gives(refusal('PERSON_UNKNOWN'))
  })
})

describe('a delegate', () => {
  type Signed = Omit<Delegation, 'from'> & { readonly from: TestPerson }
  const delegation = (change: Partial<Signed> & Pick<Signed, 'from' | 'to'>): Signed => ({
    ...{ type: 'delegation' as const, v: 1 as const, enterprise: 'ent_bank' },
    ...{ delegationId: '01KB0000000000000000000001', kinds: ['rotate' as const] },
    ...{ systems: null, ...SPAN, ...change },
  })
  const cast = (...delegations: readonly Signed[]) =>
    anAuthority({ keys, version: 2, delegations }).authority
  const anaToCleo = delegation({ from: 'per_ana', to: 'per_cleo' })
  const forAna = signs('per_cleo', 'issue', { as: { onBehalfOf: 'per_ana' } })
  const twice = told(aRotation({ terms: TWO }), planned, gateOpens('issue'))

  it('casts the vote of the person who delegated', () => {
    const story = given(atIssue, believes(cast(anaToCleo)))
      .when(forAna)
      .gives('DecisionAdmitted', 'GateSatisfied')
    const admitted = story.recorded.at(-2)?.event
    expect(admitted).toMatchObject({ votes: 'per_ana', signedBy: 'per_cleo' })
  })

  it('does not add a vote to that of the person who delegated, in either order', () => {
    given(twice, believes(cast(anaToCleo)), forAna)
      .when(signs('per_ana', 'issue'))
      .gives(refusal('PERSON_COUNTED'))
    given(twice, believes(cast(anaToCleo)), signs('per_ana', 'issue'))
      .when(forAna)
      .gives(refusal('PERSON_COUNTED'))
  })

  it('without a delegation is refused', () => {
    given(atIssue).when(forAna).gives(refusal('DELEGATION_INVALID'))
  })

  const void_: readonly (readonly [string, Signed])[] = [
    ['for another person', delegation({ from: 'per_ana', to: 'per_dora' })],
    ['from another person', delegation({ from: 'per_ben', to: 'per_cleo' })],
    ['for other systems', { ...anaToCleo, systems: ['sys_other'] }],
    ['for other kinds of case', { ...anaToCleo, kinds: ['deprovision'] }],
    ['that has ended', { ...anaToCleo, notAfter: atIssue.at }],
    ['that has not begun', { ...anaToCleo, notBefore: shifted(atIssue.at, 1) }],
    ['of another enterprise', { ...anaToCleo, enterprise: 'ent_other' }],
  ]
  it.each(void_)('with a delegation %s is refused', (_what, one) => {
    given(atIssue, believes(cast(one)))
      .when(forAna)
      .gives(refusal('DELEGATION_INVALID'))
  })

  it('covers the systems that the delegation names', () => {
    given(atIssue, believes(cast({ ...anaToCleo, systems: ['sys_billing'] })))
      .when(forAna)
      .gives('DecisionAdmitted', 'GateSatisfied')
  })

  it('may not pass it on: a delegation is one level deep, round in a circle too', () => {
    const cleoToDora = delegation({ from: 'per_cleo', to: 'per_dora' })
    const doraToAna = delegation({ from: 'per_dora', to: 'per_ana' })
    given(atIssue, believes(cast(anaToCleo, cleoToDora, doraToAna)))
      .when(signs('per_dora', 'issue', { as: { onBehalfOf: 'per_ana' } }))
      .gives(refusal('DELEGATION_INVALID'))
  })

  it('is not disabled by what somebody else delegates to the delegator, in force or over', () => {
    const towards = (from: TestPerson) => delegation({ from, to: 'per_ana' })
    const over = { ...towards('per_ben'), notAfter: shifted(atIssue.at, -1) }
    for (const more of [towards('per_ben'), towards('per_cleo'), towards('per_zed'), over])
      given(atIssue, believes(cast(anaToCleo, more)))
        .when(forAna)
        .gives('DecisionAdmitted', 'GateSatisfied')
  })

  it('fills one role of a gate: the own vote or the other’s, in either order', () => {
    const benToAna = delegation({ from: 'per_ben', to: 'per_ana' })
    const retire = told(
      ...([aRotation(), planned, performed('issue'), performed('cut-over')] as const),
      ...[gateOpens('retire'), believes(cast(benToAna))],
    )
    const own = signs('per_ana', 'retire')
    const forBen = signs('per_ana', 'retire', { as: { onBehalfOf: 'per_ben' } })
    given(retire, own).when(forBen).gives(refusal('PERSON_COUNTED'))
    given(retire, forBen).when(own).gives(refusal('PERSON_COUNTED'))
    given(retire, own).when(signs('per_ben', 'retire')).gives('DecisionAdmitted', 'GateSatisfied')
  })

  it('stands in for nobody whose signing key is revoked', () => {
    const { authority } = anAuthority({
      ...{ keys, version: 2, delegations: [anaToCleo] },
      change: {
        people: (section) => ({
          ...section,
          persons: section.persons.map((person) => ({
            ...person,
            keys: person.keys.map((key) =>
              key.keyId === 'key_ana' ? { ...key, revokedAt: shifted(atIssue.at, HOUR) } : key,
            ),
          })),
        }),
      },
    })
    given(atIssue, believes(authority), waits(HOUR - 1))
      .when(forAna)
      .gives('DecisionAdmitted', 'GateSatisfied')
    given(atIssue, believes(authority), waits(HOUR))
      .when(forAna)
      .gives(refusal('DELEGATION_INVALID'))
  })

  it('signed by somebody else than the delegator is none', () => {
    const { keyId, signer } = keys.persons.per_cleo
    const forged = signEnvelope({ kind: 'delegation', payload: anaToCleo, keyId, signer })
    const bundle = { ...CAST.bundle, delegations: [forged] }
    const authority = must(verifyAuthority({ ...CAST, bundle, verify: nodeVerify, at: AT }))
    given(atIssue, believes(authority)).when(forAna).gives(refusal('DELEGATION_INVALID'))
  })

  it('is never the requester, and never for the requester', () => {
    const asked = (personId: string) => ({
      requester: { kind: 'enterprise' as const, companyId: 'com_bank', personId },
    })
    for (const requester of ['per_cleo', 'per_ana'])
      given(aRotation(asked(requester)), planned, gateOpens('issue'), believes(cast(anaToCleo)))
        .when(forAna)
        .gives(refusal('REQUESTER_NEVER'))
  })

  it('is never of the executing company', () => {
    const anaToZed = delegation({ from: 'per_ana', to: 'per_zed' })
    given(atIssue, believes(cast(anaToZed)))
      .when(signs('per_zed', 'issue', { as: { onBehalfOf: 'per_ana' } }))
      .gives(refusal('EXECUTOR_COMPANY'))
  })
})
