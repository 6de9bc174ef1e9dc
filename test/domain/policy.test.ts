import { test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { digest } from '../../src/domain/digest.js'
import {
  frozen,
  preflight,
  resolve,
  type Subject,
  settingsFor,
  stricter,
  subjectOf,
} from '../../src/domain/policy.js'
import { satisfied } from '../../src/domain/quorum.js'
import { isRefusal } from '../../src/domain/refusal.js'
import type { PersonKey } from '../../src/domain/shapes/authority.js'
import type { Pack, Rule } from '../../src/domain/shapes/policy.js'
import { Requirement } from '../../src/domain/shapes/requirement.js'
import { packHash, parsePack, readPack } from '../../src/packs/load.js'
import { AT, anAuthority, DEFAULT_PACK, must, type Overrides, someKeys } from '../support/authority.js'
import { anyRequirement, anyVotes, aRequirement } from '../support/requirement.js'

const keys = someKeys()
const { files } = readPack(DEFAULT_PACK)
const pack = must(parsePack(files))
const hash = packHash(files)

const subject = (change: Partial<Subject> = {}): Subject => ({
  ...{ kind: 'rotate', stepId: 'retire', tier: 'tier1', systemId: 'sys_billing', exclude: [] },
  roles: {
    ...{ 'identity-owner': ['per_ana'], 'objective-owner': ['per_ben'], 'duty-person': ['per_cleo'] },
    ...{ 'risk-owner': ['per_cleo'], officer: ['per_dora'] },
  },
  ...change,
})
const resolved = (change: Partial<Subject> = {}, from: Pack = pack) =>
  resolve({ pack: from, packHash: hash, subject: subject(change) })

/** The default pack with one more rule, made from its first. */
function packWith(edit: (rule: Rule) => Rule): Pack {
  const [first] = pack.rules
  return first === undefined ? pack : { ...pack, rules: [...pack.rules, edit({ ...first, id: 'extra' })] }
}
const termsOf = (rule: Rule, stepId: string) => {
  const terms = rule.steps[stepId]
  if (terms === undefined) throw new Error(`no terms for ${stepId}`)
  return terms
}

describe('resolving a requirement', () => {
  it('names groups by role, and lists the pack and the rules that determined it', () => {
    const { requirement, requirementHash, pack: from, rules } = must(resolved())
    expect(requirement.groups).toEqual([
      { name: 'identity-owner', persons: ['per_ana'], need: 1 },
      { name: 'objective-owner', persons: ['per_ben'], need: 1 },
    ])
    expect(requirementHash).toBe(digest(requirement))
    expect(from).toEqual({ packId: 'default', version: 1, hash })
    expect(rules).toEqual(['rotate'])
    expect(Requirement.parse(requirement)).toEqual(requirement)
  })

  it('names the same requirement by one hash, in whatever order the persons come', () => {
    const roles = (owners: string[]) => ({ roles: { ...subject().roles, 'identity-owner': owners } })
    const one = must(resolved(roles(['per_b', 'per_a', 'per_b'])))
    expect(one.requirementHash).toBe(must(resolved(roles(['per_a', 'per_b']))).requirementHash)
  })

  it('joins every matching rule: the order of rules changes nothing and a laxer rule loosens nothing', () => {
    const lax = packWith((rule) => ({
      ...rule,
      steps: {
        retire: {
          ...termsOf(rule, 'retire'),
          ...{ approvers: [{ role: 'officer', need: 1 }], quorum: 1, expireAfterMs: 10 ** 10 },
        },
      },
    }))
    const one = must(resolved({}, lax))
    expect(one.rules).toEqual(['extra', 'rotate'])
    expect(one.requirement.quorum).toBe(3)
    expect(one.requirement.expireAfterMs).toBe(must(resolved()).requirement.expireAfterMs)
    const turned = must(resolved({}, { ...lax, rules: lax.rules.toReversed() }))
    expect(turned).toEqual(one)
  })

  it('asks for a whole quorum from the only role there is', () => {
    const two = packWith((rule) => ({
      ...rule,
      when: { tiers: ['tier1'], systems: ['sys_billing'] },
      steps: { issue: { ...termsOf(rule, 'issue'), quorum: 2 } },
    }))
    const roles = { ...subject().roles, 'identity-owner': ['per_a', 'per_b'] }
    expect(must(resolved({ stepId: 'issue', roles }, two)).requirement.groups).toEqual([
      { name: 'identity-owner', persons: ['per_a', 'per_b'], need: 2 },
    ])
  })

  it.each([
    ['for a step that no rule names', { stepId: 'reboot' }],
    ['for a step with the name of an object’s own', { stepId: 'constructor' }],
  ])('refuses %s', (_, change) => {
    expect(resolved(change)).toMatchObject({ refused: 'NO_RULE' })
  })

  it('refuses for a system that no rule names', () => {
    const only = { ...pack, rules: pack.rules.map((rule) => ({ ...rule, when: { ...rule.when, systems: ['sys_x'] } })) }
    expect(resolved({}, only)).toMatchObject({ refused: 'NO_RULE' })
  })

  it('refuses and names the role when everybody in it is excluded', () => {
    expect(resolved({ exclude: ['per_ben'] })).toMatchObject({
      refused: 'NO_APPROVER',
      detail: 'nobody can approve as objective-owner',
    })
  })
})

describe('the settings of a case', () => {
  const scope = { kind: 'rotate', tier: 'tier1', systemId: 'sys_billing' } as const

  it('observe the longest and lease the shortest of all matching rules, and join their evidence', () => {
    const joined = packWith((rule) => ({
      ...rule,
      evidence: ['evidence-complete'],
      settings: { ...rule.settings, soakMs: 10 ** 9, leaseMs: 5, withinMs: 2 * 10 ** 9 },
    }))
    const { settings, evidence } = must(settingsFor({ ...scope, pack: joined }))
    const [first] = pack.rules
    expect(settings).toEqual({ ...first?.settings, soakMs: 10 ** 9, leaseMs: 5, withinMs: 2 * 10 ** 9 })
    expect(evidence).toEqual([...(first?.evidence ?? []), 'evidence-complete'].sort())
  })

  it('are refused where no rule applies', () => {
    expect(settingsFor({ ...scope, pack: { ...pack, rules: [] } })).toMatchObject({ refused: 'NO_RULE' })
  })

  it('do not open a case inside a freeze, and do at its end', () => {
    const freeze = { name: 'year end', from: AT, until: '2026-06-02T00:00:00.000Z' }
    const calm = { ...pack, calendar: { ...pack.calendar, freezes: [freeze] } }
    expect(frozen({ pack: calm, at: AT })).toMatchObject({ refused: 'NO_RULE' })
    expect(frozen({ pack: calm, at: freeze.until })).toBeNull()
    expect(frozen({ pack, at: AT })).toBeNull()
  })
})

describe('the persons of a subject', () => {
  const of = (change: NonNullable<Overrides['change']> = {}, requester?: { personId: string; companyId: string }) => {
    const { authority } = anAuthority({ keys, change })
    const identity = authority.identities.get('nhi_billing')
    if (identity === undefined) throw new Error('no identity')
    return subjectOf({
      ...{ authority, identity, kind: 'rotate', stepId: 'retire', executorCompany: 'com_acme' },
      requester: requester ?? { personId: null, companyId: 'com_acme' },
    })
  }
  const editPerson = (personId: string, edit: object): NonNullable<Overrides['change']> => ({
    people: (section) => ({
      ...section,
      persons: section.persons.map((item) => (item.personId === personId ? { ...item, ...edit } : item)),
    }),
  })

  it('are the live persons of the enterprise by what they answer for', () => {
    expect(of().roles).toEqual(subject().roles)
    expect(of()).toMatchObject({ tier: 'tier1', systemId: 'sys_billing', stepId: 'retire' })
  })

  it('leave out who is disabled, and who works for a partner whatever the bundle says', () => {
    expect(of(editPerson('per_cleo', { status: 'disabled' })).roles['duty-person']).toEqual([])
    expect(of(editPerson('per_zed', { duties: ['officer'] })).roles.officer).toEqual(['per_dora'])
    expect(of(editPerson('per_ben', { companyId: 'com_zeta' })).roles['objective-owner']).toEqual([])
  })

  it('exclude the requester and everybody of the executing and the requesting partner', () => {
    expect(of().exclude).toEqual(['per_zed'])
    const asked = of({}, { personId: 'per_ana', companyId: 'com_bank' })
    expect(asked.exclude).toEqual(['per_ana', 'per_zed'])
    const zeta = editPerson('per_dora', { companyId: 'com_zeta' })
    expect(of(zeta, { personId: 'per_none', companyId: 'com_zeta' }).exclude).toEqual(['per_dora', 'per_zed'])
  })

  it('leave an owner who asks without a gate to sign', () => {
    const asked = of({}, { personId: 'per_ana', companyId: 'com_bank' })
    expect(resolve({ pack, packHash: hash, subject: asked })).toMatchObject({ refused: 'NO_APPROVER' })
  })
})

describe('preflight', () => {
  const over = (requirement: Requirement, change: NonNullable<Overrides['change']> = {}) =>
    preflight({
      requirements: { [requirement.stepId]: { requirement } },
      authority: anAuthority({ keys, change }).authority,
      at: AT,
    })
  const editKeys = (edit: (key: PersonKey) => PersonKey | null): NonNullable<Overrides['change']> => ({
    people: (section) => ({
      ...section,
      persons: section.persons.map((person) => ({
        ...person,
        keys: person.keys.flatMap((key) => edit(key) ?? []),
      })),
    }),
  })
  const deadline = new Date(Date.parse(AT) + 2_000).toISOString()
  const unsignable = {
    refused: 'UNSIGNABLE',
    detail: 'retire cannot be signed before its deadline: too few can act as identity-owner',
  }

  it('passes gates that live persons with lasting keys can sign', () => {
    expect(over(aRequirement())).toBeNull()
    expect(over(aRequirement({ assurance: 'passkey' }))).toBeNull()
  })

  it('refuses, naming step and role, when two roles are left to one person', () => {
    const groups = [
      { name: 'identity-owner', persons: ['per_ana'], need: 1 },
      { name: 'objective-owner', persons: ['per_ana'], need: 1 },
    ]
    expect(over(aRequirement({ groups, quorum: 2 }))).toMatchObject({
      refused: 'UNSIGNABLE',
      where: '/steps/retire',
      detail: 'retire cannot be signed before its deadline: too few can act as objective-owner',
    })
  })

  it('refuses when a quorum has more seats than there are persons', () => {
    expect(over(aRequirement({ quorum: 2 }))).toMatchObject({ refused: 'UNSIGNABLE' })
  })

  it.each([
    ['ends before the deadline', (key: PersonKey) => ({ ...key, notAfter: deadline })],
    ['has not begun', (key: PersonKey) => ({ ...key, notBefore: deadline })],
    ['is revoked', (key: PersonKey) => ({ ...key, revokedAt: AT })],
    ['is revoked before the deadline', (key: PersonKey) => ({ ...key, revokedAt: deadline })],
    ['is missing', () => null],
  ])('refuses when every key %s', (_, edit) => {
    expect(over(aRequirement(), editKeys(edit))).toMatchObject(unsignable)
  })

  it('refuses when a passkey is asked for and there is none, or one without a relying party', () => {
    const passkeys = aRequirement({ assurance: 'passkey' })
    const none = editKeys((key) => (key.assurance === 'passkey' ? null : key))
    const bare = editKeys((key) => ({ ...key, relyingParty: null }))
    expect(over(passkeys, none)).toMatchObject(unsignable)
    expect(over(passkeys, bare)).toMatchObject(unsignable)
  })

  it('refuses a person of a partner, whoever put the person into the requirement', () => {
    const groups = [{ name: 'identity-owner', persons: ['per_zed'], need: 1 }]
    expect(over(aRequirement({ groups }))).toMatchObject(unsignable)
  })
})

describe('the stricter of two requirements', () => {
  const group = (name: string, persons: string[], need = 1) => ({ name, persons, need })

  it('takes the stricter of every term', () => {
    const a = aRequirement({ facts: ['old-unused'], escalateAfterMs: 5, expireAfterMs: 9, ahead: 'forbidden' })
    const b = aRequirement({ facts: ['consumer-on-new'], assurance: 'passkey', decisionMaxAgeMs: 7 })
    expect(must(stricter(a, b))).toMatchObject({
      ...{ facts: ['consumer-on-new', 'old-unused'], assurance: 'passkey', ahead: 'forbidden' },
      ...{ escalateAfterMs: 5, expireAfterMs: 9, decisionMaxAgeMs: 7, quorum: 1 },
    })
  })

  it('leaves in a group who is in both, and refuses when nobody is', () => {
    const a = aRequirement({ groups: [group('x', ['per_a', 'per_b'])] })
    const b = aRequirement({ groups: [group('x', ['per_b', 'per_c'])] })
    expect(must(stricter(a, b)).groups).toEqual([group('x', ['per_b'])])
    const c = aRequirement({ groups: [group('x', ['per_c'])] })
    expect(stricter(a, c)).toMatchObject({ refused: 'NO_APPROVER', detail: 'nobody can approve as x' })
  })

  it('takes the larger quorum of one group', () => {
    const persons = ['per_a', 'per_b', 'per_c']
    const a = aRequirement({ groups: [group('x', persons)], quorum: 2 })
    const b = aRequirement({ groups: [group('x', persons, 2)], quorum: 2 })
    expect(must(stricter(a, b))).toMatchObject({ quorum: 2, groups: [group('x', persons, 2)] })
  })

  it('does not let a group of one side fill the quorum of the other', () => {
    const a = aRequirement({ groups: [group('x', ['per_a', 'per_b'])], quorum: 2 })
    const b = aRequirement({ groups: [group('y', ['per_c'])] })
    const requirement = must(stricter(a, b))
    expect(satisfied({ requirement, votes: ['per_a', 'per_c'] })).toBe(false)
    expect(satisfied({ requirement, votes: ['per_a', 'per_b', 'per_c'] })).toBe(true)
  })

  it('refuses what no requirement can name', () => {
    const many = (name: string) => aRequirement({ groups: [group(name, ['per_a'], 10)], quorum: 15 })
    expect(stricter(many('x'), many('y'))).toMatchObject({ refused: 'UNSIGNABLE' })
  })

  it('throws for requirements of two steps', () => {
    expect(() => stricter(aRequirement(), aRequirement({ stepId: 'issue' }))).toThrow(RangeError)
  })

  test.prop([anyRequirement, anyRequirement])('is the same from either side', (a, b) => {
    expect(stricter(a, b)).toEqual(stricter(b, a))
  })

  test.prop([anyRequirement, anyRequirement, anyRequirement])('is the same in any grouping', (a, b, c) => {
    const [ab, bc] = [stricter(a, b), stricter(b, c)]
    const left = isRefusal(ab) ? ab : stricter(ab, c)
    const right = isRefusal(bc) ? bc : stricter(a, bc)
    if (isRefusal(left) || isRefusal(right)) expect(isRefusal(left)).toBe(isRefusal(right))
    else expect(left).toEqual(right)
  })

  test.prop([anyRequirement, anyRequirement])('changes nothing when joined again', (a, b) => {
    const joined = stricter(a, b)
    if (isRefusal(joined)) return
    expect(stricter(joined, joined)).toEqual(joined)
    expect(stricter(joined, a)).toEqual(joined)
    expect(stricter(b, joined)).toEqual(joined)
  })

  test.prop([anyRequirement, anyVotes])('asks of one side alone what that side asks', (a, votes) => {
    const alone = stricter(a, a)
    if (isRefusal(alone)) return
    expect(satisfied({ requirement: alone, votes })).toBe(satisfied({ requirement: a, votes }))
  })

  test.prop([anyRequirement, anyRequirement, anyVotes], { numRuns: 1000 })(
    'is satisfied only by votes that satisfy both',
    (a, b, votes) => {
      const joined = stricter(a, b)
      if (isRefusal(joined) || !satisfied({ requirement: joined, votes })) return
      expect(satisfied({ requirement: a, votes })).toBe(true)
      expect(satisfied({ requirement: b, votes })).toBe(true)
    },
  )

  test.prop([anyRequirement, anyRequirement])('escalates before it expires, as both sides did', (a, b) => {
    const joined = stricter(a, b)
    if (!isRefusal(joined)) expect(joined.escalateAfterMs).toBeLessThan(joined.expireAfterMs)
  })
})
