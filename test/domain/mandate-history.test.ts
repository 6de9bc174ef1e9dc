/**
 * Mandates over random histories: used, taken back by signers and by others, asked for on other days, under
 * authorities in which a signer is gone. What is covered is said here a second time, by counting.
 */
import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import type { Authority } from '../../src/domain/authority/authority.js'
import { digest } from '../../src/domain/bytes/digest.js'
import { isRefusal } from '../../src/domain/refusal.js'
import {
  judgeUse,
  type RecordedMandateEvent,
  recordOf,
} from '../../src/domain/rights/mandate-record.js'
import type { Mandate, MandateRevocation } from '../../src/domain/shapes/envelope.js'
import type { MandateEvent } from '../../src/domain/shapes/mandate-event.js'
import { addSignature, signEnvelope } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { AT, anAuthority, packReference, type TestPerson } from '../support/authority.js'
import { aRotation, CAST, DAY, HOUR, PACK, shifted, told } from '../support/given.js'
import { planned } from '../support/moves.js'

const { keys, authority } = CAST
const SIGNERS: readonly TestPerson[] = ['per_cleo', 'per_dora']
const mandateId = '01KB0000000000000000000005'

type Act =
  | { readonly does: 'use' }
  | { readonly does: 'wait'; readonly hours: number }
  | { readonly does: 'revoke'; readonly keyOf: TestPerson; readonly says: TestPerson }
  | { readonly does: 'learn'; readonly away: TestPerson | null }

const anyone = fc.constantFrom<TestPerson>('per_ana', 'per_cleo', 'per_dora', 'per_zed')
const gone = fc.constantFrom<TestPerson | null>(null, null, 'per_ana', 'per_dora')
const anAct: fc.Arbitrary<Act> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ does: fc.constant('use' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      ...{ does: fc.constant('wait' as const), hours: fc.constantFrom(1, 5, 11, 24) },
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constant('revoke' as const), keyOf: anyone, says: anyone }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('learn' as const), away: gone }) },
)

interface Terms {
  readonly total: number
  readonly perDay: number
  readonly zone: 'UTC' | 'Asia/Tokyo'
  readonly days: number
}
const terms: fc.Arbitrary<Terms> = fc.record({
  ...{ total: fc.integer({ min: 1, max: 6 }), perDay: fc.integer({ min: 1, max: 3 }) },
  zone: fc.constantFrom('UTC' as const, 'Asia/Tokyo' as const),
  days: fc.integer({ min: 1, max: 5 }),
})

// ---- what is signed --------------------------------------------------------------------------------

function signedMandate({ total, perDay, zone, days }: Terms) {
  const payload: Mandate = {
    ...{ type: 'mandate', v: 1, mandateId, enterprise: 'ent_bank' },
    covers: {
      ...{ kinds: ['rotate'], steps: ['retire'], tiers: ['tier1'] },
      ...{ systems: null, partners: null, identities: null },
    },
    caps: { total, perDay },
    window: { zone, weekdays: [1, 2, 3, 4, 5, 6, 7], fromMinute: 0, toMinute: 1440 },
    ...{ effect: 'reduce-only', notBefore: AT, notAfter: shifted(AT, days * DAY) },
    signers: [...SIGNERS],
  }
  const { keyId, signer } = keys.persons.per_cleo
  const envelope = signEnvelope({ kind: 'mandate', payload, keyId, signer })
  return addSignature({ envelope, ...keys.persons.per_dora })
}

function signedRevocation(keyOf: TestPerson, personId: TestPerson, at: string) {
  const payload: MandateRevocation = {
    ...{ type: 'mandate-revocation', v: 1, enterprise: 'ent_bank', mandateId, personId },
    ...{ notBefore: at, notAfter: shifted(at, HOUR) },
  }
  const { keyId, signer } = keys.persons[keyOf]
  return signEnvelope({ kind: 'mandate-revocation', payload, keyId, signer })
}

const pack = packReference()
const without = (away: TestPerson): Authority =>
  anAuthority({
    ...{ keys, version: 2, pack },
    change: {
      people: (section) => ({
        ...section,
        persons: section.persons.map((person) =>
          person.personId === away ? { ...person, status: 'disabled' as const } : person,
        ),
      }),
    },
  }).authority
