/** The order of a run: memory, then alternating rounds of both sides warm and evicted, then what needs no server. */
import { isRefusal } from '../src/domain/refusal.js'
import { nodeVerify } from '../src/keys/verify.js'
import { authoritySource } from '../src/store/authority/authority.js'
import { now } from '../src/store/db.js'
import type { BareSide } from './bare/side.js'
import { forgedEnvelope, refusedPerSecond } from './forged.js'
import { type Growth, type GrowthSize, measureGrowth } from './growth.js'
import { type Held, heapFile, heldBy } from './heap.js'
import {
  collectionRate,
  judgingRate,
  type PacketRate,
  packetRate,
  type Rate,
  refusingRate,
} from './offline.js'
import { timeFence } from './product/fence.js'
import { createProofClock } from './product/proofs.js'
import {
  type Account,
  openRotations,
  passAll,
  type Rotation,
  signedDecision,
  useAccount,
} from './product/rotation.js'
import type { ProductSide } from './product/side.js'
import {
  bareFlow,
  bareLatencies,
  type Flow,
  type Latencies,
  loadedProofs,
  type ProductFlow,
  type ProductLatencies,
  productFlow,
  productLatencies,
} from './rounds.js'

export interface Size {
  readonly rounds: number
  /** Workflows side by side. */
  readonly flowing: number
  /** Approvals one at a time, in each round. */
  readonly single: number
  /** Workflows held open to weigh them. */
  readonly open: number
  readonly forged: number
  readonly proofs: number
  /** For each rate of pure computation. */
  readonly cpuMs: number
  readonly growth: GrowthSize
}

interface Bare {
  readonly flows: Flow[]
  readonly warm: Latencies[]
  readonly evicted: Latencies[]
}

export interface Results {
  readonly bare: Bare
  /** The bare workflow whose activity does the same work on the same target. */
  readonly working: Bare
  readonly product: {
    readonly flows: ProductFlow[]
    readonly warm: ProductLatencies[]
    readonly evicted: ProductLatencies[]
  }
  readonly memory: { readonly bare: Held; readonly product: Held }
  /** Milliseconds. */
  readonly proofs: { readonly atRest: readonly number[]; readonly loaded: readonly number[] }
  readonly judging: Rate
  readonly refusing: Rate
  readonly packet: PacketRate
  readonly collection: ReturnType<typeof collectionRate>
  readonly refusedOverHttp: number
  /** Milliseconds, with few and with many open cases in the scope. */
  readonly fence: { readonly few: number; readonly many: number }
  readonly growth: Growth
}

export interface Measuring {
  readonly dir: string
  readonly product: ProductSide
  readonly bare: BareSide
  readonly size: Size
  readonly names: readonly string[]
  readonly maxCached: number
  readonly progress: (line: string) => void
}

/** Open cases in the scope of a fence. */
const FEW_CASES = 10
export const MANY_CASES = 10_000

/** Fewer than this a worker does not keep. */
const EVICTING = 2

export async function measure(at: Measuring): Promise<Results> {
  const { product, size, progress } = at
  const accounts: Account[] = []
  for (const name of at.names) accounts.push(await useAccount(product, name))
  progress('weighing open workflows')
  const memory = await weigh(at, accounts)
  const clock = await createProofClock(product)
  const rounds = await alternate(at, accounts)
  progress('timing proofs')
  const flowing = accounts.slice(0, size.flowing)
  const loaded = await loadedProofs(product, { accounts: flowing, clock })
  const proofs: number[] = []
  while (proofs.length < size.proofs) proofs.push(await clock.once())
  await clock.stop()
  progress('verifying and refusing')
  const checked = await check(at, { account: accounts[0], caseId: rounds.lastCase })
  // The first account has a case that stays open.
  const free = accounts.slice(1, size.single + 2)
  const growth = await measureGrowth(product, { size: size.growth, accounts: free, progress })
  await Promise.all(accounts.map(({ session }) => session.end()))
  progress('raising fences')
  await product.system.process('keeper').stop()
  await timeFence(product, 1)
  const fence = {
    few: await timeFence(product, FEW_CASES),
    many: await timeFence(product, MANY_CASES),
  }
  return { ...rounds, memory, proofs: { atRest: proofs, loaded }, ...checked, fence, growth }
}

