/**
 * What a process counts of its own work, in one registry. Labels are of closed lists: no id of a case, a person or a
 * partner is ever one.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export const registry = new Registry()

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

const requests = new Histogram({
  ...{ name: 'countersign_request_seconds', help: 'Requests to the API', buckets: SECONDS },
  ...{ labelNames: ['route', 'status'] as const, registers: [registry] },
})
const refusals = new Counter({
  ...{ name: 'countersign_refusals_total', help: 'What was refused, by whom and why' },
  ...{ labelNames: ['door', 'code'] as const, registers: [registry] },
})
const proofs = new Histogram({
  name: 'countersign_proof_seconds',
  help: 'How long an intent waited for its signed proof, or for none',
  ...{ buckets: SECONDS, labelNames: ['outcome'] as const, registers: [registry] },
})
const rounds = new Counter({
  ...{ name: 'countersign_rounds_total', help: 'Rounds of each loop of this process' },
  ...{ labelNames: ['loop', 'outcome'] as const, registers: [registry] },
})
const notices = new Counter({
  ...{ name: 'countersign_notices_total', help: 'Notices by what became of an attempt' },
  ...{ labelNames: ['channel', 'outcome'] as const, registers: [registry] },
})
const info = new Gauge({
  ...{ name: 'countersign_build_info', help: 'Which process this is, and of which build' },
  ...{ labelNames: ['process', 'build'] as const, registers: [registry] },
})

/** Afterwards the registry says which process it is of, and what that costs its machine. */
export function beginMeasuring(of: { readonly process: string; readonly build: string }): void {
  info.reset()
  info.set(of, 1)
  if (registry.getSingleMetric('process_cpu_seconds_total') === undefined)
    collectDefaultMetrics({ register: registry })
}

export function requestDone(of: {
  readonly route: string
  readonly status: number
  readonly refused: string | null
  readonly ms: number
}): void {
  requests.observe({ route: of.route, status: String(of.status) }, of.ms / 1000)
  if (of.refused !== null) refusals.inc({ door: 'api', code: of.refused })
}

export const gateRefused = (code: string): void => refusals.inc({ door: 'gate', code })

export const proofWaited = (of: {
  readonly ms: number
  readonly outcome: 'proved' | 'missing'
}): void => proofs.observe({ outcome: of.outcome }, of.ms / 1000)

export const roundDone = (of: {
  readonly loop: string
  readonly outcome: 'done' | 'failed'
}): void => rounds.inc(of)

export const noticeCarried = (of: {
  readonly channel: string
  readonly outcome: 'sent' | 'failed' | 'given-up'
}): void => notices.inc(of)
