/** judgeMandate: who signed in advance, for which steps, how often, when; and never more than that. */
import { describe, expect, it } from 'vitest'
import type { Authority } from '../../src/domain/authority/authority.js'
import { type Refusal, refuse } from '../../src/domain/refusal.js'
import {
  type JudgingMandate,
  judgeMandate,
  judgeRevocation,
} from '../../src/domain/rights/mandate.js'
import type { Envelope, Mandate, MandateRevocation } from '../../src/domain/shapes/envelope.js'
import { addSignature, signEnvelope } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { AT, anAuthority, type TestKey, type TestPerson } from '../support/authority.js'
import { CAST, DAY, HOUR, shifted } from '../support/given.js'
import { aRequirement } from '../support/requirement.js'

const { keys, authority } = CAST
/** Two officers' worth: the requirement that a policy change would have. */
const quorum = aRequirement({
  groups: [
    { name: 'officer', persons: ['per_dora'], need: 1 },
    { name: 'risk-owner', persons: ['per_cleo'], need: 1 },
  ],
  quorum: 2,
})

const aMandate = (change: Partial<Mandate> = {}): Mandate => ({
  ...{ type: 'mandate', v: 1, mandateId: '01KB0000000000000000000005', enterprise: 'ent_bank' },
  covers: {
    ...{ kinds: ['rotate'], steps: ['retire'], tiers: ['tier1'] },
    ...{ systems: null, partners: null, identities: null },
  },
  ...{ caps: { total: 10, perDay: 2 }, window: null, effect: 'reduce-only' },
  ...{ notBefore: AT, notAfter: shifted(AT, 90 * DAY), signers: ['per_cleo', 'per_dora'] },
  ...change,
})

const signed = (mandate: Mandate, by: readonly TestPerson[] = ['per_cleo', 'per_dora']) => {
  const [first, ...others] = by
  const { keyId, signer } = keys.persons[first ?? 'per_cleo']
  const envelope = signEnvelope({ kind: 'mandate', payload: mandate, keyId, signer })
  const add = (to: Envelope, person: TestPerson) =>
    addSignature({ envelope: to, ...keys.persons[person] })
  return others.reduce(add, envelope)
}

const use: JudgingMandate['use'] = {
  ...{ kind: 'rotate', stepId: 'retire', tier: 'tier1', systemId: 'sys_billing' },
  ...{ companyId: 'com_acme', identityId: 'nhi_billing', effect: 'reduces' },
}

const judged = (mandate: Mandate, change: Partial<JudgingMandate> = {}) =>
  judgeMandate({
    ...{ envelope: signed(mandate), authority, verify: nodeVerify, at: AT, use, quorum },
    ...{ uses: { total: 0, today: 0 }, revocations: [] },
    ...change,
  })
type Answer = ReturnType<typeof judgeMandate>
const code = (answer: Answer) => ('refused' in answer ? answer.refused : answer.nth)
const place = (answer: Answer) => ('where' in answer ? answer.where : '')

describe('a mandate', () => {
  it('covers a step like those it describes, and says which use this is', () => {
    expect(judged(aMandate())).toEqual({ mandateId: '01KB0000000000000000000005', nth: 1 })
    expect(code(judged(aMandate(), { uses: { total: 4, today: 1 } }))).toBe(5)
  })

  const other = [
    ['kinds', { kind: 'provision' }],
    ['steps', { stepId: 'issue' }],
    ['tiers', { tier: 'tier0' }],
    ['systems', { systemId: 'sys_other' }],
    ['partners', { companyId: 'com_zeta' }],
    ['identities', { identityId: 'nhi_ledger' }],
  ] as const
  it.each(other)('covers nothing else in its %s', (field, change) => {
    const covers = {
      ...aMandate().covers,
      ...{ systems: ['sys_billing'], partners: ['com_acme'], identities: ['nhi_billing'] },
    }
    const mandate = aMandate({ covers })
    expect(code(judged(mandate))).toBe(1)
    const answer = judged(mandate, { use: { ...use, ...change } as JudgingMandate['use'] })
    expect([code(answer), place(answer)]).toEqual(['MANDATE_INVALID', `/covers/${field}`])
  })

  it('that may only reduce covers nothing that does more', () => {
    const more = { use: { ...use, effect: 'other' as const } }
    expect(code(judged(aMandate(), more))).toBe('NOT_REDUCING')
    expect(code(judged(aMandate({ effect: 'any' }), more))).toBe(1)
  })

  it('lasts at most 90 days', () => {
    const longer = aMandate({ notAfter: shifted(AT, 90 * DAY + 1) })
    expect(code(judged(longer))).toBe('MANDATE_INVALID')
    expect(code(judged(aMandate({ notAfter: AT })))).toBe('MANDATE_INVALID')
  })

  it('is in force from its first instant to before its last', () => {
    const mandate = aMandate()
    const at = (ms: number) => code(judged(mandate, { at: shifted(AT, ms) }))
    expect([at(-1), at(0), at(90 * DAY - 1), at(90 * DAY)]).toEqual([
      ...['MANDATE_INVALID', 1, 1, 'MANDATE_INVALID'],
    ])
  })

  it('is used up after so many uses in all, and so many a day', () => {
    const with_ = (total: number, today: number) => judged(aMandate(), { uses: { total, today } })
    expect(code(with_(9, 1))).toBe(10)
    expect(place(with_(10, 0))).toBe('/caps/total')
    expect(place(with_(2, 2))).toBe('/caps/perDay')
  })

  it('covers nothing when its uses are not counted', () => {
    for (const bad of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(place(judged(aMandate(), { uses: { total: bad, today: 0 } }))).toBe('/caps')
      expect(place(judged(aMandate(), { uses: { total: 0, today: bad } }))).toBe('/caps')
    }
  })

  it('of another enterprise covers nothing', () => {
    expect(code(judged(aMandate({ enterprise: 'ent_other' })))).toBe('WRONG_ENTERPRISE')
  })
})

