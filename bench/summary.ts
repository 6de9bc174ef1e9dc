/** The metrics of a run, and where the time of an approval goes. Flows: median of rounds. Latencies: all rounds together. */
import { MANY_CASES, type Results } from './measure.js'
import { total } from './processes.js'
import { STAGES } from './product/timeline.js'
import { type Measured, type Metric, median, metricOf, percentile } from './report.js'
import type { Flow } from './rounds.js'

export const metricsOf = (results: Results): readonly Metric[] =>
  [
    ...flows(results),
    ...latencies(results),
    ...costs(results),
    ...evidence(results),
    ...growth(results),
  ].map(metricOf)

/** How the bare workflow whose activity does the same work on the target is called in a metric. */
const WORKING = ', bare doing the target work'

function flows({ bare, working, product }: Results): readonly Measured[] {
  const perSecond = (all: readonly Flow[]) => median(all.map((flow) => flow.stepsPerSecond))
  const [value, unit] = [perSecond(product.flows), '1/s']
  const metric = 'approved steps per second'
  return [
    { metric, value, unit, baseline: perSecond(bare.flows), target: { atLeastTimes: 0.7 } },
    { metric: metric + WORKING, value, unit, baseline: perSecond(working.flows) },
  ]
}

function latencies({ bare, working, product }: Results): readonly Measured[] {
  return (['warm', 'evicted'] as const).flatMap((state): readonly Measured[] => {
    const mine = product[state].flatMap(({ ms }) => ms)
    const theirs = bare[state].flatMap(({ ms }) => ms)
    const beside: Measured = {
      metric: `approval -> effect p50, ${state}${WORKING}`,
      value: median(mine),
      baseline: median(working[state].flatMap(({ ms }) => ms)),
      unit: 'ms',
    }
    const parts = [0.5, 0.95, 0.99].map(
      (part): Measured => ({
        metric: `approval -> effect p${part * 100}, ${state}`,
        value: percentile(mine, part),
        baseline: percentile(theirs, part),
        unit: 'ms',
        ...(part === 0.5 ? { target: { atMostPlus: 25 } } : {}),
      }),
    )
    return [...parts, beside]
  })
}

function costs({ bare, working, product, memory }: Results): readonly Measured[] {
  return [
    {
      metric: 'events per approved step',
      value: median(product.warm.flatMap(({ events }) => events)),
      baseline: median(bare.warm.flatMap(({ events }) => events)),
      unit: 'events',
      target: { atMostPlus: 2 },
    },
    {
      metric: 'events of a whole workflow of 4 steps',
      value: median(product.flows.map(({ events }) => events)),
      baseline: median(bare.flows.map(({ events }) => events)),
      unit: 'events',
    },
    {
      metric: 'CPU per approved step, all processes',
      value: median(product.flows.map(({ cpu }) => total(cpu))),
      baseline: median(bare.flows.map(({ cpu }) => total(cpu))),
      unit: 's',
    },
    {
      metric: `CPU per approved step, all processes${WORKING}`,
      value: median(product.flows.map(({ cpu }) => total(cpu))),
      baseline: median(working.flows.map(({ cpu }) => total(cpu))),
      unit: 's',
    },
    ...byProcess(product.flows, working.flows),
    {
      metric: 'memory per cached open workflow, heap',
      value: memory.product.heap,
      baseline: memory.bare.heap,
      unit: 'MiB',
      target: { atMostPlus: 0.25 },
    },
    {
      metric: 'memory per cached open workflow, resident',
      value: memory.product.resident,
      baseline: memory.bare.resident,
      unit: 'MiB',
    },
  ]
}

/** The bare side's process that stands where the product's does; where there is none, there is no baseline. */
const BESIDE: Readonly<Record<string, string>> = {
  temporal: 'temporal',
  target: 'target',
  worker: 'workflows',
  connector: 'activities',
}
/** Nothing of a step passes through them. */
const ASIDE = ['issuer', 'codec']

/** Medians; they need not add up to the median of the whole. */
function byProcess(mine: readonly Flow[], theirs: readonly Flow[]): readonly Measured[] {
  const of = (flows: readonly Flow[], name: string) =>
    median(flows.map(({ cpu }) => cpu[name] ?? 0))
  return Object.keys(mine[0]?.cpu ?? {})
    .filter((name) => !ASIDE.includes(name))
    .map((name) => {
      const beside = BESIDE[name]
      return {
        metric: `CPU per approved step, ${name}${beside === undefined ? '' : WORKING}`,
        value: of(mine, name),
        unit: 's',
        ...(beside === undefined ? {} : { baseline: of(theirs, beside) }),
      }
    })
}

