/**
 * Asking a witness (C2SP tlog-witness) for its cosignature of the newest signed head, with the proof that this
 * tree extends the one that it cosigned last. Nobody waits for it: signing and proofs go on without witnesses.
 * One that does not answer or refuses is a *WitnessFault*: said at each attempt, and kept where operators look.
 */

import { isRefusal } from '../src/domain/refusal.js'
import { nodeVerify } from '../src/keys/verify.js'
import { formatAddCheckpoint } from '../src/ledger/add-checkpoint.js'
import { parseDecimal } from '../src/ledger/checkpoint.js'
import { cosignatureVerifier } from '../src/ledger/cosignature.js'
import { formatSignature, openNote, parseNote, sameSigner } from '../src/ledger/note.js'
import { consistencyProof, tilesForConsistency } from '../src/ledger/proof.js'
import { tileHashReader } from '../src/ledger/tile.js'
import type { PolicyWitness, WitnessPolicy } from '../src/ledger/witness-policy.js'
import type { Db } from '../src/store/db.js'
import { loadTiles } from '../src/store/log/tiles.js'
import { type Head, headFor, keepCosignature, keepFault } from '../src/store/log/witnesses.js'

const WITHIN_MS = 5000
/** One that does not cosign is not asked at every head. */
const PAUSE_MS = 1000
/** Far more than the signature lines of one witness. */
const MAX_ANSWER_CHARACTERS = 64 * 1024

/** A witness did not cosign. */
export class WitnessFault extends Error {
  override readonly name = 'WitnessFault'
}

export interface Witnessing {
  readonly db: Db
  readonly policy: WitnessPolicy
  readonly witness: PolicyWitness & { readonly url: string }
}

/** One round: afterwards the witness has cosigned the head that was newest when it began. Throws WitnessFault. */
export function createWitnessing(input: Witnessing): () => Promise<void> {
  const { db, witness } = input
  let notBefore = 0
  return async () => {
    if (performance.now() < notBefore) return
    try {
      await round(input)
    } catch (error) {
      notBefore = performance.now() + PAUSE_MS
      if (error instanceof WitnessFault) await keepFault(db, { witness, fault: error.message })
      throw error
    }
  }
}

async function round(input: Witnessing): Promise<void> {
  const { db, witness, policy } = input
  const head = await headFor(db, witness)
  if (head === null || head.cosigned >= head.size) return
  const first = await ask(input, { head, oldSize: head.cosigned })
  const answer = 'line' in first ? first : await again(input, { head, size: first.size })
  await keepCosignature(db, { ...{ size: head.size, witness, policy }, line: answer.line })
}

/** It remembers another tree than this store does: an answer of it was lost, or what it saw was. */
async function again(
  input: Witnessing,
  { head, size }: { readonly head: Head; readonly size: number },
): Promise<{ readonly line: string }> {
  const newest = await headFor(input.db, input.witness)
  if (size > (newest?.size ?? 0))
    throw new WitnessFault(
      `it cosigned ${size} entries of this log, which has ${newest?.size ?? 0}: a backup was restored, or two logs have one key`,
    )
  if (size > head.size) throw new WitnessFault('it cosigned a newer head meanwhile; asked again')
  const answer = await ask(input, { head, oldSize: size })
  if ('line' in answer) return answer
  throw new WitnessFault(`it says that it cosigned ${answer.size} entries, after ${size}`)
}

async function ask(
  { db, witness }: Witnessing,
  { head, oldSize }: { readonly head: Head; readonly oldSize: number },
): Promise<{ readonly line: string } | { readonly size: number }> {
  const growth = { oldSize, newSize: head.size }
  const readTile = await loadTiles(db, tilesForConsistency(growth))
  const hashReader = tileHashReader({ size: head.size, readTile })
  const proof = consistencyProof({ ...growth, hashReader })
  const { status, text } = await post(
    `${witness.url}/add-checkpoint`,
    formatAddCheckpoint({ oldSize, proof, checkpoint: head.note }),
  )
  if (status === 200) return { line: cosignatureIn(text, { head, witness }) }
  const size = status === 409 ? parseDecimal(text.replace(/\n$/, '')) : null
  if (size !== null) return { size }
  if (status === 422)
    throw new WitnessFault('it says that this log does not extend what it cosigned: a fork')
  throw new WitnessFault(`it answered ${status}`)
}

async function post(url: string, body: string): Promise<{ status: number; text: string }> {
  try {
    const signal = AbortSignal.timeout(WITHIN_MS)
    const response = await fetch(url, { method: 'POST', body, signal, redirect: 'error' })
    return { status: response.status, text: await response.text() }
  } catch (cause) {
    throw new WitnessFault('it cannot be reached', { cause })
  }
}

/** UNTRUSTED: the answer. Afterwards the line is a cosignature of this head by this witness's own key. */
function cosignatureIn(
  text: string,
  { head, witness }: { readonly head: Head; readonly witness: PolicyWitness },
): string {
  const verifier = cosignatureVerifier({ ...witness.key, verify: nodeVerify })
  const body = head.note.slice(0, head.note.lastIndexOf('\n\n') + 1)
  const note = `${body}\n${text}`
  const opened =
    text.length > MAX_ANSWER_CHARACTERS ? null : openNote({ note, verifiers: [verifier] })
  const parsed = parseNote(note)
  if (opened === null || isRefusal(opened) || isRefusal(parsed))
    throw new WitnessFault('its answer is no cosignature by the key of the policy')
  const own = parsed.signatures.find((signature) => sameSigner(signature, verifier))
  if (own === undefined) throw new WitnessFault('its answer holds no cosignature of its own')
  return formatSignature(own)
}