/** What one open workflow adds to its worker, with garbage collected; the workflows then run to their ends. */
async function weigh(at: Measuring, accounts: readonly Account[]) {
  const { dir, product, bare, size } = at
  const held = (side: 'bare' | 'product') =>
    heldBy({
      pid: side === 'bare' ? bare.workerPid() : product.workerPid(),
      file: heapFile(dir, side),
    })
  const each = (before: Held, after: Held, count: number): Held => ({
    heap: (after.heap - before.heap) / count,
    resident: (after.resident - before.resident) / count,
  })
  // The first ones load code that all others share.
  const [first, ...others] = accounts.slice(0, size.open)
  if (first === undefined) throw new TypeError('no accounts')
  const bareBefore = await bare.open(1, 'nothing').then(() => held('bare'))
  await bare.open(others.length, 'nothing')
  const bareEach = each(bareBefore, await held('bare'), others.length)
  const rotations: Rotation[] = [...(await openRotations(product, [first]))]
  const before = await held('product')
  rotations.push(...(await openRotations(product, others)))
  const productEach = each(before, await held('product'), others.length)
  await Promise.all(rotations.map((rotation) => passAll(product, rotation)))
  return { bare: bareEach, product: productEach }
}

async function alternate(at: Measuring, accounts: readonly Account[]) {
  const { product, bare, size, progress } = at
  const server = { temporal: product.system.temporal.pid }
  const beside = {
    nothing: server,
    'target work': { ...server, target: product.system.target.pid },
  }
  const single = accounts.slice(0, size.single)
  const flowing = accounts.slice(0, size.flowing)
  const results = {
    bare: noRounds(),
    working: noRounds(),
    product: {
      flows: [] as ProductFlow[],
      warm: [] as ProductLatencies[],
      evicted: [] as ProductLatencies[],
    },
  }
  for (let round = 1; round <= size.rounds; round += 1) {
    progress(`round ${round} of ${size.rounds}: warm`)
    for (const [side, does] of BARE)
      results[side].warm.push(await bareLatencies(bare, { count: size.single, does }))
    results.product.warm.push(await productLatencies(product, single))
    for (const [side, does] of BARE)
      results[side].flows.push(
        await bareFlow(bare, { count: size.flowing, does, server: beside[does] }),
      )
    results.product.flows.push(await productFlow(product, { accounts: flowing, server }))
    progress(`round ${round} of ${size.rounds}: evicted`)
    await cache(at, EVICTING)
    for (const [side, does] of BARE)
      results[side].evicted.push(await bareLatencies(bare, { count: size.single, does }))
    results.product.evicted.push(await productLatencies(product, single))
    await cache(at, at.maxCached)
  }
  return { ...results, lastCase: results.product.flows.at(-1)?.lastCase ?? '' }
}

const BARE = [
  ['bare', 'nothing'],
  ['working', 'target work'],
] as const

const noRounds = (): Bare => ({ flows: [], warm: [], evicted: [] })

const cache = async ({ product, bare }: Measuring, workflows: number): Promise<void> => {
  await Promise.all([product.restartWorker(workflows), bare.restartWorker(workflows)])
}

async function check(
  at: Measuring,
  input: { readonly account: Account | undefined; readonly caseId: string },
) {
  const { product, size, progress } = at
  const { db } = product.stage
  const packet = await product.api('per_ana').packet({ caseId: input.caseId })
  if (isRefusal(packet)) throw new Error(`no packet: ${packet.refused}`)
  progress('verifying every case of the run')
  const collection = await product.api('per_ana').collection({ partner: 'com_acme' })
  if (isRefusal(collection)) throw new Error(`no collection: ${collection.refused}`)
  const { trust } = product.system.genesis
  const account = input.account
  const [rotation] = account === undefined ? [] : await openRotations(product, [account])
  if (rotation === undefined) throw new TypeError('no case to judge in')
  const source = authoritySource({ trust, verify: nodeVerify })
  const authority = await source.current(db, { at: await now(db), lock: 'none' })
  if (isRefusal(authority)) throw new Error(authority.refused)
  const envelope = signedDecision(product, { rotation, stepId: 'issue', person: 'per_ana' })
  const judging = { state: rotation.state, choices: null, authority, at: await now(db) }
  const forged = forgedEnvelope(product, rotation)
  // Before the pure computations, which hold this thread and let idle connections die.
  const refusedOverHttp = await refusedPerSecond(product, { rotation, count: size.forged })
  return {
    refusedOverHttp,
    judging: judgingRate({ ...judging, envelope }, size.cpuMs),
    refusing: refusingRate({ ...judging, envelope: forged }, size.cpuMs),
    packet: packetRate({ bytes: packet.bytes, trust }, size.cpuMs),
    collection: collectionRate({ bytes: collection.bytes, trust }),
  }
}
