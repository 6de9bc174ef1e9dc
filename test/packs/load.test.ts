import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { KINDS } from '../../src/domain/kinds.js'
import { isRefusal } from '../../src/domain/refusal.js'
import { CaseKind, Change, Tier } from '../../src/domain/shapes/basic.js'
import type { Pack } from '../../src/domain/shapes/policy.js'
import {
  PackFault,
  type PackFiles,
  packHash,
  parsePack,
  readPack,
  runPackTests,
} from '../../src/packs/load.js'
import { must } from '../support/authority.js'

const folder = (name: string) => fileURLToPath(new URL(`../../policies/${name}`, import.meta.url))
const { files } = readPack(folder('default'))
const RULES = 'rules/rotate.yaml'
const textOf = (path: string): string => files[path] ?? ''

/** The default pack with the first `from` in a file replaced; fails when there is none. */
function edited(path: string, [from, to]: readonly [string, string]): PackFiles {
  if (!textOf(path).includes(from)) throw new Error(`${path} has no ${from}`)
  return { ...files, [path]: textOf(path).replace(from, to) }
}

const windowOf = (window: string) => `windows:\n    night: { days: ${window} }\n`

/** Line and column, from 1, of the first place where this stands. */
function placeOf(path: string, text: string): string {
  const before = textOf(path).slice(0, textOf(path).indexOf(text)).split('\n')
  return `${path}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`
}

describe('the packs that come with it', () => {
  it.each(['default', 'demo'])('%s loads and passes its own tests', (name) => {
    const read = readPack(folder(name)).files
    const results = must(runPackTests(must(parsePack(read)), read))
    expect(results.filter(({ outcome }) => outcome === 'failed')).toEqual([])
    expect(results.length).toBeGreaterThan(5)
  })

  it.each(CaseKind.options)(
    'rule every step of %s once, on every tier and for every change',
    (kind) => {
      const { rules } = must(parsePack(files))
      for (const tier of Tier.options)
        for (const change of Change.options) {
          const ruled = rules
            .filter((rule) => rule.kind === kind && rule.when.tiers.includes(tier))
            .filter((rule) => rule.when.change?.includes(change) ?? true)
            .flatMap(({ steps }) => Object.keys(steps))
          expect(ruled.sort()).toEqual([...KINDS[kind].steps].sort())
        }
    },
  )

  it('differ, demo from default, only in name, durations and hours', () => {
    const demo = must(parsePack(readPack(folder('demo')).files))
    const same = must(parsePack(files))
    expect(timeless(demo)).toEqual(timeless({ ...same, id: 'demo' }))
    expect(demo.rules[0]?.settings).toMatchObject({ soakMs: 2_000, unusedForMs: 1_500 })
    expect(demo).not.toEqual({ ...same, id: 'demo' })
  })
})

const timeless = (pack: Pack): unknown =>
  JSON.parse(
    JSON.stringify(pack, (key, value: unknown) =>
      key.endsWith('Ms') || key === 'change-night' ? 'a while' : value,
    ),
  )

