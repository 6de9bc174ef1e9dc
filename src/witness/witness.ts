/**
 * A *witness* of one log (C2SP tlog-witness): it cosigns a checkpoint only when that tree extends every tree that
 * it cosigned before, and what it cosigned is on disk before it answers. A log that shows different trees to
 * different people cannot get both cosigned.
 */
import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isRefusal } from '../domain/refusal.js'
import { type Signer, signNoteBytes } from '../keys/sign.js'
import { nodeVerify } from '../keys/verify.js'
import { judgeCheckpoint, NEVER, type WitnessAnswer } from '../ledger/add-checkpoint.js'
import { openCheckpoint } from '../ledger/checkpoint.js'
import { cosign, cosignatureVerifier } from '../ledger/cosignature.js'
import { formatNote, formatSignature } from '../ledger/note.js'
import { ed25519Verifier, type NoteKey } from '../ledger/note-key.js'
import { readDurable, writeDurable } from '../store/log/durable.js'

export interface WitnessOptions {
  /** The log's origin is the name of its key. */
  readonly logKey: NoteKey
  /** The witness's own, as its verifier key has it. */
  readonly name: string
  readonly signer: Signer
  readonly stateDir: string
  /** Seconds since the epoch. */
  readonly now: () => number
}

export type Answered = Exclude<WitnessAnswer, { kind: 'cosign' }> | Cosigned
interface Cosigned {
  readonly kind: 'cosigned'
  /** The signature line. */
  readonly line: string
  readonly size: number
}

export interface Witness {
  /** SHA-256 of the log's origin, hex: where its checkpoint is served. */
  readonly originHash: string
  /** UNTRUSTED: the body. Requests take turns, so that no two are judged against the same last tree. */
  readonly add: (body: string) => Promise<Answered>
  /** The last checkpoint, under the signatures of log and witness; null when it never cosigned one. */
  readonly last: () => string | null
}

/** What it cosigned last is not what its own key signed: it must not go on as if it had never seen the log. */
export class WitnessStateFault extends Error {
  override readonly name = 'WitnessStateFault'
}

/** Throws WitnessStateFault. */
export async function openWitness(options: WitnessOptions): Promise<Witness> {
  const { logKey, name, signer, stateDir, now } = options
  const key = { name, publicKey: signer.publicKey }
  const originHash = createHash('sha256').update(logKey.name).digest('hex')
  const file = join(stateDir, `${originHash}.json`)
  await mkdir(stateDir, { recursive: true, mode: 0o700 })
  let kept = await keptIn(file)
  let last = kept === null ? NEVER : lastOf(options, { note: kept, file })
  const log = { origin: logKey.name, verifier: ed25519Verifier({ ...logKey, verify: nodeVerify }) }

  const addNow = async (body: string): Promise<Answered> => {
    const answer = judgeCheckpoint(body, { ...log, last })
    if (answer.kind !== 'cosign') return answer
    const { text, signed, checkpoint } = answer
    const sign = (message: Uint8Array) => signNoteBytes(signer, message)
    const signature = await cosign({ ...key, sign, text, seconds: now() })
    const note = formatNote({ text, signatures: [signed, signature] })
    await writeDurable(file, note)
    kept = note
    last = checkpoint
    return { kind: 'cosigned', line: formatSignature(signature), size: checkpoint.size }
  }

  let turn: Promise<unknown> = Promise.resolve()
  return {
    originHash,
    last: () => kept,
    add: (body) => {
      const mine = turn.then(() => addNow(body))
      turn = mine.catch(() => undefined)
      return mine
    },
  }
}

async function keptIn(file: string): Promise<string | null> {
  const value = await readDurable(file).catch((error: unknown) => {
    if (error instanceof SyntaxError) return ''
    throw error
  })
  return value === null ? null : String(value)
}

/** Its own cosignature says what it cosigned, whatever key the log had then. */
function lastOf(options: WitnessOptions, { note, file }: { note: string; file: string }) {
  const { logKey, name, signer } = options
  const own = cosignatureVerifier({ name, publicKey: signer.publicKey, verify: nodeVerify })
  const opened = openCheckpoint({ note, origin: logKey.name, verifier: own })
  if (isRefusal(opened))
    throw new WitnessStateFault(`${file} is not what this witness cosigned last of this log`)
  return opened.checkpoint
}