describe('the signers of a mandate', () => {
  it('are all the listed ones: one missing, one too many or one twice is none', () => {
    const mandate = aMandate()
    for (const by of [['per_cleo'], ['per_cleo', 'per_dora', 'per_ana']] as const)
      expect(code(judged(mandate, { envelope: signed(mandate, by) }))).toBe('MANDATE_INVALID')
    const twice = aMandate({ signers: ['per_cleo', 'per_cleo'] })
    const envelope = signed(twice, ['per_cleo'])
    expect(code(judged(twice, { envelope }))).toBe('MANDATE_INVALID')
    const [first] = envelope.signatures
    const double = { ...envelope, signatures: first === undefined ? [] : [first, first] }
    expect(code(judged(twice, { envelope: double }))).toBe('MANDATE_INVALID')
    const other = aMandate({ signers: ['per_cleo', 'per_ben'] })
    expect(code(judged(other))).toBe('MANDATE_INVALID')
  })

  it('satisfy the requirement of a policy change', () => {
    const mandate = aMandate({ signers: ['per_ana', 'per_ben'] })
    const envelope = signed(mandate, ['per_ana', 'per_ben'])
    expect(code(judged(mandate, { envelope }))).toBe('QUORUM_MISSING')
  })

  it('are of the enterprise, and not of who executes', () => {
    const withZed = aMandate({ signers: ['per_cleo', 'per_dora', 'per_zed'] })
    const envelope = signed(withZed, ['per_cleo', 'per_dora', 'per_zed'])
    expect(code(judged(withZed, { envelope }))).toBe('PERSON_DISABLED')
    const own = { use: { ...use, companyId: 'com_bank' } }
    expect(code(judged(aMandate(), own))).toBe('EXECUTOR_COMPANY')
  })

  const believing = (change: { person?: object; key?: object }) =>
    anAuthority({
      ...{ keys, version: 2 },
      change: {
        people: (section) => ({
          ...section,
          persons: section.persons.map((person) =>
            person.personId === 'per_dora'
              ? {
                  ...person,
                  ...change.person,
                  keys: person.keys.map((key) => ({ ...key, ...change.key })),
                }
              : person,
          ),
        }),
      },
    }).authority

  it('are live today: a disabled one or a revoked key ends it', () => {
    const disabled = believing({ person: { status: 'disabled' } })
    expect(code(judged(aMandate(), { authority: disabled }))).toBe('PERSON_DISABLED')
    const revoked = believing({ key: { revokedAt: AT } })
    expect(code(judged(aMandate(), { authority: revoked }))).toBe('KEY_REVOKED')
  })

  it('sign with the kind of key that is asked', () => {
    const passkeys = aRequirement({ ...quorum, assurance: 'passkey' })
    expect(code(judged(aMandate(), { quorum: passkeys }))).toBe('ASSURANCE_TOO_LOW')
  })

  it('signed these very bytes, as a mandate', () => {
    const bytes = signed(aMandate({ caps: { total: 99, perDay: 99 } })).payload
    const envelope = { ...signed(aMandate()), payload: bytes }
    expect(code(judged(aMandate(), { envelope }))).toBe('SIGNATURE_INVALID')
    const { keyId, signer } = keys.persons.per_dora
    const fence = signEnvelope({ kind: 'fence', payload: aMandate(), keyId, signer })
    expect(code(judged(aMandate(), { envelope: fence }))).toBe('WRONG_TYPE')
    const unknown = signEnvelope({ kind: 'mandate', payload: aMandate(), keyId: 'key_x', signer })
    expect(code(judged(aMandate(), { envelope: unknown }))).toBe('KEY_UNKNOWN')
  })
})