describe('what does not load', () => {
  const issue = 'approvers: [{ role: identity-owner, need: 1 }]\n      quorum: 1'

  it.each([
    ['a step without approvers', [issue, 'approvers: []\n      quorum: 1']],
    ['an unknown role', ['role: identity-owner', 'role: partner']],
    ['a role listed twice', ['role: objective-owner', 'role: identity-owner']],
    ['a need of none', ['need: 1', 'need: 0']],
    ['a negative need', ['need: 1', 'need: -1']],
    ['half a person', ['need: 1', 'need: 0.5']],
    ['a need that is no number', ['need: 1', 'need: .nan']],
    ['a quorum below the needs', ['quorum: 2', 'quorum: 1']],
    ['a quorum without end', ['quorum: 1', 'quorum: .inf']],
    ['a quorum in words', ['quorum: 1', "quorum: '1'"]],
    ['an unknown step', ['cut-over:', 'reboot:']],
    ['an unknown fact', ['facts: []', 'facts: [trusted]']],
    ['an unknown assurance', ['assurance: key', 'assurance: none']],
    ['an unknown field', ['quorum: 1', 'quorum: 1\n      trusted: true']],
    ['a missing field', ['      quorum: 1\n', '']],
    ['a gate that expires at once', ['expireAfter: 3d', 'expireAfter: 0s']],
    ['a gate that escalates when it expires', ['escalateAfter: 1d', 'escalateAfter: 3d']],
    ['a duration without a unit', ['expireAfter: 3d', 'expireAfter: 3']],
    ['a negative duration', ['expireAfter: 3d', 'expireAfter: -3d']],
    ['a duration of a century', ['expireAfter: 3d', 'expireAfter: 36525d']],
    ['a soak that cannot be seen in time', ['within: 3d', 'within: 4h']],
    ['a rule without tiers', ['tiers: [tier0]', 'tiers: []']],
    ['a rule id used twice', ['id: rotate-tier0', 'id: rotate']],
    ['a prototype for a step', ['cut-over:', '__proto__:']],
    ['a deadline in no business day', ['expireAfter: 3d', 'expireAfter: 0bd']],
    ['one deadline in business days', ['expireAfter: 3d', 'expireAfter: 3bd']],
    ['a window that the calendar does not have', ['quorum: 1', 'quorum: 1\n      window: night']],
    ['a window named like a prototype', ['quorum: 1', 'quorum: 1\n      window: constructor']],
  ] as const)('is a pack with %s', (_, change) => {
    expect(parsePack(edited(RULES, change))).toMatchObject({ refused: 'POLICY_INVALID' })
  })

  it.each([
    ['an unknown time zone', ['zone: UTC', 'zone: Mars/Olympus']],
    ['an owner who is neither role nor person', ['owner: officer', 'owner: com_acme']],
    [
      'a freeze that ends before it begins',
      [
        'freezes: []',
        "freezes: [{ name: x, from: '2026-02-01T00:00:00.000Z', until: '2026-01-01T00:00:00.000Z' }]",
      ],
    ],
    ['a day that no week has', ['weekdays: [1,', 'weekdays: [0,']],
    ['a date that is none', ['holidays: []', 'holidays: [2026-13-01]']],
    ['an instant without milliseconds', ['00:00:00.000Z', '00:00:00Z']],
    [
      'a window that is never open',
      ['windows:\n', windowOf("business, from: '22:00', to: '22:00'")],
    ],
    [
      'a window at no time of day',
      ['windows:\n', windowOf("business, from: '22:60', to: '04:00'")],
    ],
    [
      'a window that begins at midnight’s end',
      ['windows:\n', windowOf("business, from: '24:00', to: '04:00'")],
    ],
    ['a window on no day', ['windows:\n', windowOf("[], from: '22:00', to: '04:00'")]],
    ['a window on an eighth day', ['windows:\n', windowOf("[8], from: '22:00', to: '04:00'")]],
  ] as const)('is a pack with %s in its head', (_, change) => {
    expect(parsePack(edited('pack.yaml', change))).toMatchObject({ refused: 'POLICY_INVALID' })
  })

  it.each([
    ['a key written twice', ['quorum: 1', 'quorum: 1\n      quorum: 1']],
    ['an anchor', ['facts: []', 'facts: &a []']],
    ['an alias', ['facts: []', 'facts: *a']],
    ['an anchor and its alias', ['evidence: [', 'evidence: [&a old-unused, *a, ']],
    ['a merge', ['quorum: 1', '<<: { quorum: 1 }']],
    ['a tag of its own', ['assurance: key', 'assurance: !js key']],
    ['a standard tag', ['assurance: key', 'assurance: !!str key']],
    ['a tag on a list', ['facts: []', 'facts: !!set []']],
    ['a directive', ['# Rotation.', '%YAML 1.1\n---\n# Rotation.']],
    ['a second document', ['- id: rotate-tier0', '---\n- id: rotate-tier0']],
    ['a tab for indentation', ['      quorum: 1', '\tquorum: 1']],
    ['a list for a key', ['quorum: 1', '? [quorum]\n      : 1']],
  ] as const)('is YAML with %s', (_, change) => {
    expect(parsePack(edited(RULES, change))).toMatchObject({ refused: 'POLICY_INVALID' })
  })

  it('is a pack without a head, without rules, with an empty or an oversize file, or one that nothing reads', () => {
    const { 'pack.yaml': _, ...headless } = files
    const rules = textOf(RULES)
    const ruleless = Object.entries(files).filter(([path]) => !path.startsWith('rules/'))
    const wrong: PackFiles[] = [
      {},
      headless,
      Object.fromEntries(ruleless),
      { ...files, 'rules/more.yaml': '' },
      { ...files, [RULES]: `${rules}${'#'.repeat(65 * 1024)}` },
      { ...files, 'rules/deep/more.yaml': rules },
      { ...files, 'rules/../../more.yaml': rules },
      { ...files, 'rules/rotate.yml': rules },
    ]
    for (const one of wrong) expect(parsePack(one)).toMatchObject({ refused: 'POLICY_INVALID' })
  })

  it('is a pack with a rule that rules no step', () => {
    const rule = textOf(RULES)
      .replace(/^- id: rotate-tier0[\s\S]*/m, '')
      .replace(/^ {2}steps:[\s\S]*/m, '  steps: {}\n')
    expect(parsePack({ ...files, [RULES]: rule })).toMatchObject({
      refused: 'POLICY_INVALID',
      detail: '/0/steps: a rule rules at least one step',
    })
  })

  it('is a pack whose own tests do not read', () => {
    const tests = edited('tests/rotate.yaml', ['refused: NO_RULE', 'refused: NO_SUCH_CODE'])
    expect(parsePack(tests)).toMatchObject({ refused: 'POLICY_INVALID' })
  })
})

