import { describe, expect, it } from 'vitest'
import type { StepTerms } from '../../src/domain/shapes/policy.js'
import {
  cedarAbout,
  compareCedar,
  comparePacks,
  explainStep,
  type Hashed,
  otherDifferences,
  type Situation,
} from '../../src/packs/compare.js'
import { packHash, parsePack, readPack } from '../../src/packs/load.js'
import { DEFAULT_PACK, must } from '../support/authority.js'

const { files } = readPack(DEFAULT_PACK)
const hashed = (change: (text: string, path: string) => string = (text) => text): Hashed => {
  const changed = Object.fromEntries(
    Object.entries(files).map(([path, text]) => [path, change(text, path)]),
  )
  return { pack: must(parsePack(changed)), hash: packHash(changed) }
}
const today = hashed()

/** Today's pack with other terms for one step of one rule. */
const withTerms = (id: string, stepId: string, terms: Partial<StepTerms>): Hashed => ({
  ...today,
  pack: {
    ...today.pack,
    rules: today.pack.rules.map((rule) => {
      const known = rule.steps[stepId]
      return rule.id === id && known !== undefined
        ? { ...rule, steps: { ...rule.steps, [stepId]: { ...known, ...terms } } }
        : rule
    }),
  },
})
const retire: Situation = {
  ...{ kind: 'rotate', stepId: 'retire', tier: 'tier1', systemId: null, change: 'normal' },
}

describe('two packs', () => {
  it('that differ in words only ask the same at every gate', () => {
    const words = hashed((text, path) =>
      path.startsWith('cedar/') ? `// Another comment.\n${text}` : `# Another comment.\n${text}`,
    )
    expect(words.hash).not.toBe(today.hash)
    expect(comparePacks(today, words)).toEqual([])
    expect(otherDifferences(today.pack, words.pack)).toEqual([])
    expect(compareCedar(today.pack, words.pack)).toBeNull()
  })

  it('are not said to differ in words only when a duration, an age or a freeze is another', () => {
    const longer = hashed((text) => text.replace('maximumAge: 90d', 'maximumAge: 900d'))
    expect(comparePacks(today, longer)).toEqual([])
    expect(otherDifferences(today.pack, longer.pack)).toEqual(['maximum age of rotate'])
    const zoned = hashed((text) => text.replace('zone: UTC', 'zone: Europe/Berlin'))
    expect(otherDifferences(today.pack, zoned.pack)).toEqual(['zone'])
  })

  it('are compared gate by gate: a smaller quorum is looser, and the other way round stricter', () => {
    const approvers = [{ role: 'identity-owner' as const, need: 1 }]
    const lax = withTerms('rotate', 'retire', { approvers, quorum: 1 })
    const differences = comparePacks(today, lax)
    expect(new Set(differences.map(({ comparison }) => comparison))).toEqual(new Set(['looser']))
    // Three tiers, and two changes: an emergency has rules of its own.
    expect(differences).toHaveLength(6)
    expect(differences).toContainEqual({
      ...{ situation: retire, comparison: 'looser' },
      terms: [
        'approvers: 1 identity-owner, 1 objective-owner -> 1 identity-owner',
        'quorum: 2 -> 1',
      ],
    })
    expect(comparePacks(lax, today).every(({ comparison }) => comparison === 'stricter')).toBe(true)
  })

  it('are neither where one is faster and the other asks more', () => {
    const mixed = withTerms('rotate', 'retire', {
      assurance: 'passkey',
      expireAfterMs: 864_000_000,
    })
    expect(comparePacks(today, mixed).map(({ comparison }) => comparison)).toEqual(
      Array.from({ length: 6 }, () => 'neither'),
    )
  })

  it('are stricter where nothing can be asked for any more', () => {
    const { pack } = today
    const rules = pack.rules.filter(({ kind }) => kind !== 'lift')
    const [first] = comparePacks(today, { ...today, pack: { ...pack, rules } })
    expect(first).toMatchObject({ comparison: 'stricter', situation: { kind: 'lift' } })
    expect(first?.terms[0]).toBe('answer: a gate -> NO_RULE')
  })
})

describe('Cedar policies', () => {
  const NEW =
    '\n@id("not-at-night")\nforbid (principal, action in Action::"ask", resource) when { context.hour < 6 };\n'
  const DUTIES = 'cedar/duties.cedar'
  const more = hashed((text, path) => (path === DUTIES ? text + NEW : text))

  it('make a pack stricter when there are more of them, and looser when there are fewer', () => {
    expect(compareCedar(today.pack, more.pack)).toEqual({
      ...{ comparison: 'stricter', policies: ['+ not-at-night'] },
    })
    expect(compareCedar(more.pack, today.pack)).toEqual({
      ...{ comparison: 'looser', policies: ['- not-at-night'] },
    })
  })

  it('are not said to be stricter or looser when one says something else', () => {
    const other = hashed((text, path) =>
      path === DUTIES ? (text + NEW).replace('"operator"', '"officer"') : text,
    )
    expect(compareCedar(today.pack, other.pack)).toEqual({
      comparison: 'neither',
      policies: ['+ not-at-night', '~ operators-sign-nothing-on-tier0'],
    })
  })

  it('are named with the step that they can forbid, and none for what is done at once', () => {
    expect(cedarAbout(more, { ...retire, stepId: 'issue' })).toEqual([
      ...['no-subcontractor-on-tier0', 'not-at-night', 'operators-sign-nothing-on-tier0'],
    ])
    expect(cedarAbout(more, { ...retire, kind: 'contain', stepId: 'contain' })).toEqual([])
  })

  it('are asked when somebody is said to ask', () => {
    const asked = { by: 'partner' as const, companyId: 'com_partner', rank: 2, personId: null }
    const asking = { ...asked, at: '2026-01-05T12:00:00.000Z', duties: {} }
    const vault: Situation = { ...retire, tier: 'tier0' }
    expect(must(explainStep(today, vault)).rules).toEqual(['rotate-tier0'])
    expect(explainStep(today, vault, asking)).toMatchObject({
      ...{ refused: 'FORBIDDEN', where: '/cedar/no-subcontractor-on-tier0' },
    })
    expect(must(explainStep(today, vault, { ...asking, rank: 1 })).rules).toEqual(['rotate-tier0'])
  })
})

describe('a step', () => {
  it('is explained by the rules that determine it', () => {
    expect(must(explainStep(today, retire)).rules).toEqual(['rotate'])
    expect(must(explainStep(today, { ...retire, change: 'emergency' })).rules).toEqual([
      'rotate-emergency',
    ])
    expect(explainStep(today, { ...retire, stepId: 'reboot' })).toMatchObject({
      refused: 'NO_RULE',
    })
  })
})
