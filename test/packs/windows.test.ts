/** Windows and business days in a pack: what does not load, what a step's requirement says, what a pack's own tests say of times. */
import { describe, expect, it } from 'vitest'
import { resolve } from '../../src/domain/policy/policy.js'
import type { Change } from '../../src/domain/shapes/basic.js'
import { Role } from '../../src/domain/shapes/policy.js'
import {
  type PackFiles,
  packHash,
  parsePack,
  readPack,
  runPackTests,
} from '../../src/packs/load.js'
import { DEFAULT_PACK, must } from '../support/authority.js'

const { files } = readPack(DEFAULT_PACK)
const RULES = 'rules/rotate.yaml'
const textOf = (path: string): string => files[path] ?? ''
const windowOf = (window: string) => `windows:\n    night: { days: ${window} }\n`

const NOBODY = Object.fromEntries(Role.options.map((role) => [role, []])) as unknown as Record<
  Role,
  string[]
>

const windowed: PackFiles = {
  ...files,
  [RULES]: textOf(RULES).replace('quorum: 1', 'quorum: 1\n      window: night'),
  'pack.yaml': textOf('pack.yaml')
    .replace('zone: UTC', 'zone: Europe/Berlin')
    .replace('windows:\n', windowOf("[6], from: '22:00', to: '04:00'")),
}

describe('a window of the calendar', () => {
  const requirementOf = (pack: PackFiles, change: Change) => {
    const roles = { ...NOBODY, 'identity-owner': ['per_ana'], 'duty-person': ['per_cleo'] }
    const subject = {
      ...{ kind: 'rotate' as const, stepId: 'issue', tier: 'tier1' as const, systemId: null },
      ...{ change, roles, exclude: [], circumstances: 'on-paper' as const },
    }
    return must(resolve({ pack: must(parsePack(pack)), packHash: packHash(pack), subject }))
  }

  it('is a term of the requirement, in the zone of the pack; a step that names none has no such term', () => {
    expect(requirementOf(windowed, 'normal').requirement.windows).toEqual([
      { zone: 'Europe/Berlin', weekdays: [6], fromMinute: 1320, toMinute: 240 },
    ])
    expect(requirementOf(files, 'normal').requirement).not.toHaveProperty('windows')
  })

  it('holds up no emergency for which the pack has a rule of its own, not even by a rule for every change', () => {
    const rules = textOf(RULES).replace('quorum: 1', 'quorum: 1\n      window: night')
    const everyChange = rules.replace('change: [standard, normal]', 'change: null')
    const pack = { ...windowed, [RULES]: everyChange }
    expect(requirementOf(pack, 'normal').requirement.windows).toHaveLength(1)
    expect(requirementOf(pack, 'emergency').requirement).not.toHaveProperty('windows')
  })

  it('is not for what is done at once', () => {
    const contain = textOf('rules/contain.yaml').replace(
      'quorum: 1',
      'quorum: 1\n      window: night',
    )
    expect(parsePack({ ...windowed, 'rules/contain.yaml': contain })).toMatchObject({
      refused: 'POLICY_INVALID',
      detail: expect.stringContaining('what is done at once waits for no window'),
    })
  })
})

describe('a pack’s own tests', () => {
  const night = (expected: string, at = "'2026-03-28T12:00:00.000Z'"): PackFiles => ({
    ...windowed,
    'tests/windows.yaml': `- name: the night on which the clocks go forward
  given:
    kind: rotate
    stepId: issue
    tier: tier1
    systemId: null
    roles: { identity-owner: [per_ana] }
    exclude: []
    at: ${at}
  expect: { ${expected} }
`,
  })
  const outcomeOf = (pack: PackFiles) =>
    must(runPackTests(must(parsePack(pack)), pack)).find(
      ({ file }) => file === 'tests/windows.yaml',
    )

  it('say in which window a gate that opens at a time is for, and when it escalates', () => {
    const good = night(
      "windows: [night], window: { from: '2026-03-28T21:00:00.000Z', until: '2026-03-29T02:00:00.000Z' }, expiresAt: '2026-03-31T12:00:00.000Z'",
    )
    expect(outcomeOf(good)).toMatchObject({ outcome: 'passed' })
    const hour = night(
      "window: { from: '2026-03-28T21:00:00.000Z', until: '2026-03-29T03:00:00.000Z' }",
    )
    expect(outcomeOf(hour)).toMatchObject({
      outcome: 'failed',
      detail: expect.stringContaining('2026-03-29T02:00:00.000Z'),
    })
    expect(outcomeOf(night('windows: []'))).toMatchObject({ outcome: 'failed' })
  })

  it('say deadlines in business days, and when that is', () => {
    const rules = textOf(RULES)
      .replace('escalateAfter: 1d', 'escalateAfter: 1bd')
      .replace('expireAfter: 3d', 'expireAfter: 3bd')
    const pack = {
      ...night(
        "escalateAfter: 1bd, expireAfter: 3bd, escalatesAt: '2026-03-30T11:00:00.000Z', expiresAt: '2026-04-01T11:00:00.000Z'",
      ),
      [RULES]: rules,
    }
    expect(outcomeOf(pack)).toMatchObject({ outcome: 'passed', detail: '' })
  })
})
