/**
 * Who counts, over random histories: persons leave and come back, lend their vote and take it back, lose keys,
 * sign in other names, with other keys, twice, too late. Who counts is said here a second time, in plain words
 * and slowly, and the core has to agree at every moment.
 */
import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { countAgain } from '../../src/domain/approval/count.js'
import type { Authority } from '../../src/domain/authority/authority.js'
import { stepOf } from '../../src/domain/case/case.js'
import { isRefusal } from '../../src/domain/refusal.js'
import type { Requirement } from '../../src/domain/shapes/requirement.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { AT, anAuthority, packReference, type TestPerson } from '../support/authority.js'
import { aRotation, CAST, DAY, HOUR, type Story, shifted, told } from '../support/given.js'
import {
  believes,
  decision,
  gateOpens,
  performed,
  planned,
  sends,
  waits,
} from '../support/moves.js'
import { bruteForce } from '../support/requirement.js'

/** per_zed is a partner's person, per_dora asks for the work. */
const PERSONS = ['per_ana', 'per_ben', 'per_cleo', 'per_dora', 'per_zed'] as const
const BANKERS = ['per_ana', 'per_ben', 'per_cleo'] as const
const LIFE = 8 * DAY

interface Loan {
  readonly from: TestPerson
  readonly to: TestPerson
  readonly kind: 'rotate' | 'provision'
  /** In milliseconds after AT. */
  readonly starts: number
  readonly ends: number
}
/** What one authority bundle says besides who exists. */
interface World {
  readonly away: readonly TestPerson[]
  readonly loans: readonly Loan[]
  /** Since when, in milliseconds after AT, a key counts for nothing. */
  readonly lost: Partial<Readonly<Record<TestPerson, number>>>
}
type Act =
  | { readonly does: 'wait'; readonly ms: number }
  | { readonly does: 'learn'; readonly world: World }
  | Signing
interface Signing {
  readonly does: 'sign'
  readonly says: TestPerson
  readonly keyOf: TestPerson
  readonly for: TestPerson | null
  readonly lasts: number
}
/** What the plain words need to know of an envelope that was admitted. */
interface Vote extends Signing {
  readonly at: number
}

const anybody = fc.constantFrom(...PERSONS)
const banker = fc.constantFrom(...BANKERS)
const moment = fc.integer({ min: 0, max: LIFE / HOUR }).map((hours) => hours * HOUR)
const aWorld: fc.Arbitrary<World> = fc.record({
  away: fc.uniqueArray(banker, { maxLength: 1 }),
  loans: fc.array(
    fc.record({
      ...{ from: banker, to: anybody },
      kind: fc.constantFrom('rotate' as const, 'rotate' as const, 'provision' as const),
      ...{ starts: fc.oneof(fc.constant(0), moment), ends: moment.map((ms) => ms + HOUR) },
    }),
    { maxLength: 6 },
  ),
  lost: fc
    .tuple(banker, moment, fc.boolean())
    .map(([person, since, isLost]) => (isLost ? { [person]: since } : {})),
})
const anAct: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constant('wait' as const), ms: fc.constantFrom(HOUR, DAY) }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('learn' as const), world: aWorld }) },
  {
    weight: 8,
    arbitrary: fc
      .record({
        ...{ says: anybody, other: anybody, for: fc.option(banker, { nil: null }) },
        ...{ isHonest: fc.integer({ min: 0, max: 5 }), lasts: fc.constantFrom(DAY, LIFE) },
      })
      .map(({ isHonest, other, ...signing }) => ({
        ...{ does: 'sign' as const, ...signing, keyOf: isHonest > 0 ? signing.says : other },
      })),
  },
)
const groupOf = (name: string) =>
  fc.uniqueArray(banker, { minLength: 1 }).chain((persons) =>
    fc.record({
      ...{ name: fc.constant(name), persons: fc.constant(persons.toSorted()) },
      need: fc.integer({ min: 1, max: persons.length }),
    }),
  )
const terms: fc.Arbitrary<Partial<Requirement>> = fc
  .tuple(groupOf('x'), fc.option(groupOf('y'), { nil: null }), fc.integer({ min: 0, max: 1 }))
  .map(([x, y, spare]) => {
    const groups = y === null ? [x] : [x, y]
    const quorum = groups.reduce((sum, { need }) => sum + need, 0) + spare
    return { groups, quorum, decisionMaxAgeMs: 3 * DAY, expireAfterMs: 30 * DAY }
  })

// ---- the plain words -------------------------------------------------------------------------------

const NOBODY_AWAY: World = { away: [], loans: [], lost: {} }
const keyHolds = (world: World, person: TestPerson, at: number) =>
  at < (world.lost[person] ?? Number.POSITIVE_INFINITY)
const mayVote = (world: World, person: TestPerson) =>
  person !== 'per_zed' && person !== 'per_dora' && !world.away.includes(person)
const isLent = (world: World, vote: Signing, at: number) =>
  world.loans.some(
    (loan) =>
      loan.from === vote.for &&
      loan.to === vote.says &&
      loan.kind === 'rotate' &&
      loan.starts <= at &&
      at < loan.ends &&
      keyHolds(world, loan.from, at),
  )
const whose = (vote: Signing): TestPerson => vote.for ?? vote.says

/** Does what was signed at `vote.at` count now, in this world? */
function counts(world: World, vote: Vote, now: number, asked: readonly string[]): boolean {
  return (
    vote.keyOf === vote.says &&
    keyHolds(world, vote.says, now) &&
    now < vote.at + vote.lasts &&
    now <= vote.at + 3 * DAY &&
    mayVote(world, vote.says) &&
    mayVote(world, whose(vote)) &&
    (vote.for === null || isLent(world, vote, now)) &&
    asked.includes(whose(vote))
  )
}

