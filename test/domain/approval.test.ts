/** judge: which envelopes count as whose decision, at which gate. One refusal a sentence, with real signatures. */
import { describe, it } from 'vitest'
import type { TestPerson } from '../support/authority.js'
import { aRotation, CAST, given, HOUR, refusal, shifted, told } from '../support/given.js'
import {
  believes,
  claimed,
  decision,
  declines,
  gateOpens,
  gateRefuses,
  grants,
  offered,
  performed,
  planned,
  sends,
  signs,
  waits,
} from '../support/moves.js'

import { changed, TWO } from '../support/terms.js'

const { keys } = CAST
const atIssue = told(aRotation(), planned, gateOpens('issue'))
const NONE = `sha256:${'0'.repeat(64)}` as const

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
