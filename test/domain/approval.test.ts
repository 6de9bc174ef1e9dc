/** judge: which envelopes count as whose decision, at which gate. One refusal a sentence, with real signatures. */
import { describe, expect, it } from 'vitest'
import { judge } from '../../src/domain/approval.js'
import { verifyAuthority } from '../../src/domain/authority.js'
import { isRefusal } from '../../src/domain/refusal.js'
import type { Delegation } from '../../src/domain/shapes/envelope.js'
import { signEnvelope } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { AT, anAuthority, must, SPAN, type TestPerson } from '../support/authority.js'
import {
  aRotation,
  CAST,
  DAY,
  given,
  HOUR,
  refusal,
  type Story,
  shifted,
  told,
} from '../support/given.js'
import {
  believes,
  claimed,
  decision,
  declines,
  gateOpens,
  gateRefuses,
  granted,
  grants,
  offered,
  performed,
  planned,
  sends,
  signs,
  targetChanges,
  waits,
} from '../support/moves.js'

const { keys } = CAST
const atIssue = told(aRotation(), planned, gateOpens('issue'))
const NONE = `sha256:${'0'.repeat(64)}` as const
const ahead = { gate: { opensWhen: ['new-credential-works'] } } as const

type People = NonNullable<NonNullable<Parameters<typeof anAuthority>[0]>['change']>['people']
/** The same people with the same keys, but for this change: what is believed tomorrow. */
const changed = (people: NonNullable<People>) =>
  anAuthority({ keys, version: 2, change: { people } }).authority