/** One vote a person and one vote a signer, in the order in which they came. */
const votesOf = (world: World, votes: readonly Vote[], now: number, asked: readonly string[]) =>
  votes
    .filter((vote) => counts(world, vote, now, asked))
    .filter((vote, place, all) => all.findIndex(({ says }) => says === vote.says) === place)
    .map(whose)

// ---- the core --------------------------------------------------------------------------------------

/** A delegation to oneself, or one that ends before it begins, is no delegation and in no bundle. */
const sound = ({ from, to, starts, ends }: Loan) => from !== to && starts < ends

const pack = packReference()
const authorityOf = (world: World): Authority =>
  anAuthority({
    ...{ keys: CAST.keys, version: 2, pack },
    delegations: world.loans.filter(sound).map((loan, place) => ({
      ...{ type: 'delegation' as const, v: 1 as const, enterprise: 'ent_bank', systems: null },
      ...{ delegationId: `01KB000000000000000000000${place}`, from: loan.from, to: loan.to },
      kinds: [loan.kind],
      ...{ notBefore: shifted(AT, loan.starts), notAfter: shifted(AT, loan.ends) },
    })),
    change: {
      people: (section) => ({
        ...section,
        persons: section.persons.map((person) => {
          const personId = person.personId as TestPerson
          const since = world.lost[personId]
          return {
            ...person,
            status: world.away.includes(personId) ? ('disabled' as const) : person.status,
            keys: person.keys.map((key) =>
              key.assurance === 'key' && since !== undefined
                ? { ...key, revokedAt: shifted(AT, since) }
                : key,
            ),
          }
        }),
      }),
    },
  }).authority

const atRetire = told(
  aRotation({ requester: { personId: 'per_dora' } }),
  ...[planned, performed('issue')],
)

function play(begin: Story, acts: readonly Act[], seen: (moment: Moment) => void): void {
  let story = begin
  let world = NOBODY_AWAY
  let votes: readonly Vote[] = []
  for (const act of acts) {
    if (act.does === 'wait') story = told(story, waits(act.ms))
    if (act.does === 'learn') {
      world = { ...act.world, loans: act.world.loans.filter(sound) }
      story = told(story, believes(authorityOf(act.world)))
    }
    const now = Date.parse(story.at) - Date.parse(AT)
    const before = votes
    const answer = act.does === 'sign' ? signed(story, act) : null
    if (act.does === 'sign' && answer !== null && !isRefusal(answer)) {
      story = answer
      votes = [...votes, { ...act, at: now }]
    }
    const refused = answer === null ? null : isRefusal(answer)
    seen({ story, world, votes, before, now, act, refused })
  }
}
interface Moment {
  readonly story: Story
  readonly world: World
  readonly votes: readonly Vote[]
  readonly before: readonly Vote[]
  readonly now: number
  readonly act: Act
  /** Null when nothing was sent. */
  readonly refused: boolean | null
}

function signed(story: Story, { says, keyOf, for: onBehalfOf, lasts }: Signing) {
  const key = CAST.keys.persons[keyOf]
  const as = { onBehalfOf, notAfter: shifted(story.at, lasts) }
  return sends(decision(story, { stepId: 'cut-over', person: says, key, as }))(story)
}

function counted({ state, recorded, authority, at }: Story): boolean {
  const step = stepOf(state, 'cut-over')
  const requirement = step?.gate?.resolved.requirement
  if (step === null || requirement === undefined) throw new Error('no gate')
  const by = { authority, verify: nodeVerify, at, involved: [] }
  const again = { state, recorded, step, requirement, ...by }
  return !isRefusal(countAgain(again))
}

const acts = fc.array(anAct, { minLength: 3, maxLength: 16 })
const RUNS = { numRuns: 100 }
const openWith = (asked: Partial<Requirement>): Story =>
  told(atRetire, gateOpens('cut-over', asked))
const askedOf = ({ groups = [] }: Partial<Requirement>) => groups.flatMap(({ persons }) => persons)

function kindOf({ story, votes, act, refused }: Moment): string {
  if (act.does !== 'sign') return counted(story) ? 'enough' : votes.length > 0 ? 'too few' : 'none'
  if (refused === true) return 'refused'
  return act.for === null ? 'own' : 'lent'
}

describe('whoever comes, goes, lends a vote or loses a key', () => {
  test.prop([terms, acts], RUNS)(
    'is admitted exactly when the plain words say so',
    (asked, list) => {
      play(openWith(asked), list, ({ world, before, now, act, refused }) => {
        if (act.does !== 'sign') return
        const alive = before.filter((vote) => now < vote.at + vote.lasts)
        const isNew = alive.every((vote) => vote.says !== act.says && whose(vote) !== whose(act))
        const fits = counts(world, { ...act, at: now }, now, askedOf(asked))
        expect(refused).toBe(!(fits && isNew))
      })
    },
  )

  test.prop([terms, acts], RUNS)(
    'is counted again exactly as the plain words count',
    (asked, list) => {
      play(openWith(asked), list, ({ story, world, votes, now }) => {
        const persons = votesOf(world, votes, now, askedOf(asked))
        expect(counted(story)).toBe(bruteForce(asked as Requirement, persons))
      })
    },
  )

  test('is really admitted, lent, lost and counted in these histories (control)', () => {
    const met = new Set<string>()
    for (const [asked, list] of fc.sample(fc.tuple(terms, acts), { numRuns: 150, seed: 7 }))
      play(openWith(asked), list, (moment) => met.add(kindOf(moment)))
    expect([...met].sort()).toEqual(['enough', 'lent', 'none', 'own', 'refused', 'too few'])
  })
})