function evidence(results: Results): readonly Measured[] {
  const { judging, refusing, packet, collection, proofs, product } = results
  const answers = product.warm.flatMap((round) => round.answers)
  return [
    { metric: 'approval answered over HTTP p50', value: median(answers), unit: 'ms' },
    {
      metric: 'time to a verified signed proof p95, at rest',
      value: percentile(proofs.atRest, 0.95),
      unit: 'ms',
      target: { atMost: 50 },
    },
    {
      metric: 'time to a verified signed proof p95, under load',
      value: percentile(proofs.loaded, 0.95),
      unit: 'ms',
    },
    {
      metric: 'decisions judged per CPU second',
      value: judging.perSecond,
      baseline: judging.raw,
      unit: '1/s',
      target: { atLeastTimes: 0.8 },
    },
    {
      metric: `packets verified per CPU second (${packet.entries} entries, ${packet.signatures} signatures)`,
      value: packet.perSecond,
      baseline: packet.raw,
      unit: '1/s',
      target: { atLeastTimes: 0.8 },
    },
    {
      metric: 'decisions verified per CPU second, in whole packets',
      value: packet.perSecond * packet.decisions,
      unit: '1/s',
    },
    {
      metric: `entries verified per CPU second, ${collection.cases} cases of ${collection.entries} entries (baseline: one of ${packet.entries})`,
      value: collection.perSecond,
      baseline: packet.perSecond * packet.entries,
      unit: '1/s',
    },
    {
      metric: 'forged decisions refused per CPU second',
      value: refusing.perSecond,
      baseline: refusing.raw,
      unit: '1/s',
      target: { atLeastTimes: 0.8 },
    },
    { metric: 'forged decisions refused over HTTP', value: results.refusedOverHttp, unit: '1/s' },
    {
      metric: `fence acknowledged over HTTP, ${MANY_CASES} open cases (baseline: 10)`,
      value: results.fence.many,
      baseline: results.fence.few,
      unit: 'ms',
      target: { atMost: 1000 },
    },
  ]
}

/** Each beside the smallest: flat is what they should be. */
function growth({ growth: { campaigns, approvals } }: Results): readonly Measured[] {
  const [fewItems] = campaigns
  const [fewOpen] = approvals
  return [
    ...campaigns.map(
      ({ items, perSecond }): Measured => ({
        metric: `campaign items per second, ${items} decided before (baseline: ${fewItems?.items})`,
        value: perSecond,
        unit: '1/s',
        ...(fewItems === undefined ? {} : { baseline: fewItems.perSecond }),
        target: { atLeastTimes: 0.8 },
      }),
    ),
    ...approvals.map(
      ({ open, ms }): Measured => ({
        metric: `approval -> effect p50, ${open} open cases (baseline: ${fewOpen?.open})`,
        value: median(ms),
        unit: 'ms',
        ...(fewOpen === undefined ? {} : { baseline: median(fewOpen.ms) }),
        target: { atMostPlus: 10 },
      }),
    ),
  ]
}

/** Medians, of each stage and of each process; they need not add up to the median of the whole. */
export function breakdown({ bare, product }: Results): string {
  const lines = (['warm', 'evicted'] as const).flatMap((state) => {
    const timelines = product[state].flatMap((round) => round.timelines)
    const stages = STAGES.map((name, index) =>
      line({ ms: median(timelines.map(({ stages: of }) => of[index] ?? Number.NaN)), name }),
    )
    return [`Where the time of an approval goes, ${state} (medians):`, ...stages]
  })
  const cpu = [
    'CPU of one approved step, this product:',
    ...cpuLines(product.flows),
    'CPU of one approved step, bare:',
    ...cpuLines(bare.flows),
  ]
  return `${[...lines, ...cpu].join('\n')}\n`
}

const cpuLines = (flows: readonly Flow[]): readonly string[] =>
  Object.keys(flows[0]?.cpu ?? {})
    .map((name) => ({ name, ms: median(flows.map(({ cpu }) => cpu[name] ?? 0)) * 1000 }))
    .sort((left, right) => right.ms - left.ms)
    .map(line)

const line = ({ ms, name }: { readonly ms: number; readonly name: string }): string =>
  `  ${ms.toFixed(1).padStart(7)} ms  ${name}`