describe('a revocation', () => {
  const revocation = (change: Partial<MandateRevocation> = {}): MandateRevocation => ({
    ...{ type: 'mandate-revocation', v: 1, enterprise: 'ent_bank', personId: 'per_cleo' },
    ...{ mandateId: aMandate().mandateId, notBefore: AT, notAfter: shifted(AT, HOUR), ...change },
  })
  const revokes = (payload: MandateRevocation, by: TestKey = keys.persons.per_cleo) => {
    const { keyId, signer } = by
    return signEnvelope({ kind: 'mandate-revocation', payload, keyId, signer })
  }
  const recorded = (envelope: Envelope, at = AT, under: Authority | Refusal = authority) => ({
    revocations: [{ envelope, at, authority: under }],
  })

  it('by any one of its signers ends the mandate', () => {
    for (const personId of ['per_cleo', 'per_dora'] as const) {
      const envelope = revokes(revocation({ personId }), keys.persons[personId])
      const answer = judged(aMandate(), recorded(envelope))
      expect([code(answer), place(answer)]).toEqual(['MANDATE_INVALID', '/revocations/0'])
    }
  })

  it('counts for every use that stands after it, even one that read the clock before', () => {
    const at = shifted(AT, HOUR - 1)
    const envelope = revokes(revocation())
    const slow = { ...recorded(envelope, at), at: shifted(at, -1) }
    expect(code(judged(aMandate(), slow))).toBe('MANDATE_INVALID')
    expect(code(judged(aMandate(), { revocations: [], at }))).toBe(1)
    expect(code(judged(aMandate(), { ...recorded(envelope, at), at }))).toBe('MANDATE_INVALID')
  })

  it('is found among those of other mandates', () => {
    const other = revokes(revocation({ mandateId: '01KB0000000000000000000006' }))
    const own = revokes(revocation())
    const revocations = [other, own].map((envelope) => ({ envelope, at: AT, authority }))
    expect(place(judged(aMandate(), { revocations }))).toBe('/revocations/1')
    expect(code(judged(aMandate(), recorded(other)))).toBe(1)
  })

  const void_: readonly (readonly [string, string, Envelope])[] = [
    [
      ...(['by somebody who did not sign the mandate', 'NOT_ALLOWED'] as const),
      revokes(revocation({ personId: 'per_ana' }), keys.persons.per_ana),
    ],
    ['under a name of a signer', 'PERSON_UNKNOWN', revokes(revocation(), keys.persons.per_ana)],
    ['for another enterprise', 'WRONG_ENTERPRISE', revokes(revocation({ enterprise: 'ent_x' }))],
    ['before its time', 'TOO_EARLY', revokes(revocation({ notBefore: shifted(AT, 1) }))],
    ['after its time', 'EXPIRED', revokes(revocation({ notAfter: AT }))],
    ['with a key that nobody knows', 'KEY_UNKNOWN', revokes(revocation(), keys.claims.com_acme)],
    [
      ...(['changed after it was signed', 'SIGNATURE_INVALID'] as const),
      {
        ...revokes(revocation()),
        payload: revokes(revocation({ notAfter: '2030-01-01T00:00:00.000Z' })).payload,
      },
    ],
  ]
  it.each(void_)('%s is refused and ends nothing', (_what, refused, envelope) => {
    const answer = judgeRevocation({
      ...{ envelope, authority, verify: nodeVerify, at: AT, mandate: aMandate() },
    })
    expect(answer).toMatchObject({ refused })
    expect(code(judged(aMandate(), recorded(envelope)))).toBe(1)
  })

  const passkey = keys.passkeys.per_cleo
  /** A bundle in which a second key of hers signs without a passkey's ceremony, until it is revoked; null: it has left. */
  const secondKey = (revokedAt: string | null, left: 'is there' | 'has left' = 'is there') =>
    anAuthority({
      ...{ keys, version: 2 },
      change: {
        people: (section) => ({
          ...section,
          persons: section.persons.map((person) => ({
            ...person,
            keys: person.keys.flatMap((key) => {
              if (key.keyId !== passkey.keyId) return [key]
              const without = { assurance: 'key', relyingParty: null, revokedAt } as const
              return left === 'is there' ? [{ ...key, ...without }] : []
            }),
          })),
        }),
      },
    }).authority

  it('counts under the bundle that it names, also when the key has left today’s', () => {
    const envelope = revokes(revocation(), passkey)
    const left = secondKey(null, 'has left')
    const today = { authority: left, at: shifted(AT, DAY) }
    const under = (named: Authority) =>
      judged(aMandate(), { ...recorded(envelope, AT, named), ...today })
    expect(place(under(secondKey(null)))).toBe('/revocations/0')
    expect(code(under(left))).toBe(1)
  })

  it('counts when its bundle is not at hand: nobody can say that it was void', () => {
    const missing = recorded(revokes(revocation()), AT, refuse('AUTHORITY_INVALID', '/authority'))
    expect(place(judged(aMandate(), missing))).toBe('/revocations/0')
  })

  it('by a key revoked before it was recorded ends nothing', () => {
    const envelope = revokes(revocation(), passkey)
    const revokedAt = (at: string) =>
      code(judged(aMandate(), recorded(envelope, AT, secondKey(at))))
    expect(revokedAt(AT)).toBe(1)
    expect(revokedAt(shifted(AT, 1))).toBe('MANDATE_INVALID')
  })
})

