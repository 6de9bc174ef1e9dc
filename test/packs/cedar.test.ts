/** Cedar policies of a pack: what loads, and that more of them never let pass what was refused. */
import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { isAuthorized } from '@cedar-policy/cedar-wasm/nodejs'
import { fc, it as property } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { identityScope, matterOf } from '../../src/domain/authority/matter.js'
import { KINDS } from '../../src/domain/kinds.js'
import { circumstancesOf } from '../../src/domain/policy/authorisation.js'
import { resolve, type Subject } from '../../src/domain/policy/policy.js'
import { isRefusal } from '../../src/domain/refusal.js'
import { CaseKind, Change, Tier } from '../../src/domain/shapes/basic.js'
import type { Question } from '../../src/domain/shapes/cedar.js'
import type { Pack } from '../../src/domain/shapes/policy.js'
import { callOf, readCedar } from '../../src/packs/cedar.js'
import { CEDAR_SCHEMA } from '../../src/packs/cedar-words.js'
import { packHash, parsePack, readPack } from '../../src/packs/load.js'
import { circumstancesOnPaper } from '../../src/packs/on-paper.js'
import { AT, anAuthority, DEFAULT_PACK, must } from '../support/authority.js'
import { transpile } from '../support/transpiled.js'

const SCHEMA = 'cedar/schema.cedarschema'
const { files } = readPack(DEFAULT_PACK)
const withPolicies = (text: string, schema = CEDAR_SCHEMA) => ({
  ...Object.fromEntries(Object.entries(files).filter(([name]) => !name.startsWith('cedar/'))),
  [SCHEMA]: schema,
  'cedar/more.cedar': text,
})
const forbidden = (id: string, when: string, action = 'action in Action::"ask"') =>
  `@id("${id}")\nforbid (principal, ${action}, resource) when { ${when} };\n`
const PACK = must(parsePack(files))
const NIGHT = forbidden('night', 'context.hour < 6')
/** Where it is refused, and why. */
const refusalOf = (pack: Readonly<Record<string, string>>): string => {
  const answer = parsePack(pack)
  return isRefusal(answer) ? `${answer.refused} ${answer.where} ${answer.detail}` : 'loads'
}

const ROLES = {
  'identity-owner': ['per_ana'],
  'objective-owner': ['per_ben'],
  'contract-owner': ['per_ana'],
  'named-person': ['per_fay'],
  'duty-person': ['per_cleo', 'per_eve'],
  'risk-owner': ['per_cleo'],
  officer: ['per_dora', 'per_eve'],
  accountable: ['per_dora'],
}
const PARTNER = { by: 'partner' as const, companyId: 'com_acme', rank: 1, personId: null }
const asked = { ...PARTNER, at: '2026-01-05T12:00:00.000Z', duties: { per_ana: ['operator'] } } as {
  by: 'partner' | 'enterprise'
  companyId: string
  rank: number
  personId: string | null
  at: string
  duties: Record<string, 'operator'[]>
}
const subjectOf = (of: Partial<Subject> & { readonly asked?: typeof asked }): Subject => {
  const { asked: asking = asked, kind = 'rotate', ...change } = of
  return {
    ...{ kind, stepId: 'retire', tier: 'tier1', systemId: 'sys_billing', exclude: [] },
    ...{ change: 'normal', roles: ROLES },
    circumstances: circumstancesOnPaper({ kind, roles: ROLES, asked: asking }),
    ...change,
  }
}
const ask = (pack: Pack, subject: Subject = subjectOf({})) =>
  resolve({ pack, packHash: packHash(files), subject })

