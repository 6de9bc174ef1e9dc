/**
 * A *witness policy* (C2SP tlog-policy) names witnesses by their keys and says how many of them are enough, its
 * *quorum*: one witness, a group of witnesses and groups, or none.
 */
import { type Refusal, refuse } from '../domain/refusal.js'
import { type NoteKey, parseVkey } from './note-key.js'
import { sameBytes } from './tree.js'

export interface PolicyWitness {
  /** Within the policy only. */
  readonly name: string
  readonly key: NoteKey & { readonly keyHash: number }
  /** Its submission prefix, or null where nobody is to ask it. */
  readonly url: string | null
}

export type Quorum =
  | { readonly kind: 'none' }
  | { readonly kind: 'witness'; readonly name: string }
  | { readonly kind: 'group'; readonly atLeast: number; readonly members: readonly Quorum[] }

export interface WitnessPolicy {
  readonly witnesses: readonly PolicyWitness[]
  readonly quorum: Quorum
}

const MAX_CHARACTERS = 100_000
const ALLOWED = /^[\t\n\x20-\x7e\u0080-\uffff]*$/
const NONE: Quorum = { kind: 'none' }

/** What the lines before have defined. */
interface Defined {
  readonly witnesses: PolicyWitness[]
  readonly logs: NoteKey[]
  readonly named: Map<string, Quorum>
  readonly members: Set<string>
  quorum: Quorum | null
}

/** UNTRUSTED: `text` is read here for the first time. A refusal names the line. */
export function parseWitnessPolicy(text: string): WitnessPolicy | Refusal {
  if (text.length > MAX_CHARACTERS) return refuse('TOO_LARGE', 'policy')
  if (!ALLOWED.test(text)) return refuse('MALFORMED', 'policy', 'it has a control character')
  const defined: Defined = {
    ...{ witnesses: [], logs: [], named: new Map(), members: new Set(), quorum: null },
  }
  for (const [index, line] of text.split('\n').entries()) {
    const words = line.split(/[ \t]+/).filter((word) => word !== '')
    if (words.length === 0 || words[0]?.startsWith('#')) continue
    const wrong = define(defined, words)
    if (wrong !== null) return refuse('MALFORMED', `policy/line ${index + 1}`, wrong)
  }
  if (defined.quorum === null) return refuse('MALFORMED', 'policy', 'it has no quorum line')
  return { witnesses: defined.witnesses, quorum: defined.quorum }
}

/** What is wrong with the line, or null. */
function define(defined: Defined, [kind, ...words]: readonly string[]): string | null {
  if (kind === 'log') return defineLog(defined, words)
  if (kind === 'witness') return defineWitness(defined, words)
  if (kind === 'group') return defineGroup(defined, words)
  if (kind === 'quorum') return defineQuorum(defined, words)
  return 'a line is of a log, a witness, a group or the quorum'
}

const sameKey = (a: NoteKey) => (b: NoteKey) => sameBytes(a.publicKey, b.publicKey)

function defineLog({ logs }: Defined, [vkey, , ...rest]: readonly string[]): string | null {
  const key = parseVkey(vkey ?? '')
  if ('refused' in key) return 'this is no verifier key of a log'
  if (rest.length > 0) return 'a log has a key and perhaps a URL'
  if (logs.some(sameKey(key))) return 'this log is there already'
  logs.push(key)
  return null
}

function defineWitness(defined: Defined, words: readonly string[]): string | null {
  const [name = '', vkey = '', url = null, ...rest] = words
  const key = parseVkey(vkey, 'cosignature')
  if ('refused' in key) return 'a witness has a name and the verifier key of an Ed25519 cosigner'
  if (rest.length > 0 || (url !== null && !/^https?:\/\/[^\s]+$/.test(url)))
    return 'a witness has a name, a key and perhaps an http or https URL'
  if (isTaken(defined, name)) return `${name} is taken`
  if (defined.witnesses.some((known) => sameKey(key)(known.key)))
    return 'this witness is there already'
  defined.witnesses.push({ name, key, url: url?.replace(/\/+$/, '') ?? null })
  defined.named.set(name, { kind: 'witness', name })
  return null
}

const isTaken = ({ named }: Defined, name: string): boolean => name === 'none' || named.has(name)

function defineGroup(defined: Defined, words: readonly string[]): string | null {
  const [name = '', threshold = '', ...names] = words
  if (isTaken(defined, name)) return `${name} is taken`
  const members = names.flatMap((member) => defined.named.get(member) ?? [])
  if (names.length === 0 || members.length < names.length)
    return 'a group is of witnesses and groups that stand above'
  const again = names.find((member, index) => names.indexOf(member) < index)
  const used = again ?? names.find((member) => defined.members.has(member))
  if (used !== undefined) return `${used} is a member already`
  const atLeast = thresholdOf(threshold, names.length)
  if (atLeast === null) return `the threshold is any, all, or 1 to ${names.length}`
  for (const member of names) defined.members.add(member)
  defined.named.set(name, { kind: 'group', atLeast, members })
  return null
}

function thresholdOf(text: string, members: number): number | null {
  if (text === 'any') return 1
  if (text === 'all') return members
  const atLeast = /^[1-9][0-9]{0,5}$/.test(text) ? Number(text) : 0
  return atLeast >= 1 && atLeast <= members ? atLeast : null
}

function defineQuorum(defined: Defined, [name = '', ...rest]: readonly string[]): string | null {
  if (defined.quorum !== null) return 'there is one quorum line'
  const quorum = name === 'none' ? NONE : defined.named.get(name)
  if (quorum === undefined || rest.length > 0) return 'the quorum is none, or one name from above'
  defined.quorum = quorum
  return null
}

/** Whether these witnesses, by their names in the policy, are enough. */
export function isQuorum(quorum: Quorum, cosigned: ReadonlySet<string>): boolean {
  if (quorum.kind === 'none') return true
  if (quorum.kind === 'witness') return cosigned.has(quorum.name)
  return quorum.members.filter((member) => isQuorum(member, cosigned)).length >= quorum.atLeast
}
