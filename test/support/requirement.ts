/** Requirements for tests: one by one, and as fast-check arbitraries over few persons and groups, so that they meet. */
import fc from 'fast-check'
import type { Requirement } from '../../src/domain/shapes/requirement.js'

export const aRequirement = (change: Partial<Requirement> = {}): Requirement => ({
  ...{ v: 1, stepId: 'retire', quorum: 1, assurance: 'key', ahead: 'allowed', facts: [] },
  groups: [{ name: 'identity-owner', persons: ['per_ana'], need: 1 }],
  ...{ escalateAfterMs: 1_000, expireAfterMs: 2_000, decisionMaxAgeMs: 2_000 },
  ...change,
})

export const PERSONS = ['per_a', 'per_b', 'per_c', 'per_d', 'per_e'] as const

const sortedSubset = fc
  .uniqueArray(fc.constantFrom(...PERSONS), { minLength: 1 })
  .map((persons) => persons.toSorted())

const groups = fc.uniqueArray(fc.constantFrom('x', 'y', 'z'), { minLength: 1 }).chain((names) =>
  fc.tuple(
    ...names.toSorted().map((name) =>
      fc.record({
        name: fc.constant(name),
        persons: sortedSubset,
        need: fc.integer({ min: 1, max: 2 }),
      }),
    ),
  ),
)

/** Any requirement that a rule can give rise to; `spare` is what the quorum asks above the needs. */
export const anyRequirement: fc.Arbitrary<Requirement> = fc
  .record({
    groups,
    spare: fc.integer({ min: 0, max: 2 }),
    assurance: fc.constantFrom('key' as const, 'passkey' as const),
    ahead: fc.constantFrom('allowed' as const, 'forbidden' as const),
    facts: fc.uniqueArray(fc.constantFrom('old-unused' as const, 'consumer-on-new' as const)),
    escalateAfterMs: fc.integer({ min: 0, max: 5 }),
    patience: fc.integer({ min: 1, max: 5 }),
    decisionMaxAgeMs: fc.integer({ min: 1, max: 5 }),
  })
  .map(({ spare, patience, ...terms }) => ({
    ...{ v: 1, stepId: 'retire', ...terms },
    facts: terms.facts.toSorted(),
    quorum: terms.groups.reduce((sum, { need }) => sum + need, 0) + spare,
    expireAfterMs: terms.escalateAfterMs + patience,
  }))

/** Votes with doubles and strangers among them. */
export const anyVotes = fc.array(fc.constantFrom(...PERSONS, 'per_stranger'), { maxLength: 8 })

/** The definition, slowly: is there a way to seat distinct voters on every needed seat, and are enough of them members? */
export function bruteForce(requirement: Requirement, votes: readonly string[]): boolean {
  const voters = [...new Set(votes)]
  const members = voters.filter((voter) =>
    requirement.groups.some(({ persons }) => persons.includes(voter)),
  )
  const seats = requirement.groups.flatMap(({ need, persons }) =>
    Array.from({ length: need }, () => persons),
  )
  const fill = (index: number, free: readonly string[]): boolean => {
    const seat = seats[index]
    if (seat === undefined) return true
    return free.some(
      (voter) =>
        seat.includes(voter) &&
        fill(
          index + 1,
          free.filter((other) => other !== voter),
        ),
    )
  }
  return members.length >= requirement.quorum && fill(0, members)
}
