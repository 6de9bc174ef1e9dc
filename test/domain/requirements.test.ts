/** The requirements of a case's gates: resolved at the opening, and never looser than that afterwards. */
import { describe, expect, it } from 'vitest'
import {
  type AskingAgain,
  countAgain,
  packInForce,
  termsAgain,
} from '../../src/domain/approval/count.js'
import type { Authority } from '../../src/domain/authority/authority.js'
import { identityScope, matterOf } from '../../src/domain/authority/matter.js'
import { stepOf } from '../../src/domain/case/case.js'
import {
  requirementOf,
  requirementsOf,
  requirementToday,
} from '../../src/domain/policy/requirements.js'
import { isRefusal, type Refusal, refuse } from '../../src/domain/refusal.js'
import type { Pack, StepTerms } from '../../src/domain/shapes/policy.js'
import type { ResolvedRequirement } from '../../src/domain/shapes/requirement.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { AT, anAuthority, must, SPAN } from '../support/authority.js'
import {
  aRotation,
  CAST,
  DAY,
  HOUR,
  PACK,
  PACK_HASH,
  type Story,
  shifted,
  told,
} from '../support/given.js'
import {
  approved,
  decision,
  gateOpens,
  performed,
  planned,
  signs,
  waits,
} from '../support/moves.js'

const { authority, keys } = CAST
const matter = must(matterOf(authority, identityScope('nhi_billing')))
const asking = {
  ...{ authority, pack: PACK, packHash: PACK_HASH, matter, asked: { kind: 'rotate' as const } },
  ...{ requester: { personId: null, companyId: 'com_acme' }, executorCompany: 'com_acme' },
  change: 'normal' as const,
  askedAt: AT,
}
const { opened } = aRotation()

/** The pack with other terms for one step of every rule. */
const packWith = (stepId: string, terms: Partial<StepTerms>): Pack => ({
  ...PACK,
  rules: PACK.rules.map((rule) => {
    const step = rule.steps[stepId]
    return step === undefined
      ? rule
      : { ...rule, steps: { ...rule.steps, [stepId]: { ...step, ...terms } } }
  }),
})
const today = (pack: Pack, stepId = 'cut-over', believed: Authority = authority) =>
  requirementToday({
    ...{ opened, stepId, authority: believed, pack, packHash: PACK_HASH },
    ...{ at: AT, askedAt: AT, involved: [], uses: [] },
  })
const terms = (answer: ResolvedRequirement | Refusal) => must(answer).requirement
const code = (answer: object) => (isRefusal(answer) ? answer.refused : 'accepted')

describe('the requirements of a case', () => {
  it('are resolved for every step at the opening, with the persons of that day', () => {
    const all = must(requirementsOf(asking))
    expect(Object.keys(all)).toEqual(['issue', 'cut-over', 'retire', 'close'])
    expect(all.retire?.requirement).toMatchObject({
      quorum: 2,
      groups: [{ persons: ['per_ana'] }, { persons: ['per_ben'] }],
    })
    expect(all.issue?.pack.hash).toBe(PACK_HASH)
  })

  it('are refused as a whole when one step has nobody to approve it', () => {
    const requester = { personId: 'per_ben', companyId: 'com_bank' }
    expect(code(requirementsOf({ ...asking, requester }))).toBe('NO_APPROVER')
    expect(code(requirementOf({ ...asking, requester, stepId: 'issue', involved: [] }))).toBe(
      'accepted',
    )
  })
})

describe('the requirement of today', () => {
  it('is the pinned one while nothing changed', () => {
    expect(must(today(PACK)).requirementHash).toBe(opened.requirements['cut-over']?.requirementHash)
  })

  it('is stricter when the pack has become stricter', () => {
    expect(terms(today(packWith('cut-over', { assurance: 'passkey' }))).assurance).toBe('passkey')
    expect(terms(today(packWith('cut-over', { ahead: 'forbidden' }))).ahead).toBe('forbidden')
    expect(terms(today(packWith('cut-over', { expireAfterMs: 2 * DAY }))).expireAfterMs).toBe(
      2 * DAY,
    )
  })

  it('is not looser when the pack has become looser', () => {
    const pinned = opened.requirements.retire?.requirementHash
    const looser = packWith('retire', {
      ...{ quorum: 1, approvers: [{ role: 'identity-owner', need: 1 }] },
      ...{ decisionMaxAgeMs: 90 * DAY, expireAfterMs: 90 * DAY },
    })
    expect(must(today(looser, 'retire')).requirementHash).toBe(pinned)
  })

  it('has no approver when the owner of the opening is owner no more', () => {
    const next = anAuthority({
      ...{ keys, version: 2 },
      change: {
        ownership: (section) => ({
          ...section,
          identities: section.identities.map((one) => ({ ...one, ownerId: 'per_ben' })),
        }),
      },
    })
    expect(code(today(PACK, 'cut-over', next.authority))).toBe('NO_APPROVER')
  })

  it('does not exist for an identity or a step that does not', () => {
    const none = { ...authority, identities: new Map() }
    expect(code(today(PACK, 'cut-over', none))).toBe('IDENTITY_UNKNOWN')
    expect(code(today(PACK, 'bypass'))).toBe('WRONG_STEP')
  })
})