describe('a decision at an open gate', () => {
  it('of the owner is admitted, and satisfies a gate that asks one person', () => {
    given(atIssue).when(signs('per_ana', 'issue')).gives('DecisionAdmitted', 'GateSatisfied')
  })

  const bound = [
    ['another enterprise', { enterprise: 'ent_other' }, 'WRONG_ENTERPRISE'],
    [
      'another case',
      { caseId: 'rotate:com_acme:nhi_ledger:01KB0000000000000000000000' },
      'WRONG_CASE',
    ],
    ['another plan', { planHash: NONE }, 'WRONG_PLAN'],
    ['a step that the plan does not have', { stepId: 'bypass' }, 'WRONG_STEP'],
    ['another requirement', { requirementHash: NONE }, 'REQUIREMENT_CHANGED'],
  ] as const
  it.each(bound)('for %s is refused', (_what, as, code) => {
    given(atIssue)
      .when(signs('per_ana', 'issue', { as }))
      .gives(refusal(code))
  })

  it('for another opening of the gate is refused', () => {
    const preStateHash = atIssue.state.steps[0]?.gate?.preStateHash ?? NONE
    const as = { gate: { nonce: NONE, preStateHash } }
    given(atIssue)
      .when(signs('per_ana', 'issue', { as }))
      .gives(refusal('WRONG_NONCE', '/gate/nonce'))
  })

  it('for another state of the target is refused', () => {
    const nonce = atIssue.state.steps[0]?.gate?.nonce ?? NONE
    const as = { gate: { nonce, preStateHash: NONE } }
    given(atIssue)
      .when(signs('per_ana', 'issue', { as }))
      .gives(refusal('PRESTATE_CHANGED'))
  })

  it('is refused at a later opening of the same gate, even when nothing else changed', () => {
    const old = decision(atIssue, { stepId: 'issue', person: 'per_ana' })
    given(atIssue, signs('per_ana', 'issue'), gateRefuses('issue'), gateOpens('issue'))
      .when(sends(old))
      .gives(refusal('WRONG_NONCE', '/gate/nonce'))
  })

  it('is refused before it begins and once it has ended, to the millisecond', () => {
    const as = { notBefore: shifted(atIssue.at, 1), notAfter: shifted(atIssue.at, 2) }
    const envelope = decision(atIssue, { stepId: 'issue', person: 'per_ana', as })
    given(atIssue).when(sends(envelope)).gives(refusal('TOO_EARLY'))
    given(atIssue, waits(1)).when(sends(envelope)).gives('DecisionAdmitted', 'GateSatisfied')
    given(atIssue, waits(2)).when(sends(envelope)).gives(refusal('EXPIRED', '/notAfter'))
  })

  it('older than the policy accepts is refused, however long it says that it lasts', () => {
    const story = told(
      aRotation({ terms: { issue: { decisionMaxAgeMs: HOUR } } }),
      planned,
      gateOpens('issue'),
    )
    const envelope = decision(story, { stepId: 'issue', person: 'per_ana' })
    given(story, waits(HOUR)).when(sends(envelope)).gives('DecisionAdmitted', 'GateSatisfied')
    given(story, waits(HOUR + 1))
      .when(sends(envelope))
      .gives(refusal('EXPIRED', '/notBefore'))
  })

  it('is refused before the case has a plan', () => {
    const envelope = decision(atIssue, { stepId: 'issue', person: 'per_ana' })
    given(aRotation()).when(sends(envelope)).gives(refusal('GATE_NOT_OPEN', '/planHash'))
  })

  it('is refused before its gate opens', () => {
    const envelope = decision(atIssue, { stepId: 'issue', person: 'per_ana' })
    given(aRotation(), planned).when(sends(envelope)).gives(refusal('GATE_NOT_OPEN'))
  })

  it('is refused once the step is granted, offered, claimed or performed', () => {
    const envelope = decision(atIssue, { stepId: 'issue', person: 'per_ana' })
    const approvals = told(atIssue, sends(envelope), grants('issue'))
    const second = decision(atIssue, { stepId: 'issue', person: 'per_ana' })
    given(approvals).when(sends(second)).gives(refusal('TOO_LATE', '/stepId'))
    const cutOver = told(aRotation(), planned, performed('issue'), gateOpens('cut-over'))
    const late = decision(cutOver, { stepId: 'cut-over', person: 'per_ana' })
    for (const moves of [offered, claimed]) {
      const story = told(aRotation(), planned, performed('issue'), moves)
      given(story).when(signs('per_ana', 'cut-over')).gives(refusal('TOO_LATE'))
      given(story).when(signs('per_ana', 'issue')).gives(refusal('TOO_LATE'))
    }
    given(cutOver, sends(late), grants('cut-over')).when(sends(late)).gives(refusal('TOO_LATE'))
  })

  it('is refused once the case is ending or closed', () => {
    const late = decision(atIssue, { stepId: 'issue', person: 'per_ana' })
    given(atIssue, declines('per_ana', 'issue'))
      .when(sends(late))
      .gives(refusal('TOO_LATE', '/caseId'))
    const ending = told(aRotation(), planned, performed('issue'), gateOpens('cut-over'))
    given(ending, declines('per_ana', 'cut-over'))
      .when(signs('per_ana', 'retire', { as: { gate: { opensWhen: ['consumer-on-new'] } } }))
      .gives(refusal('TOO_LATE', '/caseId'))
  })

  it('is counted once: the same envelope is a replay', () => {
    const story = told(aRotation({ terms: TWO }), planned, gateOpens('issue'))
    const envelope = decision(story, { stepId: 'issue', person: 'per_ana' })
    given(story, sends(envelope)).when(sends(envelope)).gives(refusal('REPLAYED'))
  })

  it('is counted once: another envelope of the same person is not a second vote', () => {
    given(aRotation({ terms: TWO }), planned, gateOpens('issue'), signs('per_ana', 'issue'))
      .when(signs('per_ana', 'issue'))
      .gives(refusal('PERSON_COUNTED'))
  })

  it('is counted once: a second key of the same person is not a second vote', () => {
    const second = keys.persons.per_dora
    const twoKeys = changed((section) => ({
      ...section,
      persons: section.persons.map((person) => {
        if (person.personId === 'per_dora') return { ...person, keys: [] }
        const doras = section.persons.find((other) => other.personId === 'per_dora')?.keys ?? []
        return person.personId === 'per_ana'
          ? { ...person, keys: [...person.keys, ...doras] }
          : person
      }),
    }))
    given(
      aRotation({ terms: TWO }),
      planned,
      gateOpens('issue'),
      believes(twoKeys),
      signs('per_ana', 'issue'),
    )
      .when(signs('per_ana', 'issue', { key: second }))
      .gives(refusal('PERSON_COUNTED'))
  })

  it('may be given again by a person whose first vote is no longer in force', () => {
    const brief = { notAfter: shifted(atIssue.at, HOUR) }
    given(
      aRotation({ terms: TWO }),
      planned,
      gateOpens('issue'),
      signs('per_ana', 'issue', { as: brief }),
      waits(HOUR),
    )
      .when(signs('per_ana', 'issue'))
      .gives('DecisionAdmitted')
  })
})

