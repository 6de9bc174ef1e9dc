/**
 * A *round* measures one side: latencies of single approvals, then as many whole workflows side by side as
 * there are accounts. Rounds of both sides alternate, so that both meet the same machine.
 */
import { BARE_STEPS } from './bare/messages.js'
import type { BareSide, Does } from './bare/side.js'
import { type Cpu, cpuSeconds, cpuSince, type Pids } from './processes.js'
import type { ProofClock } from './product/proofs.js'
import {
  type Account,
  openRotations,
  passAll,
  passIssue,
  passRest,
  workflowOf,
} from './product/rotation.js'
import type { ProductSide } from './product/side.js'
import { type Timeline, timelineOf } from './product/timeline.js'
import { settled } from './settled.js'

export interface Flow {
  readonly stepsPerSecond: number
  /** CPU seconds of each process for one approved step. */
  readonly cpu: Cpu
  /** Events of the history of one completed workflow, on average. */
  readonly events: number
}

const STEPS = BARE_STEPS.length

/** The workflows are opened before the clock starts; it stops when the last step of the last one is done. */
export async function bareFlow(
  bare: BareSide,
  input: { readonly count: number; readonly does: Does; readonly server: Pids },
): Promise<Flow> {
  const handles = await bare.open(input.count, input.does)
  const pids = { ...input.server, ...bare.pids() }
  const cpu = cpuSeconds(pids)
  const began = performance.now()
  await Promise.all(
    handles.map(async (handle) => {
      for (const stepId of BARE_STEPS) await bare.approve(handle, stepId)
    }),
  )
  const seconds = (performance.now() - began) / 1000
  await Promise.all(handles.map((handle) => handle.result()))
  const [first] = handles
  const events = (await first?.describe())?.historyLength ?? Number.NaN
  const steps = input.count * STEPS
  return { stepsPerSecond: steps / seconds, cpu: cpuSince(cpu, { pids, steps }), events }
}

export interface ProductFlow extends Flow {
  readonly lastCase: string
}

export async function productFlow(
  product: ProductSide,
  input: { readonly accounts: readonly Account[]; readonly server: Pids },
): Promise<ProductFlow> {
  const rotations = await openRotations(product, input.accounts)
  const pids = { ...input.server, ...product.pids() }
  const cpu = cpuSeconds(pids)
  const began = performance.now()
  await Promise.all(rotations.map((rotation) => passAll(product, rotation)))
  const seconds = (performance.now() - began) / 1000
  const handles = rotations.map((rotation) => workflowOf(product, rotation))
  await Promise.all(handles.map((handle) => handle.result()))
  const steps = rotations.length * STEPS
  const used = cpuSince(cpu, { pids, steps })
  const lengths = await Promise.all(handles.map(async (h) => (await h.describe()).historyLength))
  return {
    stepsPerSecond: steps / seconds,
    cpu: used,
    events: lengths.reduce((sum, length) => sum + length, 0) / lengths.length,
    lastCase: rotations.at(-1)?.caseId ?? '',
  }
}

/** While cases flow, one proof after another is timed. A flow of its own: each proof is work that no step asks for. */
export async function loadedProofs(
  product: ProductSide,
  input: { readonly accounts: readonly Account[]; readonly clock: ProofClock },
): Promise<readonly number[]> {
  const rotations = await openRotations(product, input.accounts)
  let over = false
  const flowing = Promise.all(rotations.map((rotation) => passAll(product, rotation))).finally(
    () => {
      over = true
    },
  )
  // Whoever awaits the flow hears of its failure.
  flowing.catch(() => undefined)
  const taken: number[] = []
  while (!over) taken.push(await input.clock.once())
  await flowing
  return taken
}

export interface Latencies {
  /** Milliseconds from sending an approval to the effect. */
  readonly ms: readonly number[]
  /** Events added to the history by one approved step. */
  readonly events: readonly number[]
}

/** One approval at a time, of workflows that wait for their first. */
export async function bareLatencies(
  bare: BareSide,
  input: { readonly count: number; readonly does: Does },
): Promise<Latencies> {
  const handles = await bare.open(input.count, input.does)
  const ms: number[] = []
  const events: number[] = []
  for (const handle of handles) {
    const before = await settled(handle)
    const { sentAt, effectAt } = await bare.approve(handle, 'issue')
    ms.push(effectAt - sentAt)
    events.push((await settled(handle)) - before)
  }
  await Promise.all(
    handles.map(async (handle) => {
      for (const stepId of BARE_STEPS.slice(1)) await bare.approve(handle, stepId)
      await handle.result()
    }),
  )
  return { ms, events }
}

export interface ProductLatencies extends Latencies {
  readonly timelines: readonly Timeline[]
  readonly answers: readonly number[]
}

export async function productLatencies(
  product: ProductSide,
  accounts: readonly Account[],
): Promise<ProductLatencies> {
  const rotations = await openRotations(product, accounts)
  const timelines: Timeline[] = []
  const events: number[] = []
  const answers: number[] = []
  for (const rotation of rotations) {
    const handle = workflowOf(product, rotation)
    const before = await settled(handle)
    const sent = await passIssue(product, rotation)
    events.push((await settled(handle)) - before)
    answers.push(sent.answeredAt - sent.sentAt)
    timelines.push(await timelineOf(product, { rotation, sent }))
  }
  await Promise.all(rotations.map((rotation) => passRest(product, rotation)))
  return { ms: timelines.map(({ effectMs }) => effectMs), events, timelines, answers }
}