describe('where it does not load', () => {
  it('is named by file, line and column of the wrong value', () => {
    const at = placeOf(RULES, 'quorum: 2').replace(/\d+$/, (column) =>
      String(Number(column) + 'quorum: '.length),
    )
    expect(parsePack(edited(RULES, ['quorum: 2', 'quorum: 1']))).toMatchObject({
      where: at,
      detail: expect.stringContaining('/0/steps/retire/quorum: the quorum is below'),
    })
  })

  it('is the second of two keys, and the second of two rules of one id, even in another file', () => {
    const twice = parsePack(edited(RULES, ['quorum: 1', 'quorum: 1\n      quorum: 1']))
    const first = placeOf(RULES, 'quorum: 1').split(':').map(Number)
    expect(twice).toMatchObject({ where: `${RULES}:${(first[1] ?? 0) + 1}:${first[2]}` })
    const copied = parsePack({ ...files, 'rules/zz.yaml': textOf(RULES) })
    expect(copied).toMatchObject({
      where: 'rules/zz.yaml:3:7'.replace('3', String(lineOf('- id: rotate'))),
    })
  })
})

const lineOf = (text: string): number => Number(placeOf(RULES, text).split(':')[1])

describe('the hash of a pack', () => {
  it('does not depend on the order of files, and changes with every byte, path and file', () => {
    const hash = packHash(files)
    const turned = Object.fromEntries(Object.entries(files).reverse())
    expect(packHash(turned)).toBe(hash)
    const { [RULES]: rules = '', ...rest } = files
    const others = [
      { ...files, [RULES]: `${rules} ` },
      { ...rest, 'rules/other.yaml': rules },
      rest,
      { ...files, 'rules/empty.yaml': '' },
    ].map(packHash)
    expect(new Set([hash, ...others]).size).toBe(5)
  })
})

describe('reading a folder', () => {
  let dir = ''
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'pack-'))
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  it('reads every file, by its path inside', () => {
    mkdirSync(join(dir, 'rules'))
    writeFileSync(join(dir, 'rules', 'a.yaml'), 'é')
    writeFileSync(join(dir, '.hidden'), '')
    expect(readPack(dir).files).toEqual({ 'rules/a.yaml': 'é', '.hidden': '' })
    expect(parsePack(readPack(dir).files)).toMatchObject({
      refused: 'POLICY_INVALID',
      where: '.hidden',
    })
    expect(readPack(`${dir}/`).files).toEqual(readPack(dir).files)
  })

  it('faults over links, bytes that are no text, and folders that are not there', () => {
    symlinkSync(folder('default'), join(dir, 'rules'))
    expect(() => readPack(dir)).toThrow(PackFault)
    rmSync(join(dir, 'rules'))
    writeFileSync(join(dir, 'pack.yaml'), Uint8Array.of(0xff, 0xfe))
    expect(() => readPack(dir)).toThrow(PackFault)
    expect(() => readPack(join(dir, 'missing'))).toThrow(PackFault)
  })
})

describe('a pack’s own tests', () => {
  const run = (change: readonly [string, string]) => {
    const changed = edited(RULES, change)
    return must(runPackTests(must(parsePack(changed)), changed))
  }

  it('fail, and say what the pack answered, when a rule is loosened', () => {
    const failed = run([
      'approvers:\n        - { role: identity-owner, need: 1 }\n        - { role: objective-owner, need: 1 }\n      quorum: 2',
      issueTerms,
    ]).filter(({ outcome }) => outcome === 'failed')
    expect(failed.map(({ name }) => name)).toEqual([
      'two persons sign that the old credential is retired',
      'an objective without an owner stops the retirement',
    ])
    expect(failed[0]?.detail).toContain('quorum: expected 2, got 1')
  })

  it('fail when a refusal was expected and a requirement comes, and the other way round', () => {
    const tests = edited('tests/rotate.yaml', ['exclude: [per_ana]', 'exclude: []'])
    const results = must(runPackTests(must(parsePack(tests)), tests))
    expect(results.find(({ outcome }) => outcome === 'failed')?.detail).toBe(
      'refused: expected "NO_APPROVER", got null',
    )
  })

  it('are refused where they do not read', () => {
    const broken = edited('tests/rotate.yaml', ['kind: rotate', 'kind: destroy'])
    expect(isRefusal(runPackTests(must(parsePack(files)), broken))).toBe(true)
  })
})

const issueTerms = 'approvers: [{ role: identity-owner, need: 1 }]\n      quorum: 1'
