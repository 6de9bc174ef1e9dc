/**
 * Counting. A *vote* is one person's; who votes for another passes that other's id. A group's *seats*
 * are the persons it needs; one person never sits on two. A requirement that is malformed is satisfied
 * by nothing.
 */
import type { ApproverGroup, Requirement } from '../shapes/requirement.js'

type Group = Pick<ApproverGroup, 'name' | 'persons' | 'need'>

/** True when distinct persons fill every group's seats, none twice, and those who belong to some group reach the quorum. */
export function satisfied(input: {
  readonly requirement: Pick<Requirement, 'groups' | 'quorum'>
  readonly votes: readonly string[]
}): boolean {
  const { groups, quorum } = input.requirement
  if (!isCountable(quorum) || !areSound(groups)) return false
  const counted = countedOf({ groups, persons: input.votes })
  return counted.length >= quorum && unfilledGroup({ groups, persons: counted }) === null
}

/** The distinct persons who belong to some group. */
export const countedOf = (input: {
  readonly groups: readonly Group[]
  readonly persons: readonly string[]
}): readonly string[] =>
  [...new Set(input.persons)].filter((person) =>
    input.groups.some((group) => group.persons.includes(person)),
  )

/** A quorum or need of 0, of -1, of NaN or of half a person is none (vacuous truth never approves). */
const isCountable = (count: number): boolean => Number.isSafeInteger(count) && count >= 1

const areSound = (groups: readonly Group[]): boolean =>
  groups.length > 0 &&
  groups.every((group) => isCountable(group.need)) &&
  new Set(groups.map((group) => group.name)).size === groups.length

/** Null when the persons can fill all seats at once (maximum bipartite matching); else a group that stays short. */
export function unfilledGroup<G extends Group>(input: {
  readonly groups: readonly G[]
  readonly persons: readonly string[]
}): G | null {
  const persons = [...new Set(input.persons)]
  const seats: Seat<G>[] = []
  const seated = new Map<string, Seat<G>>()
  for (const group of input.groups) {
    if (!(group.need <= persons.length)) return group
    for (let index = 0; index < group.need; index += 1) seats.push({ group })
  }
  const short = seats.find((seat) => !sit({ seat, persons, seated, asked: new Set() }))
  return short?.group ?? null
}

interface Seat<G extends Group> {
  readonly group: G
}

interface Seating<G extends Group> {
  readonly seat: Seat<G>
  readonly persons: readonly string[]
  readonly seated: Map<string, Seat<G>>
  readonly asked: Set<string>
}

/** Kuhn's augmenting path: whoever sits already may move to another seat that they fit. */
function sit<G extends Group>(seating: Seating<G>): boolean {
  const { seat, persons, seated, asked } = seating
  for (const person of persons) {
    if (asked.has(person) || !seat.group.persons.includes(person)) continue
    asked.add(person)
    const held = seated.get(person)
    if (held !== undefined && !sit({ ...seating, seat: held })) continue
    seated.set(person, seat)
    return true
  }
  return false
}