describe('a pack with Cedar policies', () => {
  it('loads when each of them can forbid something in the words of the schema', () => {
    expect(refusalOf(withPolicies(NIGHT))).toBe('loads')
    expect(refusalOf(withPolicies(`// A comment.\n${NIGHT}`))).toBe('loads')
    expect(packHash(withPolicies(NIGHT))).not.toBe(packHash(withPolicies(`${NIGHT}\n`)))
  })

  it.each([
    ['a tier that is none', 'context.tier == Tier::"tier9"', ':2:78 entity `Tier::"tier9"`'],
    ['an attribute that is none', 'context.teir == Tier::"tier0"', ':2:62 attribute `teir`'],
    ['an attribute of companies on a person', 'principal.rank > 1', ':2:62 attribute `rank`'],
    ['what never holds', 'false', ':1:1 policy is impossible'],
    ['what does not parse', 'context.hour <', ':2:77 unexpected token'],
  ])('does not load with %s, and says where', (_, when, why) => {
    expect(refusalOf(withPolicies(forbidden('night', when)))).toContain(
      `POLICY_INVALID cedar/more.cedar${why}`,
    )
  })

  it('does not load with an action that is none: a step that no kind has', () => {
    const text = forbidden('night', 'true', 'action == Action::"sign:rotate/reboot"')
    expect(refusalOf(withPolicies(text))).toContain('unrecognized action')
  })

  it('does not load a policy that allows: what is allowed is for the rules to say', () => {
    const text = `${NIGHT}\n// No.\n@id("all")\npermit (principal, action, resource);`
    expect(refusalOf(withPolicies(text))).toContain('cedar/more.cedar:5:1 policies forbid')
  })

  it('does not load policies without an id, with the id of another, or with blanks to fill in', () => {
    expect(refusalOf(withPolicies('forbid (principal, action, resource);'))).toContain(':1:1 ')
    const twice = { ...withPolicies(NIGHT), 'cedar/again.cedar': NIGHT }
    expect(refusalOf(twice)).toContain('cedar/more.cedar:1:1 another policy is called night')
    const template = '@id("x")\nforbid (principal == ?principal, action, resource);'
    expect(refusalOf(withPolicies(template))).toContain('no templates')
  })

  it('does not load without its schema, with words of its own, or with other files', () => {
    const { [SCHEMA]: _, ...lacking } = withPolicies(NIGHT)
    expect(refusalOf(lacking)).toContain(`${SCHEMA} the schema of the Cedar policies is missing`)
    const own = CEDAR_SCHEMA.replace('hour: Long', 'hour: Long, mood: String')
    expect(refusalOf(withPolicies(NIGHT, own))).toContain('attributes/mood is not as')
    const otherwise = CEDAR_SCHEMA.replace('hour: Long', 'hour: String')
    expect(refusalOf(withPolicies(NIGHT, otherwise))).toContain('attributes/hour')
    expect(refusalOf(withPolicies(NIGHT, 'entity Person'))).toContain(`${SCHEMA}:1:14`)
    expect(refusalOf({ ...files, 'cedar/x.json': '{}' })).toContain('no such file')
    expect(refusalOf(withPolicies(`//${' '.repeat(65_536)}\n${NIGHT}`))).toContain('64 KiB')
  })

  it('keeps loading when the product has learnt new words', () => {
    const older = CEDAR_SCHEMA.replace(/^action "(ask|sign):drill.*\n/gm, '').replace(
      '  executor: Company,\n',
      '',
    )
    expect(older.length).toBeLessThan(CEDAR_SCHEMA.length)
    expect(refusalOf(withPolicies(NIGHT, older))).toBe('loads')
  })
})