const WITHOUT = new Map(
  (['per_ana', 'per_dora'] as const).map((one) => [one as string, without(one)]),
)

// ---- a history -------------------------------------------------------------------------------------

const { state } = told(aRotation(), planned)
const reference = { version: authority.version, hash: authority.hash }

interface History {
  readonly asked: Terms
  /** Since AT. */
  readonly hours: number
  readonly away: TestPerson | null
  readonly isBack: boolean
  /** The day of each use, by the mandate's zone. */
  readonly used: readonly number[]
  readonly events: readonly RecordedMandateEvent[]
}
const begun = (asked: Terms): History => {
  const given = { type: 'MandateGiven' as const, mandateId, envelope: signedMandate(asked) }
  const events = [{ at: AT, event: { ...given, authority: reference } }]
  return { asked, hours: 0, away: null, isBack: false, used: [], events }
}
const now = ({ hours }: History) => shifted(AT, hours * HOUR)
const recorded = (history: History, event: MandateEvent) => [
  ...history.events,
  { at: now(history), event },
]

/** Neither zone knows summer time: a day is 24 hours, and Tokyo's begins nine hours before. */
const dayOf = ({ asked, hours }: History) =>
  Math.floor((Date.parse(AT) / HOUR + hours + (asked.zone === 'UTC' ? 0 : 9)) / 24)

function nthByCounting(history: History): number | null {
  const { asked, used, hours, away, isBack } = history
  const today = used.filter((day) => day === dayOf(history)).length
  const isLeft = used.length < asked.total && today < asked.perDay
  const holds = !isBack && hours < asked.days * 24 && away !== 'per_dora'
  return isLeft && holds ? used.length + 1 : null
}

function nthByJudging(history: History): number | null {
  const record = recordOf({ mandateId, events: history.events, named: () => authority })
  if (record === null) throw new Error('no record')
  const answer = judgeUse({
    ...{ record, state, stepId: 'retire', pack: PACK, verify: nodeVerify, at: now(history) },
    authority: WITHOUT.get(history.away ?? '') ?? authority,
  })
  return isRefusal(answer) ? null : answer.nth
}

function after(history: History, act: Act): History {
  if (act.does === 'wait') return { ...history, hours: history.hours + act.hours }
  if (act.does === 'learn') return { ...history, away: act.away }
  if (act.does === 'revoke') {
    const { keyOf, says } = act
    const envelope = signedRevocation(keyOf, says, now(history))
    const event = { type: 'MandateRevoked' as const, mandateId, envelope, authority: reference }
    const isBack = history.isBack || (keyOf === says && SIGNERS.includes(says))
    return { ...history, isBack, events: recorded(history, event) }
  }
  const nth = nthByJudging(history)
  if (nth === null) return history
  const event = {
    ...{ type: 'MandateUsed' as const, mandateId, caseId: state.caseId, stepId: 'retire', nth },
    ...{ grantId: '01KB0000000000000000000009', follows: digest('') },
    attestation: { keyid: keys.connector.keyId, sig: '' },
  }
  return { ...history, used: [...history.used, dayOf(history)], events: recorded(history, event) }
}

const acts = fc.array(anAct, { minLength: 5, maxLength: 40 })

describe('a mandate, whoever uses it and whenever', () => {
  test.prop([terms, acts], { numRuns: 100 })(
    'covers exactly as many uses as were signed for, until a signer takes it back or is gone',
    (asked, list) => {
      list.reduce((history, act) => {
        expect(nthByJudging(history)).toBe(nthByCounting(history))
        return after(history, act)
      }, begun(asked))
    },
  )

  test('is really used up, taken back and missing a signer in these histories (control)', () => {
    const ends = fc
      .sample(fc.tuple(terms, acts), { numRuns: 100, seed: 7 })
      .map(([asked, list]) => list.reduce(after, begun(asked)))
    expect(ends.some(({ used, asked }) => used.length === asked.total)).toBe(true)
    expect(ends.some(({ isBack, used }) => isBack && used.length > 0)).toBe(true)
    expect(ends.some(({ away }) => away === 'per_dora')).toBe(true)
  })
})
