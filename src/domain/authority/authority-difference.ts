/**
 * In what two authorities differ, in words. A *difference* belongs to one section of the bundle and names who is
 * to accept it, because they answer for it from then on, and who may not decide on it, because it is for them.
 * Pure, so that the plan, the activation and the verifier of a packet find the same.
 */

import { digest } from '../bytes/digest.js'
import type { Company, Objective, Person, SectionName } from '../shapes/authority.js'
import type { Pack } from '../shapes/policy.js'
import type { Authority } from './authority.js'

export interface Difference {
  readonly section: SectionName | 'root'
  readonly words: string
  /** `withdraws`: a key, a vote or an account is taken away, and nothing is given. */
  readonly effect: 'withdraws' | 'other'
  readonly accepting: readonly string[]
  readonly affected: readonly string[]
}

export interface Comparing {
  readonly from: Authority
  readonly to: Authority
  /** The packs in force under each at the time of the plan. */
  readonly packs: { readonly from: Pack; readonly to: Pack }
}

export const differences = (of: Comparing): readonly Difference[] => [
  ...(same(of.from.root, of.to.root) ? [] : [other('root', 'the root statement is another one')]),
  ...persons(of),
  ...companies(of),
  ...delegations(of),
  ...ownership(of),
  ...contracts(of),
  ...policy(of),
]

const same = (left: unknown, right: unknown): boolean =>
  digest(left ?? null) === digest(right ?? null)

const other = (
  section: Difference['section'],
  words: string,
  who: Partial<Pick<Difference, 'accepting' | 'affected'>> = {},
): Difference => ({ section, words, effect: 'other', accepting: [], affected: [], ...who })

interface Pair<T> {
  readonly id: string
  readonly before: T | undefined
  readonly after: T | undefined
}

/** What is in one and not the same in the other, by id. */
function changed<T>(before: ReadonlyMap<string, T>, after: ReadonlyMap<string, T>): Pair<T>[] {
  const ids = [...new Set([...before.keys(), ...after.keys()])].sort()
  return ids
    .map((id) => ({ id, before: before.get(id), after: after.get(id) }))
    .filter((pair) => !same(pair.before, pair.after))
}

const verb = ({ before, after }: Pair<unknown>): string =>
  before === undefined ? 'added' : after === undefined ? 'removed' : 'changed'

/** The names of the fields in which they differ. */
function fields(before: object, after: object): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  return names.filter((name) => !same(Reflect.get(before, name), Reflect.get(after, name)))
}

const persons = ({ from, to }: Comparing): Difference[] =>
  changed(from.persons, to.persons).map((pair) => {
    const said = pair.before === undefined ? [] : personWords(pair.before, pair.after)
    const keys = pair.before === undefined ? keyIds(pair.after) : []
    const detail = [...said, ...keys.map((key) => `key ${key} enrolled`)].join(', ')
    const words = `person ${pair.id} ${verb(pair)}${detail === '' ? '' : `: ${detail}`}`
    return isWithdrawn(pair)
      ? { ...other('people', words), effect: 'withdraws' }
      : other('people', words, { affected: pair.after === undefined ? [] : [pair.id] })
  })

const keyIds = (person: Person | undefined): string[] =>
  (person?.keys ?? []).map(({ keyId }) => keyId)

function personWords(before: Person, after: Person | undefined): string[] {
  if (after === undefined) return []
  const plainFields = fields(before, after).filter((name) => name !== 'keys')
  const keys = changed(byKey(before.keys), byKey(after.keys)).map((pair) => {
    if (pair.before === undefined) return `key ${pair.id} enrolled`
    if (pair.after === undefined) return `key ${pair.id} removed`
    return isRevoked(pair.before, pair.after) ? `key ${pair.id} revoked` : `key ${pair.id} changed`
  })
  return [...keys, ...plainFields.map((name) => personField(name, after))]
}

const personField = (name: string, after: Person): string =>
  name === 'status'
    ? `now ${after.status}`
    : name === 'duties'
      ? `duties ${after.duties.join(' ') || 'none'}`
      : name

interface Revocable {
  readonly revokedAt: string | null
}
const byKey = <K extends { readonly keyId: string }>(keys: readonly K[]): Map<string, K> =>
  new Map(keys.map((key) => [key.keyId, key]))

/** The same key, that is over from a time on at which it was not over before. */
const isRevoked = (before: Revocable, after: Revocable): boolean =>
  after.revokedAt !== null &&
  (before.revokedAt === null || after.revokedAt < before.revokedAt) &&
  same({ ...before, revokedAt: null }, { ...after, revokedAt: null })

const onlyRevoked = <K extends Revocable & { readonly keyId: string }>(
  before: readonly K[],
  after: readonly K[],
): boolean =>
  changed(byKey(before), byKey(after)).every(
    (pair) =>
      pair.before !== undefined && pair.after !== undefined && isRevoked(pair.before, pair.after),
  )

/** A key is revoked or the person disabled; all else is as it was. */
function isWithdrawn({ before, after }: Pair<Person>): boolean {
  if (before === undefined || after === undefined) return false
  const known = { ...before, keys: [], status: 'disabled' }
  return (
    onlyRevoked(before.keys, after.keys) &&
    same(known, { ...after, keys: [], status: 'disabled' }) &&
    (after.status === before.status || after.status === 'disabled')
  )
}

