/** What must not grow with the log: how fast entries are integrated and signed, how long one takes to its proof, and its proof but by a hash a doubling. */
import type { Digest } from '../../src/domain/bytes/digest.js'
import { isRefusal } from '../../src/domain/refusal.js'
import type { TlogProof } from '../../src/ledger/tlog-proof.js'
import { proofsOf } from '../../src/store/log/proof.js'
import { median } from '../report.js'
import type { BenchStore } from './store.js'

/** What is committed before each head while the log is filled. */
const FILL = 2000
/** Signature and what goes with it. */
const HEAD_BYTES = 64
const HASH_BYTES = 32

export interface AtSize {
  readonly size: number
  /** From committed to under a signed head. */
  readonly integratedPerSecond: number
  /** Milliseconds from the commit of one entry to its verified proof, with nothing else under way. */
  readonly proofMs: readonly number[]
  readonly proofBytes: number
  /** ⌈log₂n⌉·32 + 64. */
  readonly mostBytes: number
}

export async function growTo(
  store: BenchStore,
  input: { readonly size: number; readonly proofs: number },
): Promise<AtSize> {
  let size = await store.sequence()
  while (size < input.size) {
    await store.commit({ stream: 'fill', entries: Math.min(FILL, input.size - size) })
    size = await store.sequence()
  }
  const rates: number[] = []
  while (rates.length < 5) rates.push(await integrating(store))
  const integratedPerSecond = median(rates)
  const proofMs: number[] = []
  while (proofMs.length < input.proofs) proofMs.push(await proveOne(store))
  const first = await provenFirst(store)
  return {
    ...{ size: input.size, integratedPerSecond, proofMs },
    proofBytes: first.hashes * HASH_BYTES + HEAD_BYTES,
    mostBytes: Math.ceil(Math.log2(first.size)) * HASH_BYTES + HEAD_BYTES,
  }
}

async function integrating(store: BenchStore): Promise<number> {
  await store.commit({ stream: 'fill', entries: FILL })
  const began = performance.now()
  await store.sequence()
  return FILL / ((performance.now() - began) / 1000)
}

async function proveOne(store: BenchStore): Promise<number> {
  const began = performance.now()
  const hash = await store.commit({ stream: 'proven', entries: 1 })
  await store.sequence()
  await prove(store, hash)
  return performance.now() - began
}

/** The first entry of the log: none has a longer proof. */
async function provenFirst(store: BenchStore) {
  const { rows } = await store.db.query<{ hash: Digest }>('select hash from leaves where index = 0')
  const { proof } = await prove(store, rows[0]?.hash ?? 'sha256:')
  return { hashes: proof.length, size: await store.sequence() }
}

async function prove({ db, log }: BenchStore, hash: Digest): Promise<TlogProof> {
  const proofs = await proofsOf(db, { hashes: [hash], log })
  const [one] = proofs === null || isRefusal(proofs) ? [] : proofs
  if (one === undefined) throw new Error('the entry has no proof')
  return one
}
