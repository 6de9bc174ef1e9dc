/**
 * The fences of a packet: each raised by a signature that is judged again. What is no event of a fence, and a
 * lifting that no connector signed, says nothing, as in the gate.
 */

import type { Authority } from '../../domain/authority/authority.js'
import { canonical } from '../../domain/bytes/digest.js'
import { isAttestedBy } from '../../domain/case/attestation.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { judgeFence } from '../../domain/rights/fence.js'
import { JudgedUnder } from '../../domain/shapes/basic.js'
import { Envelope } from '../../domain/shapes/envelope.js'
import { FenceEvent, FenceLifted } from '../../domain/shapes/fence-event.js'
import { parseAs } from '../../domain/shapes/parse.js'
import type { StoredEntry } from '../../ledger/entry.js'
import { sideEntryFile } from '../files.js'
import type { RaisedFence } from './reproduce.js'
import type { Believing, Sides } from './verify-sides.js'

export function verifyFences(
  input: Believing,
  sides: Pick<Sides, 'entries'>,
): { readonly fences: readonly RaisedFence[]; readonly problems: readonly Refusal[] } {
  const fences: RaisedFence[] = []
  const problems: Refusal[] = []
  for (const [stream, entries] of sides.entries) {
    if (!stream.startsWith('fence:')) continue
    const liftings: Lifting[] = []
    for (const { stored, index } of entries) {
      const lifted = liftedBy(input, stored)
      if (lifted !== null) liftings.push({ ...lifted, index, at: stored.entry.at })
    }
    for (const { stored, index } of entries) {
      const event = parseAs(FenceEvent)(stored.entry.body)
      if (isRefusal(event) || event.type !== 'Fenced') continue
      const fence = raisedBy(input, stored)
      if (isRefusal(fence)) problems.push(fence)
      else
        fences.push({
          ...{ fence, index, at: stored.entry.at },
          lifted: liftings.filter(({ fenceId }) => fenceId === fence.fenceId),
        })
    }
  }
  return { fences, problems }
}

interface Lifting {
  readonly fenceId: string
  readonly identityId: string
  readonly index: number
  readonly at: string
}

/** Null unless a connector that a root in force then names signed that the fence is lifted for this identity. */
function liftedBy(
  { believed, verify }: Believing,
  stored: StoredEntry,
): Omit<Lifting, 'index' | 'at'> | null {
  const { body, at } = stored.entry
  const event = parseAs(FenceLifted)(body)
  if (isRefusal(event)) return null
  const { caseId, fenceId, identityId } = event
  const good = believed
    .inForce(at)
    .some((authority) => isAttestedBy({ caseId, event, authority, verify }))
  return good ? { fenceId, identityId } : null
}

/** Those in force, or the one that the entry says had expired. UNTRUSTED: `under`. */
function authoritiesOf(
  believed: Believing['believed'],
  { at, under }: { readonly at: string; readonly under: unknown },
): readonly Authority[] {
  if (under === undefined) return believed.inForce(at)
  const reference = parseAs(JudgedUnder)(under)
  if (isRefusal(reference)) return []
  const authority = believed.named(reference, at, 'taking-away')
  return isRefusal(authority) ? [] : [authority]
}

/** Afterwards the entry says exactly what an owner or duty person signed at its time. */
function raisedBy({ believed, verify }: Believing, stored: StoredEntry) {
  const { body, at, stream, seq } = stored.entry
  const where = sideEntryFile(stream, seq)
  const { type, envelope: sent, under, ...said } = body
  const envelope = parseAs(Envelope)(sent)
  if (type !== 'Fenced' || isRefusal(envelope)) return refuse('EVIDENCE_TAMPERED', where)
  let first = refuse('AUTHORITY_INVALID', where, 'no bundle was in force at this time')
  for (const authority of authoritiesOf(believed, { at, under })) {
    const fence = judgeFence({ envelope, authority, verify, at })
    if (isRefusal(fence)) {
      first = refuse(fence.refused, where, `${fence.where}: ${fence.detail}`)
      continue
    }
    const { type: _, ...signed } = fence
    const { kind, id } = fence.scope
    return canonical(signed) === canonical(said) && stream === `fence:${kind}:${id}`
      ? fence
      : refuse('JUDGEMENT_DIFFERS', where, 'the entry says something else than was signed')
  }
  return first
}
