/**
 * What a verifier does without any server, on one core: judge a decision, verify a whole packet, refuse a
 * forgery. The *raw* rate is the very signatures of the same work, verified by the primitive alone.
 */
import { createPublicKey, type KeyObject, verify as primitive } from 'node:crypto'
import { type Judging, judge } from '../src/domain/approval/approval.js'
import { isRefusal } from '../src/domain/refusal.js'
import type { Trust } from '../src/domain/shapes/authority.js'
import type { Verify } from '../src/domain/signed/envelope.js'
import { nodeVerify } from '../src/keys/verify.js'
import { verifyPacket } from '../src/packet/verify/verify.js'
import { verifyCollection } from '../src/packet/verify/verify-collection.js'
import { median } from './report.js'

type Signed = Parameters<Verify>[0]

export interface Rate {
  /** Units of work in a second. */
  readonly perSecond: number
  /** What the primitive alone would allow in a second. */
  readonly raw: number
}

const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex')
const ROUNDS = 5
/** What a process that does nothing else has behind it after a moment: compiled code. */
const WARM_MS = 1500

/** Judging the decision of an open gate, as the API and the gate do. */
export function judgingRate(judging: Omit<Judging, 'verify'>, forMs: number): Rate {
  const judged = judge({ ...judging, verify: nodeVerify })
  if (isRefusal(judged)) throw new Error(`${judged.refused} at ${judged.where}`)
  return rate({ work: (verify) => void judge({ ...judging, verify }), forMs })
}

/** Refusing an envelope whose signature is over something else. */
export function refusingRate(judging: Omit<Judging, 'verify'>, forMs: number): Rate {
  const refused = judge({ ...judging, verify: nodeVerify })
  if (!isRefusal(refused) || refused.refused !== 'SIGNATURE_INVALID')
    throw new Error('a forged envelope was not refused for its signature')
  return rate({ work: (verify) => void judge({ ...judging, verify }), forMs })
}

export interface PacketRate extends Rate {
  readonly decisions: number
  readonly entries: number
  readonly signatures: number
}

/** Verifying a packet whole: archive, proofs, chain, attestations, decisions and the replay of the case. */
export function packetRate(
  input: { readonly bytes: Uint8Array; readonly trust: Trust },
  forMs: number,
): PacketRate {
  const verdict = verifyPacket({ ...input, verify: nodeVerify })
  if (verdict.verdict !== 'VERIFIED')
    throw new Error(`the packet is not verified: ${verdict.problems[0]?.code}`)
  const work = (verify: Verify) => void verifyPacket({ ...input, verify })
  const { decisions, entries } = verdict
  return { ...rate({ work, forMs }), decisions, entries, signatures: signaturesOf(work).length }
}

/** Entries verified in a CPU second, in a collection of many cases; it is verified once. */
export function collectionRate(input: { readonly bytes: Uint8Array; readonly trust: Trust }) {
  const began = process.cpuUsage()
  const { verdict, problems, entries, cases } = verifyCollection({ ...input, verify: nodeVerify })
  const { user, system } = process.cpuUsage(began)
  if (verdict !== 'VERIFIED')
    throw new Error(`the collection is not verified: ${problems[0]?.code} ${problems[0]?.where}`)
  return { entries, cases, perSecond: entries / ((user + system) / 1_000_000) }
}

/** Alternates the work and the primitive alone, so that both meet the same machine. */
function rate(input: { readonly work: (verify: Verify) => void; readonly forMs: number }): Rate {
  const { work, forMs } = input
  const raw = rawWork(signaturesOf(work))
  perSecond(() => work(nodeVerify), WARM_MS)
  const each = forMs / ROUNDS / 2
  const rounds = Array.from({ length: ROUNDS }, () => ({
    work: perSecond(() => work(nodeVerify), each),
    raw: perSecond(raw, each),
  }))
  return {
    perSecond: median(rounds.map((round) => round.work)),
    raw: median(rounds.map((round) => round.raw)),
  }
}

/** The signatures that the work asks for. */
function signaturesOf(work: (verify: Verify) => void): readonly Signed[] {
  const asked: Signed[] = []
  work((signed) => {
    asked.push(signed)
    return nodeVerify(signed)
  })
  return asked
}

/** Keys are imported beforehand: nothing is left but the primitive. */
function rawWork(signatures: readonly Signed[]): () => void {
  const ready = signatures.map(({ alg, publicKey, message, signature }) => {
    if (alg !== 'ed25519') throw new TypeError('the bench signs with Ed25519 only')
    return { key: keyOf(publicKey), message, signature }
  })
  return () => {
    for (const { key, message, signature } of ready) primitive(null, message, key, signature)
  }
}

const keyOf = (publicKey: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.concat([ED25519_SPKI, publicKey]), format: 'der', type: 'spki' })

/** By CPU time, because other processes share the machine. */
function perSecond(work: () => void, forMs: number): number {
  const began = process.cpuUsage()
  const over = performance.now() + forMs
  let done = 0
  do {
    work()
    done += 1
  } while (performance.now() < over)
  const { user, system } = process.cpuUsage(began)
  return done / ((user + system) / 1_000_000)
}
