/**
 * bench:log: the log of this product beside what the disk allows and beside tessera's POSIX storage, in one run.
 *   npm run bench:log [-- --json] [-- --quick]
 * stdout: a table, or one JSON object a line. stderr: progress.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { jsonLines, type Measured, metricOf, percentile, table } from '../report.js'
import { appendsPerSecond, signedPerSecond } from './appends.js'
import { syncsPerSecond } from './disk.js'
import { type AtSize, growTo } from './growth.js'
import { type BenchStore, startStore } from './store.js'
import { type Tessera, tesseraAppends } from './tessera.js'

interface Size {
  readonly forMs: number
  /** Appended here and into tessera. */
  readonly entries: number
  readonly sizes: readonly number[]
  readonly proofs: number
}
const FULL: Size = { forMs: 5000, entries: 20_000, sizes: [1e3, 1e4, 1e5, 1e6], proofs: 100 }
const QUICK: Size = { forMs: 1500, entries: 5000, sizes: [1e3, 1e4, 1e5], proofs: 30 }
const WRITERS = 16
const BATCH = 100

const progress = (line: string): void => {
  process.stderr.write(`… ${line}\n`)
}

interface Results {
  readonly syncs: number
  readonly single: number
  readonly together: number
  readonly batched: number
  readonly signed: number
  readonly tessera: Tessera | null
  readonly grown: readonly AtSize[]
}

type Measuring = { readonly dir: string; readonly size: Size }

async function measure(of: Measuring): Promise<Results> {
  const appended = await within(join(of.dir, 'appends'), (store, dir) =>
    measureAppends(store, { ...of, dir }),
  )
  const grown = await within(join(of.dir, 'growth'), (store) => measureGrowth(store, of.size))
  return { ...appended, grown }
}

/** A store of its own, which ends with the work. */
async function within<T>(
  dir: string,
  work: (store: BenchStore, dir: string) => Promise<T>,
): Promise<T> {
  await mkdir(dir)
  const store = await startStore(dir)
  try {
    return await work(store, dir)
  } finally {
    await store.stop()
  }
}

async function measureAppends(
  store: BenchStore,
  { dir, size: { forMs, entries } }: Measuring,
): Promise<Omit<Results, 'grown'>> {
  progress('what the disk allows')
  const syncs = await syncsPerSecond(dir, forMs)
  progress('durable appends')
  const single = await appendsPerSecond(store, { writers: 1, batch: 1, forMs })
  const together = await appendsPerSecond(store, { writers: WRITERS, batch: 1, forMs })
  const batched = await appendsPerSecond(store, { writers: WRITERS, batch: BATCH, forMs })
  await store.sequence()
  const signed = await signedPerSecond(store, { writers: WRITERS, batch: BATCH, entries })
  progress('the same entries into tessera')
  const [bytes, folder] = [await store.entryBytes(), join(dir, 'tessera')]
  await mkdir(folder)
  const tessera = await tesseraAppends({
    ...{ dir: folder, entries, bytes, writers: WRITERS, progress },
  })
  return { syncs, single, together, batched, signed, tessera }
}

async function measureGrowth(store: BenchStore, { sizes, proofs }: Size) {
  const grown: AtSize[] = []
  for (const size of sizes) {
    progress(`a log of ${size} entries`)
    grown.push(await growTo(store, { size, proofs }))
  }
  return grown
}

function metricsOf({ syncs, single, together, batched, signed, tessera, grown }: Results) {
  const beside = tessera === null ? {} : { baseline: tessera.perSecond }
  const proof = tessera === null ? {} : { baseline: percentile(tessera.proofMs, 0.95) }
  const [least] = grown
  const measured: readonly Measured[] = [
    ...[
      { metric: 'durable appends, one writer (baseline: fdatasync)', value: single },
      { metric: `durable appends, ${WRITERS} writers (baseline: fdatasync)`, value: together },
    ].map((one) => ({ ...one, unit: '1/s', baseline: syncs })),
    {
      ...{ metric: `durable appends, ${WRITERS} writers, ${BATCH} a commit`, value: batched },
      ...{ unit: '1/s', baseline: 2000, target: { atLeastTimes: 1 } },
    },
    {
      ...{ metric: 'appended and under a signed head (baseline: tessera)', value: signed },
      ...{ unit: '1/s', ...beside },
    },
    ...grown.flatMap((at): readonly Measured[] => [
      {
        ...{ metric: `integrated and signed, log of ${at.size} (baseline: ${least?.size})` },
        ...{ value: at.integratedPerSecond, unit: '1/s' },
        ...(least === undefined ? {} : { baseline: least.integratedPerSecond }),
        target: { atLeastTimes: 0.8 },
      },
      {
        ...{ metric: `commit -> verified proof p95, log of ${at.size} (baseline: tessera)` },
        ...{ value: percentile(at.proofMs, 0.95), unit: 'ms', ...proof, target: { atMost: 50 } },
      },
      {
        ...{ metric: `proof, log of ${at.size} (baseline: its most)`, value: at.proofBytes },
        ...{ unit: 'bytes', baseline: at.mostBytes, target: { atMostPlus: 0 } },
      },
    ]),
  ]
  return measured.map(metricOf)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { json: { type: 'boolean' }, quick: { type: 'boolean' } },
  })
  const dir = await mkdtemp(join(tmpdir(), 'countersign-bench-log-'))
  try {
    const metrics = metricsOf(await measure({ dir, size: values.quick === true ? QUICK : FULL }))
    process.stdout.write(values.json === true ? jsonLines(metrics) : table(metrics))
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

await main().catch((error: unknown) => {
  process.exitCode = 1
  process.stderr.write(`bench:log: ${error instanceof Error ? error.message : String(error)}\n`)
})