describe('the pack in force', () => {
  it('is the newest that is effective', () => {
    const pack = { packId: 'default', hash: PACK_HASH }
    const packs = [
      { ...pack, version: 2, effectiveFrom: shifted(SPAN.notBefore, DAY) },
      { ...pack, version: 1, effectiveFrom: SPAN.notBefore },
    ]
    const at = (ms: number) => packInForce({ packs }, shifted(SPAN.notBefore, ms))?.version
    expect([at(-1), at(0), at(DAY - 1), at(DAY)]).toEqual([undefined, 1, 1, 2])
  })
})

const satisfied = told(aRotation(), planned, performed('issue'), approved('cut-over'))
const asked = (story: Story, change: Partial<AskingAgain> = {}): AskingAgain => ({
  ...{ opened: story.opened, state: story.state, authority: story.authority, at: story.at },
  ...{ step: must(stepOf(story.state, 'cut-over') ?? refuse('WRONG_STEP', '/')) },
  ...{ pack: PACK, packHash: PACK_HASH, involved: [], uses: [], ...change },
})
const counted = (story: Story, change: Partial<Parameters<typeof countAgain>[0]> = {}) => {
  const { state, recorded, at } = story
  const step = must(stepOf(state, 'cut-over') ?? refuse('WRONG_STEP', '/'))
  const requirement = must(story.opened.requirements['cut-over'] ?? refuse('WRONG_STEP', '/'))
  return countAgain({
    ...{ state, recorded, step, at, authority: story.authority, verify: nodeVerify },
    ...{ requirement: requirement.requirement, involved: [], ...change },
  })
}

describe('the terms, asked again before the grant', () => {
  it('are those that were signed for', () => {
    expect(termsAgain(asked(satisfied))).toEqual(terms(today(PACK)))
  })

  it('are refused when the requirement has become another', () => {
    const pack = packWith('cut-over', { assurance: 'passkey' })
    expect(code(termsAgain(asked(satisfied, { pack })))).toBe('REQUIREMENT_CHANGED')
  })

  it('are refused while a fact that the rule asks for was not observed', () => {
    const state = { ...satisfied.state, facts: [] }
    expect(code(termsAgain(asked(satisfied, { state })))).toBe('CONDITION_UNMET')
  })

  it('are refused when the contract has ended', () => {
    expect(code(termsAgain(asked(satisfied, { at: SPAN.notAfter })))).toBe('NEED_ENDED')
    const contracts = authority.contracts.map((one) => ({ ...one, notAfter: satisfied.at }))
    const ended = { ...authority, contracts }
    expect(code(termsAgain(asked(satisfied, { authority: ended })))).toBe('CONTRACT_ENDED')
  })
})

describe('the votes, counted again before the grant', () => {
  it('are counted from the stored bytes', () => {
    const stored = satisfied.recorded.flatMap(({ event }) =>
      event.type === 'DecisionAdmitted' ? [event.decisionId] : [],
    )
    expect(counted(satisfied)).toEqual(stored.slice(-1))
  })

  it('count nothing once a key was revoked, and the refusal says so', () => {
    const revoked = anAuthority({
      ...{ keys, version: 2 },
      change: {
        people: (section) => ({
          ...section,
          persons: section.persons.map((person) => ({
            ...person,
            keys: person.keys.map((key) => ({ ...key, revokedAt: satisfied.at })),
          })),
        }),
      },
    }).authority
    expect(code(counted(satisfied, { authority: revoked }))).toBe('KEY_REVOKED')
  })

  it('count nothing that is too old by then', () => {
    const old = told(satisfied, waits(3 * DAY + HOUR))
    expect(code(counted(old))).toBe('EXPIRED')
  })

  it('count what was signed, not what the row says: a row "approve" over a decline is no vote', () => {
    const open = told(aRotation(), planned, performed('issue'), gateOpens('cut-over'))
    const as = { verdict: 'decline' as const }
    const declined = decision(open, { stepId: 'cut-over', person: 'per_ana', as })
    const recorded = satisfied.recorded.map((item) =>
      item.event.type === 'DecisionAdmitted' && item.event.stepId === 'cut-over'
        ? { ...item, event: { ...item.event, envelope: declined } }
        : item,
    )
    const { state } = open
    const step = must(stepOf(satisfied.state, 'cut-over') ?? refuse('WRONG_STEP', '/'))
    expect(code(counted(satisfied, { recorded, state, step }))).toBe('QUORUM_MISSING')
  })

  it('count nothing given ahead before what it waits for was observed', () => {
    const as = { gate: { opensWhen: ['new-credential-works' as const] } }
    const ahead = told(aRotation(), planned, signs('per_ana', 'cut-over', { as }))
    expect(code(counted(ahead))).toBe('QUORUM_MISSING')
    const known = { ...ahead.state, facts: as.gate.opensWhen }
    expect(code(counted(ahead, { state: known }))).toBe('accepted')
  })

  it('count no row without its bytes: a vote for another step stays there', () => {
    const elsewhere = told(
      aRotation(),
      planned,
      performed('issue'),
      signs('per_ana', 'retire', { as: { gate: { opensWhen: ['consumer-on-new'] } } }),
      gateOpens('cut-over'),
    )
    const retireVotes = stepOf(elsewhere.state, 'retire')?.votes ?? []
    const step = must(stepOf(elsewhere.state, 'cut-over') ?? refuse('WRONG_STEP', '/'))
    const forged = { ...step, votes: retireVotes }
    expect(code(counted(elsewhere, { step: forged }))).toBe('QUORUM_MISSING')
  })
})