const companies = ({ from, to }: Comparing): Difference[] =>
  changed(from.companies, to.companies).map((pair) => {
    const { before, after } = pair
    if (before === undefined || after === undefined)
      return other('people', `company ${pair.id} ${verb(pair)}`)
    const words = `company ${pair.id} changed: ${fields(before, after).join(', ')}`
    return isCompanyWithdrawn(before, after)
      ? { ...other('people', words), effect: 'withdraws' }
      : other('people', words)
  })

const isCompanyWithdrawn = (before: Company, after: Company): boolean =>
  onlyRevoked(before.claimKeys, after.claimKeys) &&
  same({ ...before, claimKeys: [] }, { ...after, claimKeys: [] })

/** Everybody signs the own delegations; they are part of the bundle, and change with its people. */
function delegations({ from, to }: Comparing): Difference[] {
  const byDigest = ({ delegations: list }: Authority) =>
    new Map(list.map(({ key: _, ...delegation }) => [digest(delegation), delegation]))
  return changed(byDigest(from), byDigest(to)).map((pair) => {
    const { before, after } = pair
    const it = after ?? before
    const words = `delegation of ${it?.from} to ${it?.to} until ${it?.notAfter} ${verb(pair)}`
    return after === undefined
      ? { ...other('people', words), effect: 'withdraws' }
      : other('people', words, { affected: [after.from, after.to] })
  })
}

function ownership({ from, to }: Comparing): Difference[] {
  const say = (noun: string, pair: Pair<object>, accepting: readonly string[]) => {
    const { before, after } = pair
    const what = before && after ? `: ${fields(before, after).join(', ')}` : ''
    return other('ownership', `${noun} ${pair.id} ${verb(pair)}${what}`, { accepting })
  }
  const onSystem = (systemId: string) =>
    [...to.identities.values()].filter((item) => item.systemId === systemId)
  return [
    ...changed(from.systems, to.systems).map((pair) =>
      say(
        'system',
        pair,
        onSystem(pair.id).map(({ ownerId }) => ownerId),
      ),
    ),
    ...changed(from.objectives, to.objectives).flatMap((pair) => objective(pair, say)),
    ...changed(from.identities, to.identities).map((pair) => {
      const { before, after } = pair
      const owner = after?.ownerId ?? before?.ownerId ?? ''
      const handed = before && after && before.ownerId !== owner
      const said = say('identity', pair, [owner])
      return handed
        ? { ...said, words: `${said.words}; owner ${before.ownerId} -> ${owner}` }
        : said
    }),
  ]
}

function objective(
  pair: Pair<Objective>,
  say: (noun: string, pair: Pair<object>, accepting: readonly string[]) => Difference,
): Difference[] {
  const { before, after } = pair
  const owners = Object.values((after ?? before)?.owners ?? {})
  if (before === undefined || after === undefined) return [say('objective', pair, owners)]
  const moved = changed(
    new Map(Object.entries(before.owners)),
    new Map(Object.entries(after.owners)),
  )
  const outcomes = moved.map(({ id, before: old, after: now }) =>
    other('ownership', `objective ${pair.id}: owner of ${id} ${old} -> ${now}`, {
      accepting: now === undefined ? [] : [now],
    }),
  )
  const rest = same({ ...before, owners: {} }, { ...after, owners: {} })
  return rest ? outcomes : [...outcomes, say('objective', pair, owners)]
}

function contracts({ from, to }: Comparing): Difference[] {
  const byId = ({ contracts: list }: Authority) =>
    new Map(list.map((contract) => [contract.contractId, contract]))
  return changed(byId(from), byId(to)).map((pair) => {
    const { before, after } = pair
    const it = after ?? before
    const what = before && after ? `: ${fields(before, after).join(', ')}` : ''
    const ends = after === undefined ? '' : `; ends ${after.notAfter}`
    const words = `contract ${pair.id} with ${it?.companyId} ${verb(pair)}${what}${ends}`
    return other('contracts', words, { accepting: it === undefined ? [] : [it.ownerId] })
  })
}

function policy({ from, to, packs }: Comparing): Difference[] {
  const byName = ({ packs: list }: Authority) =>
    new Map(list.map((pack) => [`${pack.packId} ${pack.version}`, pack]))
  const list = changed(byName(from), byName(to)).map((pair) => {
    const since = pair.after === undefined ? '' : ` from ${pair.after.effectiveFrom}`
    return other('policy', `policy pack ${pair.id} ${verb(pair)}${since}`)
  })
  if (list.length === 0) return []
  return [...list, other('policy', meaning(packs))]
}

/** What is asked of a gate is in the rules alone: a pack with other words voids no signature. */
function meaning({ from, to }: Comparing['packs']): string {
  const terms = (pack: Pack) => ({ ...pack, version: 0, effectiveFrom: '' })
  if (same(terms(from), terms(to)))
    return 'the policy in force asks the same as before: words only, it voids no open signature'
  const rules = changed(byRule(from), byRule(to)).map((pair) => `${pair.id} ${verb(pair)}`)
  const head = fields({ ...terms(from), rules: [] }, { ...terms(to), rules: [] })
  return `the policy in force asks something else: ${[...rules, ...head].join(', ')}`.slice(0, 300)
}

const byRule = ({ rules }: Pack) => new Map(rules.map((rule) => [rule.id, rule]))