describe('what a policy forbids', () => {
  const packWith = (text: string): Pack => must(parsePack(withPolicies(text)))

  it('is refused with its id whatever the rules allow, and at no other hour of the pack’s zone', () => {
    const pack = packWith(NIGHT)
    const at = (time: string, zone = 'UTC') =>
      ask({ ...pack, zone }, subjectOf({ asked: { ...asked, at: time } }))
    expect(at('2026-01-05T05:59:59.999Z')).toMatchObject({
      ...{ refused: 'FORBIDDEN', where: '/cedar/night', detail: 'forbidden by night' },
    })
    expect(must(at('2026-01-05T06:00:00.000Z')).rules).toEqual(['rotate'])
    expect(must(at('2026-01-05T05:30:00.000Z', 'Europe/Berlin')).rules).toEqual(['rotate'])
  })

  it('names all the policies that forbid it', () => {
    const pack = packWith(NIGHT + forbidden('partners', 'context.requester.partner'))
    const asking = subjectOf({ asked: { ...asked, at: '2026-01-05T03:00:00.000Z' } })
    expect(ask(pack, asking)).toMatchObject({ detail: 'forbidden by night, partners' })
  })

  it('takes a person out of the approvers, and the policy is listed with the rules', () => {
    const operators = forbidden(
      'operators',
      'principal.duties.contains(Duty::"operator")',
      'action in Action::"sign:rotate"',
    )
    expect(ask(packWith(operators))).toMatchObject({
      ...{ refused: 'NO_APPROVER', detail: expect.stringContaining('by operators') },
    })
    const eve = forbidden(
      'eve',
      'principal == Person::"per_eve"',
      'action == Action::"sign:lift/lift"',
    )
    const lift = must(ask(packWith(eve), subjectOf({ kind: 'lift', stepId: 'lift' })))
    expect(lift.requirement.groups.flatMap(({ persons }) => persons)).not.toContain('per_eve')
    expect(lift.rules).toContain('cedar/eve')
  })

  it('is also what a policy cannot answer', () => {
    const text = forbidden('broken', 'context.hour + 9223372036854775807 < 0')
    expect(ask(packWith(text))).toMatchObject({ where: '/cedar/broken' })
  })

  it('is never what is done at once, nor the way to another policy', () => {
    const pack = packWith('@id("all")\nforbid (principal, action, resource);')
    expect(ask(pack)).toMatchObject({ refused: 'FORBIDDEN' })
    for (const [kind, stepId] of [
      ...[['contain', 'contain'] as const, ['revoke-keys', 'activate'] as const],
      ...[['incident', 'contain'] as const, ['change-policy', 'approve'] as const],
    ])
      expect(isRefusal(ask(pack, subjectOf({ kind, stepId })))).toBe(false)
  })

  it('is the same in another process', async () => {
    const program = path.resolve(import.meta.dirname, 'cedar-answers.ts')
    const { folder, program: compiled } = transpile(program)
    const input = path.join(folder, 'input.json')
    const subjects = Array.from({ length: 24 }, (_, hour) =>
      subjectOf({
        asked: { ...asked, at: `2026-01-05T${String(hour).padStart(2, '0')}:00:00.000Z` },
      }),
    )
    const pack = withPolicies(NIGHT)
    await writeFile(input, JSON.stringify({ pack, subjects }))
    const { stdout } = await promisify(execFile)(process.execPath, [compiled, input])
    await rm(folder, { recursive: true, force: true })
    const here = subjects.map((subject) =>
      resolve({ pack: must(parsePack(pack)), packHash: packHash(pack), subject }),
    )
    expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(here)))
    expect(here.filter(isRefusal)).toHaveLength(6)
  })

  it('is asked in the words of the schema, of a real authority as on paper', () => {
    const { authority } = anAuthority()
    const real = circumstancesOf({
      ...{ authority, matter: must(matterOf(authority, identityScope('nhi_billing'))) },
      ...{ requester: { personId: 'per_ana', companyId: 'com_bank' }, executorCompany: 'com_acme' },
      ...{ askedAt: AT, persons: ['per_ben', 'per_zed'] },
    })
    const paper = circumstancesOnPaper({ kind: 'demand', roles: ROLES, asked })
    const terms = { systemId: 'sys_billing', tier: 'tier0' as const, change: 'normal' as const }
    const questions: Question[] = [
      ...[
        { action: 'ask:rotate', about: real },
        { action: 'sign:rotate/issue', about: real },
      ],
      ...[
        { action: 'ask:demand', about: paper },
        { action: 'sign:demand/accept', about: paper },
      ],
    ].map((question) => ({
      ...{ ...question, ...terms, asked: { weekday: 1, hour: 12 } },
      principal: { type: 'Person', id: 'per_ana' },
    }))
    for (const question of questions) {
      const { preparsedPolicySetId: _, ...call } = callOf(question, '')
      const policies = { staticPolicies: 'permit (principal, action, resource);' }
      const answer = isAuthorized({
        ...{ ...call, policies, schema: CEDAR_SCHEMA, validateRequest: true },
      })
      expect(answer).toMatchObject({ type: 'success', response: { decision: 'allow' } })
    }
  })
})