const TWO = {
  issue: {
    groups: [
      { name: 'identity-owner', persons: ['per_ana'], need: 1 },
      { name: 'objective-owner', persons: ['per_ben'], need: 1 },
    ],
    quorum: 2,
  },
}

describe('a gate that asks two persons', () => {
  const story = told(aRotation({ terms: TWO }), planned, gateOpens('issue'))

  it('waits for the second, whoever comes first', () => {
    given(story).when(signs('per_ben', 'issue')).gives('DecisionAdmitted')
    given(story, signs('per_ben', 'issue'))
      .when(signs('per_ana', 'issue'))
      .gives('DecisionAdmitted', 'GateSatisfied')
  })

  it('does not count a vote that ended before the second came', () => {
    const brief = { notAfter: shifted(story.at, HOUR) }
    given(story, signs('per_ana', 'issue', { as: brief }), waits(HOUR))
      .when(signs('per_ben', 'issue'))
      .gives('DecisionAdmitted')
  })

  it('is closed by one decline, even of somebody who approved before', () => {
    given(story, signs('per_ana', 'issue'))
      .when(declines('per_ana', 'issue'))
      .gives('DecisionAdmitted', 'GateDeclined', 'CaseClosed')
    given(story, signs('per_ana', 'issue'), signs('per_ben', 'issue'))
      .when(declines('per_ben', 'issue'))
      .gives('DecisionAdmitted', 'GateDeclined', 'CaseClosed')
  })

  it('records a question as no vote', () => {
    const asked = told(story, signs('per_ana', 'issue', { as: { verdict: 'ask' } }))
    given(asked, signs('per_ben', 'issue'))
      .when(signs('per_ana', 'issue'))
      .gives('DecisionAdmitted', 'GateSatisfied')
  })
})

