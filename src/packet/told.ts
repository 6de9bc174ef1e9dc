/**
 * What a packet tells people. *Told* is everything that README, report and answers are made from; the
 * exporter and the verifier make them from the same evidence, so that a report which says something
 * else than the entries is found. Persons are opaque ids, with names only where the side store had them.
 */

import type { Digest } from '../domain/bytes/digest.js'
import type { CaseState, Recorded } from '../domain/case/case.js'
import { fold } from '../domain/case/evolve.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import type { AuthorityBundle, Identity, Root } from '../domain/shapes/authority.js'
import { Decision } from '../domain/shapes/envelope.js'
import { CaseEvent, type CaseOpened, type EventOf } from '../domain/shapes/event.js'
import { parseAs } from '../domain/shapes/parse.js'
import { openEnvelope } from '../domain/signed/envelope.js'
import type { StoredEntry } from '../ledger/entry.js'
import { readUnverified } from './bundles.js'
import type { Names, Reasons } from './files.js'

export interface Told {
  readonly caseId: string
  readonly keys: Root['purpose']
  readonly recorded: readonly Recorded[]
  /** Index in the log of each entry. */
  readonly indexes: readonly number[]
  /** `cosigners`: names under the checkpoint besides the log's. UNTRUSTED: whose witnesses count, each verifier decides. */
  readonly log: {
    readonly origin: string
    readonly size: number
    readonly cosigners: readonly string[]
  }
  /** Which entries of the log are lost for ever, a line for each gap. */
  readonly gaps: readonly string[]
  readonly identity: Pick<Identity, 'control' | 'need'> | null
  readonly objective: string | null
  readonly reasons: Reasons
  readonly names: Names
}

/** UNTRUSTED: an entry's body. Afterwards it is one strict case event. */
export function readRecorded({ entry, hash }: StoredEntry): Recorded | Refusal {
  const event = parseAs(CaseEvent)(entry.body)
  return isRefusal(event)
    ? refuse('EVIDENCE_TAMPERED', `/${entry.stream}/${entry.seq}${event.where}`, event.detail)
    : { seq: entry.seq, hash, at: entry.at, event }
}

/** Who signed the log besides the enterprise, as the checkpoint says; whether it is true is the verifier's to say. */
export const cosignersWords = ({ cosigners }: Told['log']): string =>
  cosigners.length === 0
    ? 'single party, no outside witness'
    : `cosignatures under the names ${cosigners.join(', ')}`

export interface Shown extends Told {
  readonly state: CaseState
  readonly opened: CaseOpened | null
  readonly decisions: readonly ShownDecision[]
}

export interface ShownDecision {
  readonly at: string
  readonly event: EventOf<'DecisionAdmitted'>
  readonly reason: string | null
  readonly ahead: 'yes' | 'no'
}

/** What the bundles add for people. One bundle under demonstration keys makes it a demonstration. */
export function toldByBundles(input: {
  readonly bundles: ReadonlyMap<Digest, AuthorityBundle>
  readonly recorded: readonly Recorded[]
}): Pick<Told, 'keys' | 'identity' | 'objective'> {
  const production = [...input.bundles.values()]
    .map(readUnverified.root)
    .every((root) => !isRefusal(root) && root.payload.purpose === 'production')
  const keys = production ? 'production' : 'demonstration'
  const opened = input.recorded[0]?.event
  const named = opened?.type === 'CaseOpened' ? input.bundles.get(opened.authority.hash) : undefined
  if (opened?.type !== 'CaseOpened' || named === undefined)
    return { keys, identity: null, objective: null }
  const ownership = readUnverified.ownership(named)
  if (isRefusal(ownership)) return { keys, identity: null, objective: null }
  const { identities, objectives } = ownership.payload
  const identity = identities.find((item) => item.identityId === opened.scope.id)
  const objective = objectives.find((item) => item.objectiveId === opened.objectiveId)
  return {
    keys,
    identity: identity === undefined ? null : { control: identity.control, need: identity.need },
    objective: objective?.title ?? null,
  }
}

export function show(told: Told): Shown {
  const state = fold(told.caseId, told.recorded)
  return { ...told, state, opened: state.opened, decisions: decisionsOf(told) }
}

const decisionsOf = (told: Told): readonly ShownDecision[] =>
  told.recorded.flatMap(({ event, at }) => {
    if (event.type !== 'DecisionAdmitted') return []
    const digest = reasonDigestOf(event)
    const reason = digest === null ? undefined : told.reasons[digest]
    const ahead = event.round === 0 ? 'yes' : 'no'
    return [{ at, event, ahead, reason: reason?.reason ?? null } as const]
  })

/** The digest of the reason that was signed, if one was. */
export function reasonDigestOf(event: EventOf<'DecisionAdmitted'>) {
  const { envelope } = event
  const opened = openEnvelope({ envelope, kind: 'decision', parse: parseAs(Decision) })
  return isRefusal(opened) ? null : opened.payload.reasonDigest
}

/** The persons of whom the case speaks. */
export const personsOf = (recorded: readonly Recorded[]): readonly string[] => [
  ...new Set(
    recorded.flatMap(({ event }) => {
      if (event.type === 'CaseOpened') return [event.ownerId, event.requester.personId ?? []].flat()
      return event.type === 'DecisionAdmitted' ? [event.votes, event.signedBy] : []
    }),
  ),
]

/** A person by name and id, or by id alone. */
export const whom = (told: Pick<Told, 'names'>, personId: string): string => {
  const known = told.names[personId]
  return known === undefined ? personId : `${known.name} (${personId})`
}