describe('any Cedar policy', () => {
  const condition = fc.constantFrom(
    ...['context.hour < 12', 'context.tier == Tier::"tier0"', 'context.executor.rank > 1'],
    ...[
      'context.change == Change::"emergency"',
      'context.requester.partner',
      'context.weekday > 5',
    ],
    ...['context.hour * 9223372036854775807 > 1', 'resource == Identity::"nhi_paper"'],
  )
  const scope = fc.constantFrom(
    ...['action', 'action in Action::"ask"', 'action == Action::"sign:rotate/issue"'],
    ...['action in [Action::"sign:lift", Action::"ask:rotate"]', 'action in Action::"sign"'],
  )
  const effect = fc.constantFrom('forbid', 'forbid', 'forbid', 'permit')
  const clause = fc.constantFrom('when', 'unless')
  const policy = fc
    .record({ effect, scope, clause, condition })
    .map(
      (of) => `${of.effect} (principal, ${of.scope}, resource) ${of.clause} { ${of.condition} };\n`,
    )
  const policies = (prefix: string) =>
    fc
      .array(policy, { maxLength: 3 })
      .map((all) => all.map((text, index) => `@id("${prefix}-${index}")\n${text}`).join(''))
  const subject = fc
    .record({
      ...{
        kind: fc.constantFrom('rotate', 'lift', 'demand'),
        tier: fc.constantFrom(...Tier.options),
      },
      ...{ change: fc.constantFrom(...Change.options), rank: fc.integer({ min: 0, max: 3 }) },
      ...{ hour: fc.integer({ min: 10, max: 23 }), by: fc.constantFrom('partner', 'enterprise') },
    })
    .map(({ hour, by, rank, ...of }) => {
      const kind = CaseKind.parse(of.kind)
      const stepId = KINDS[kind].steps[0] ?? ''
      const at = `2026-01-05T${hour}:00:00.000Z`
      return subjectOf({
        ...of,
        ...{ kind, stepId, asked: { ...asked, at, rank, by: by as 'partner' | 'enterprise' } },
      })
    })
  const cedarOf = (text: string) => readCedar(withPolicies(text))

  property.prop([policies('base'), policies('more'), subject], { numRuns: 100 })(
    'lets nothing pass that was refused, and lowers nothing that is asked for',
    (base, more, about) => {
      const [before, after] = [cedarOf(base), cedarOf(base + more)]
      if (isRefusal(before) || isRefusal(after)) return
      const [left, right] = [before, after].map((cedar) => ask({ ...PACK, cedar }, about))
      if (left === undefined || right === undefined || isRefusal(right)) return
      const [least, most] = [must(left).requirement, right.requirement]
      expect(most.quorum).toBe(least.quorum)
      expect({ ...most, groups: [] }).toEqual({ ...least, groups: [] })
      for (const [index, group] of most.groups.entries()) {
        const other = least.groups[index]
        expect(group).toMatchObject({ name: other?.name, need: other?.need })
        expect(other?.persons).toEqual(expect.arrayContaining([...group.persons]))
      }
    },
  )
})