describe('the signature', () => {
  const sign = (person: TestPerson = 'per_ana') => decision(atIssue, { stepId: 'issue', person })

  it('of a key that nobody has is refused', () => {
    const key = { ...keys.persons.per_ana, keyId: 'key_nobody' }
    given(atIssue)
      .when(signs('per_ana', 'issue', { key }))
      .gives(refusal('KEY_UNKNOWN'))
  })

  it('of another key under this name is refused', () => {
    const key = { ...keys.persons.per_ben, keyId: 'key_ana' }
    given(atIssue)
      .when(signs('per_ana', 'issue', { key }))
      .gives(refusal('SIGNATURE_INVALID'))
  })

  it('of one person under another person’s decision is refused', () => {
    given(atIssue)
      .when(signs('per_ana', 'issue', { key: keys.persons.per_ben }))
      .gives(refusal('PERSON_UNKNOWN'))
  })

  it('is exactly one: two are refused, even when both are good', () => {
    const envelope = sign()
    const [first] = envelope.signatures
    const two = { ...envelope, signatures: first === undefined ? [] : [first, first] }
    given(atIssue).when(sends(two)).gives(refusal('MALFORMED', '/signatures'))
    given(atIssue)
      .when(sends({ ...envelope, signatures: [] }))
      .gives(refusal('MALFORMED', '/signatures'))
  })

  const keyOf = (change: object) =>
    changed((section) => ({
      ...section,
      persons: section.persons.map((person) => ({
        ...person,
        keys: person.keys.map((key) => (key.keyId === 'key_ana' ? { ...key, ...change } : key)),
      })),
    }))

  it('of a revoked key is refused from the instant of revocation', () => {
    const authority = keyOf({ revokedAt: shifted(atIssue.at, HOUR) })
    const envelope = sign()
    given(atIssue, believes(authority), waits(HOUR - 1))
      .when(sends(envelope))
      .gives('DecisionAdmitted', 'GateSatisfied')
    given(atIssue, believes(authority), waits(HOUR))
      .when(sends(envelope))
      .gives(refusal('KEY_REVOKED'))
  })

  it('of a key outside its validity is refused', () => {
    for (const span of [{ notBefore: shifted(atIssue.at, 1) }, { notAfter: atIssue.at }])
      given(atIssue, believes(keyOf(span)))
        .when(sends(sign()))
        .gives(refusal('KEY_REVOKED'))
  })

  it('of a plain key is refused where a passkey is asked', () => {
    const terms = { issue: { assurance: 'passkey' as const } }
    given(aRotation({ terms }), planned, gateOpens('issue'))
      .when(signs('per_ana', 'issue'))
      .gives(refusal('ASSURANCE_TOO_LOW'))
  })

  it('of a passkey without its assertion is refused', () => {
    given(atIssue)
      .when(signs('per_ana', 'issue', { key: keys.passkeys.per_ana }))
      .gives(refusal('ASSERTION_INVALID'))
  })

  it('over a payload of another type is refused', () => {
    const envelope = { ...sign(), payloadType: 'application/vnd.countersign.fence.v1+json' }
    given(atIssue).when(sends(envelope)).gives(refusal('SIGNATURE_INVALID'))
  })
})

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
  const delegation = (change: Partial<Delegation> & { from: TestPerson; to: string }) => ({
    ...{ type: 'delegation' as const, v: 1 as const, enterprise: 'ent_bank' },
    ...{ delegationId: '01KB0000000000000000000001', kinds: ['rotate' as const] },
    ...{ systems: null, ...SPAN, ...change },
  })
  const cast = (...delegations: ReturnType<typeof delegation>[]) =>
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

  const void_ = [
    ['for another person', delegation({ from: 'per_ana', to: 'per_dora' })],
    ['from another person', delegation({ from: 'per_ben', to: 'per_cleo' })],
    ['for other systems', { ...anaToCleo, systems: ['sys_other'] }],
    ['that has ended', { ...anaToCleo, notAfter: atIssue.at }],
    ['that has not begun', { ...anaToCleo, notBefore: shifted(atIssue.at, 1) }],
    ['of another enterprise', { ...anaToCleo, enterprise: 'ent_other' }],
  ] as const
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

  it('may not pass it on: a delegation is one level deep, and a loop is none', () => {
    const benToAna = delegation({ from: 'per_ben', to: 'per_ana' })
    const cleoToAna = delegation({ from: 'per_cleo', to: 'per_ana' })
    for (const more of [benToAna, cleoToAna])
      given(atIssue, believes(cast(anaToCleo, more)))
        .when(forAna)
        .gives(refusal('DELEGATION_INVALID'))
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

describe('a decision given ahead', () => {
  const start = told(aRotation(), planned)
  const signsAhead = signs('per_ana', 'cut-over', { as: ahead })

  it('satisfies its own gate when that opens', () => {
    given(start, signsAhead, performed('issue'))
      .when(gateOpens('cut-over'))
      .gives('GateOpened', 'GateSatisfied')
  })

  it('satisfies no other gate', () => {
    given(start, signsAhead).when(gateOpens('issue')).gives('GateOpened')
  })

  it('is one of two votes where two are asked', () => {
    const both = { gate: { opensWhen: ['consumer-on-new'] } } as const
    const story = told(
      start,
      signs('per_ana', 'retire', { as: both }),
      performed('issue'),
      performed('cut-over'),
    )
    given(story).when(gateOpens('retire')).gives('GateOpened')
    given(story, gateOpens('retire'))
      .when(signs('per_ben', 'retire'))
      .gives('DecisionAdmitted', 'GateSatisfied')
    given(story, gateOpens('retire'))
      .when(signs('per_ana', 'retire'))
      .gives(refusal('PERSON_COUNTED'))
  })

  it('is refused where the policy forbids it', () => {
    given(start)
      .when(signs('per_ana', 'issue', { as: ahead }))
      .gives(refusal('AHEAD_FORBIDDEN'))
  })

  it('is refused when it waits for less than the gate asks', () => {
    const as = { gate: { opensWhen: ['old-unused' as const] } }
    given(start)
      .when(signs('per_ana', 'cut-over', { as }))
      .gives(refusal('CONDITION_UNMET'))
  })

  it('is refused when it waits for what this gate does not wait for', () => {
    const opensWhen = ['new-credential-works', 'old-refused'] as const
    const as = { gate: { opensWhen: [...opensWhen] } }
    given(start)
      .when(signs('per_ana', 'cut-over', { as }))
      .gives(refusal('CONDITION_UNMET'))
    given(start, performed('issue'), gateOpens('cut-over'))
      .when(signs('per_ana', 'cut-over', { as }))
      .gives(refusal('CONDITION_UNMET'))
  })

  it('asks nothing: a question needs an open gate', () => {
    given(start)
      .when(signs('per_ana', 'cut-over', { as: { ...ahead, verdict: 'ask' } }))
      .gives(refusal('GATE_NOT_OPEN'))
  })

  it('does not count once it has ended, and its signer may sign again', () => {
    const as = { ...ahead, notAfter: shifted(start.at, HOUR) }
    const story = told(start, signs('per_ana', 'cut-over', { as }), performed('issue'), waits(HOUR))
    given(story).when(gateOpens('cut-over')).gives('GateOpened')
    given(story, gateOpens('cut-over'))
      .when(signs('per_ana', 'cut-over'))
      .gives('DecisionAdmitted', 'GateSatisfied')
  })

  it('does not count for a requirement that has become another, and its signer may sign again', () => {
    const story = told(start, signsAhead, performed('issue'))
    const stricter = { decisionMaxAgeMs: DAY }
    given(story).when(gateOpens('cut-over', stricter)).gives('GateOpened')
    given(story, gateOpens('cut-over', stricter))
      .when(signs('per_ana', 'cut-over'))
      .gives('DecisionAdmitted', 'GateSatisfied')
  })

  it('blocks the whole case when it is a decline', () => {
    given(start)
      .when(declines('per_ana', 'cut-over', { as: ahead }))
      .gives('DecisionAdmitted', 'GateDeclined', 'CaseClosed')
  })

  it('blocks by a decline at an open gate whatever that waits for', () => {
    const story = told(start, performed('issue'), performed('cut-over'), gateOpens('retire'))
    const as = { gate: { opensWhen: ['consumer-on-new' as const, 'old-refused' as const] } }
    given(story)
      .when(declines('per_ana', 'retire', { as }))
      .gives('DecisionAdmitted', 'GateDeclined', 'CaseClosed')
  })
})

describe('every envelope against every other gate (I12)', () => {
  it('is admitted at exactly the gate that it was signed for', () => {
    const cases = ['A', 'B'].map((letter) => `${CASE_PREFIX}${letter.repeat(26)}`)
    const gates = cases.flatMap((caseId) => openGates(caseId))
    const sheaf = gates.map((gate) =>
      decision(gate.story, { stepId: gate.stepId, person: 'per_ana' }),
    )
    const counts = sheaf.map((envelope) =>
      gates.map(({ story }) => {
        const { state, authority, at } = story
        return isRefusal(judge({ envelope, state, authority, verify: nodeVerify, at })) ? 0 : 1
      }),
    )
    expect(counts).toEqual(
      sheaf.map((_, row) => gates.map((_, column) => (row === column ? 1 : 0))),
    )
  })
})

const CASE_PREFIX = 'rotate:com_acme:nhi_billing:'

/** Every gate of one case as it stands open, some of them a second time. */
function openGates(caseId: string): { readonly story: Story; readonly stepId: string }[] {
  const start = told(aRotation({ caseId }), planned)
  const issue = told(start, gateOpens('issue'))
  const other = told(start, targetChanges({ 'billing_b.login': 'true' }), gateOpens('issue'))
  const cutOver = told(start, performed('issue'), gateOpens('cut-over'))
  const retire = told(start, performed('issue'), performed('cut-over'), gateOpens('retire'))
  const close = told(start, ...['issue', 'cut-over', 'retire'].map(performed), gateOpens('close'))
  return [
    { story: issue, stepId: 'issue' },
    { story: other, stepId: 'issue' },
    { story: cutOver, stepId: 'cut-over' },
    { story: retire, stepId: 'retire' },
    { story: close, stepId: 'close' },
  ]
}
