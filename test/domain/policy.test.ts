import { describe, expect, it } from 'vitest'
import { identityScope, matterOf } from '../../src/domain/authority/matter.js'
import { digest } from '../../src/domain/bytes/digest.js'
import {
  frozen,
  preflight,
  resolve,
  type Subject,
  settingsFor,
  subjectOf,
} from '../../src/domain/policy/policy.js'
import type { PersonKey } from '../../src/domain/shapes/authority.js'
import type { Pack, Rule } from '../../src/domain/shapes/policy.js'
import { Requirement } from '../../src/domain/shapes/requirement.js'
import { packHash, parsePack, readPack } from '../../src/packs/load.js'
import {
  AT,
  anAuthority,
  DEFAULT_PACK,
  must,
  type Overrides,
  someKeys,
} from '../support/authority.js'
import { aRequirement } from '../support/requirement.js'

const keys = someKeys()
const { files } = readPack(DEFAULT_PACK)
const pack = must(parsePack(files))
const hash = packHash(files)

const subject = (change: Partial<Subject> = {}): Subject => ({
  ...{ kind: 'rotate', stepId: 'retire', tier: 'tier1', systemId: 'sys_billing', exclude: [] },
  change: 'normal',
  circumstances: 'on-paper',
  roles: {
    ...{
      'identity-owner': ['per_ana'],
      'objective-owner': ['per_ben'],
      'duty-person': ['per_cleo'],
    },
    ...{ 'risk-owner': ['per_cleo'], officer: ['per_dora'] },
    ...{ 'contract-owner': ['per_ana'], 'named-person': [] },
    accountable: ['per_ana', 'per_ben', 'per_cleo', 'per_dora'],
  },
  ...change,
})
const resolved = (change: Partial<Subject> = {}, from: Pack = pack) =>
  resolve({ pack: from, packHash: hash, subject: subject(change) })

/** The default pack with one more rule, made from the one for rotations. */
function packWith(edit: (rule: Rule) => Rule): Pack {
  const first = pack.rules.find(({ id }) => id === 'rotate')
  return first === undefined
    ? pack
    : { ...pack, rules: [...pack.rules, edit({ ...first, id: 'extra' })] }
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
    const roles = (owners: string[]) => ({
      roles: { ...subject().roles, 'identity-owner': owners },
    })
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
      when: { tiers: ['tier1'], systems: ['sys_billing'], change: null },
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
    const only = {
      ...pack,
      rules: pack.rules.map((rule) => ({ ...rule, when: { ...rule.when, systems: ['sys_x'] } })),
    }
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
  const billing = { tier: 'tier1', systemId: 'sys_billing' } as const
  const scope = { ...billing, kind: 'rotate', change: 'normal' } as const

  it('observe the longest and lease the shortest of all matching rules, and join their evidence', () => {
    const joined = packWith((rule) => ({
      ...rule,
      evidence: ['evidence-complete'],
      settings: { ...rule.settings, soakMs: 10 ** 9, leaseMs: 5, withinMs: 2 * 10 ** 9 },
    }))
    const { settings, evidence } = must(settingsFor({ ...scope, pack: joined }))
    const first = pack.rules.find(({ id }) => id === 'rotate')
    expect(settings).toEqual({
      ...first?.settings,
      soakMs: 10 ** 9,
      leaseMs: 5,
      withinMs: 2 * 10 ** 9,
    })
    expect(evidence).toEqual([...(first?.evidence ?? []), 'evidence-complete'].sort())
  })

  it('are refused where no rule applies', () => {
    expect(settingsFor({ ...scope, pack: { ...pack, rules: [] } })).toMatchObject({
      refused: 'NO_RULE',
    })
  })

  it('do not open a case inside a freeze, and do at its end', () => {
    const freeze = { name: 'year end', from: AT, until: '2026-06-02T00:00:00.000Z' }
    const calm = { ...pack, calendar: { ...pack.calendar, freezes: [freeze] } }
    expect(frozen({ ...scope, pack: calm, at: AT })).toMatchObject({ refused: 'NO_RULE' })
    expect(frozen({ ...scope, pack: calm, at: freeze.until })).toBeNull()
    expect(frozen({ ...scope, pack, at: AT })).toBeNull()
  })

  it('open inside a freeze for an emergency that the pack rules, and not for one that it only hears of', () => {
    const freeze = { name: 'year end', from: AT, until: '2026-06-02T00:00:00.000Z' }
    const calm = { ...pack, calendar: { ...pack.calendar, freezes: [freeze] } }
    const emergency = { ...scope, change: 'emergency', pack: calm, at: AT } as const
    expect(frozen(emergency)).toBeNull()
    expect(frozen({ ...emergency, kind: 'provision' })).toMatchObject({ refused: 'NO_RULE' })
  })
})

describe('the persons of a subject', () => {
  const of = (
    change: NonNullable<Overrides['change']> = {},
    requester?: { personId: string; companyId: string },
  ) => {
    const { authority } = anAuthority({ keys, change })
    const matter = must(matterOf(authority, identityScope('nhi_billing')))
    return subjectOf({
      ...{ involved: [], askedAt: AT },
      ...{ authority, matter, asked: { kind: 'rotate' }, stepId: 'retire' },
      change: 'normal',
      executorCompany: 'com_acme',
      requester: requester ?? { personId: null, companyId: 'com_acme' },
    })
  }
  const editPerson = (personId: string, edit: object): NonNullable<Overrides['change']> => ({
    people: (section) => ({
      ...section,
      persons: section.persons.map((item) =>
        item.personId === personId ? { ...item, ...edit } : item,
      ),
    }),
  })

  it('are the live persons of the enterprise by what they answer for', () => {
    expect(of().roles).toEqual(subject().roles)
    expect(of()).toMatchObject({ tier: 'tier1', systemId: 'sys_billing', stepId: 'retire' })
  })

  it('leave out who is disabled, and who works for a partner whatever the bundle says', () => {
    expect(of(editPerson('per_cleo', { status: 'disabled' })).roles['duty-person']).toEqual([])
    expect(of(editPerson('per_zed', { duties: ['officer'] })).roles.officer).toEqual(['per_dora'])
    expect(of(editPerson('per_ben', { companyId: 'com_zeta' })).roles['objective-owner']).toEqual(
      [],
    )
  })

  it('exclude the requester and everybody of the executing and the requesting partner', () => {
    expect(of().exclude).toEqual(['per_zed'])
    const asked = of({}, { personId: 'per_ana', companyId: 'com_bank' })
    expect(asked.exclude).toEqual(['per_ana', 'per_zed'])
    const zeta = editPerson('per_dora', { companyId: 'com_zeta' })
    expect(of(zeta, { personId: 'per_none', companyId: 'com_zeta' }).exclude).toEqual([
      'per_dora',
      'per_zed',
    ])
  })

  it('leave an owner who asks without a gate to sign', () => {
    const asked = of({}, { personId: 'per_ana', companyId: 'com_bank' })
    expect(resolve({ pack, packHash: hash, subject: asked })).toMatchObject({
      refused: 'NO_APPROVER',
    })
  })
})

describe('preflight', () => {
  const over = (requirement: Requirement, change: NonNullable<Overrides['change']> = {}) =>
    preflight({
      requirements: { [requirement.stepId]: { requirement } },
      authority: anAuthority({ keys, change }).authority,
      at: AT,
    })
  const editKeys = (
    edit: (key: PersonKey) => PersonKey | null,
  ): NonNullable<Overrides['change']> => ({
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