describe('the window of a mandate', () => {
  const around = (at: string) => ({ notBefore: shifted(at, -DAY), notAfter: shifted(at, DAY) })
  const during = (window: NonNullable<Mandate['window']>, at: string) =>
    code(judged(aMandate({ window, ...around(at) }), { at }))
  const work = { zone: 'Europe/Berlin', weekdays: [1, 2, 3, 4, 5], fromMinute: 540, toMinute: 1020 }

  it('is wall-clock time in its own zone, summer and winter', () => {
    // Monday 2026-06-01 is summer time (UTC+2), Monday 2026-12-07 is not (UTC+1).
    const cases: [string, string | number][] = [
      ['2026-06-01T06:59:59.999Z', 'MANDATE_INVALID'],
      ['2026-06-01T07:00:00.000Z', 1],
      ['2026-06-01T14:59:59.999Z', 1],
      ['2026-06-01T15:00:00.000Z', 'MANDATE_INVALID'],
      ['2026-12-07T07:00:00.000Z', 'MANDATE_INVALID'],
      ['2026-12-07T08:00:00.000Z', 1],
    ]
    expect(cases.map(([at]) => [at, during(work, at)])).toEqual(cases)
  })

  it('is open on its weekdays only, as its own zone counts them', () => {
    expect(during(work, '2026-06-06T10:00:00.000Z')).toBe('MANDATE_INVALID')
    const tokyo = { zone: 'Asia/Tokyo', weekdays: [2], fromMinute: 0, toMinute: 1440 }
    expect(during(tokyo, '2026-06-01T14:59:59.999Z')).toBe('MANDATE_INVALID')
    expect(during(tokyo, '2026-06-01T15:00:00.000Z')).toBe(1)
  })

  it('past midnight belongs to the day on which it begins', () => {
    const night = { zone: 'UTC', weekdays: [5, 7], fromMinute: 1320, toMinute: 360 }
    const cases: [string, string | number][] = [
      ['2026-06-05T21:59:00.000Z', 'MANDATE_INVALID'],
      ['2026-06-05T22:00:00.000Z', 1],
      ['2026-06-06T05:59:59.999Z', 1],
      ['2026-06-06T06:00:00.000Z', 'MANDATE_INVALID'],
      ['2026-06-05T03:00:00.000Z', 'MANDATE_INVALID'],
      ['2026-06-08T03:00:00.000Z', 1],
      ['2026-06-06T23:00:00.000Z', 'MANDATE_INVALID'],
    ]
    expect(cases.map(([at]) => [at, during(night, at)])).toEqual(cases)
  })

  it('that is empty or in no zone is never open', () => {
    expect(during({ ...work, toMinute: 540 }, '2026-06-01T07:00:00.000Z')).toBe('MANDATE_INVALID')
    expect(during({ ...work, zone: 'Mars/Olympus' }, shifted(AT, -HOUR))).toBe('MANDATE_INVALID')
  })
})
