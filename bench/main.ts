/**
 * bench: this product beside a bare Temporal approval workflow, in one run, on one server, with the same
 * flags and a file database. It reports what it measured and judges nothing.
 *   npm run bench [-- --json] [-- --quick]
 * stdout: a table, or one JSON object a line. stderr: progress, and where the time of an approval goes.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { stopChildren } from '../src/embedded/children.js'
import { startBare } from './bare/side.js'
import { measure, type Size } from './measure.js'
import { startProduct } from './product/side.js'
import { jsonLines, table } from './report.js'
import { breakdown, metricsOf } from './summary.js'

const FULL: Size = {
  ...{ rounds: 3, flowing: 24, single: 15, open: 24 },
  ...{ forged: 200, proofs: 100, cpuMs: 4000 },
  growth: { items: [1000, 5000, 50_000], openCases: [100, 1000, 10_000], campaigns: 3 },
}
const QUICK: Size = {
  ...{ rounds: 1, flowing: 12, single: 6, open: 12 },
  ...{ forged: 50, proofs: 30, cpuMs: 1000 },
  growth: { items: [100, 500, 5000], openCases: [10, 100, 1000], campaigns: 1 },
}
/** As many as the product keeps by default. */
const MAX_CACHED = 1000

const progress = (line: string): void => {
  process.stderr.write(`… ${line}\n`)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { json: { type: 'boolean' }, quick: { type: 'boolean' } },
  })
  const size = values.quick === true ? QUICK : FULL
  const dir = await mkdtemp(join(tmpdir(), 'countersign-bench-'))
  try {
    const results = await run({ dir, size })
    const metrics = metricsOf(results)
    process.stdout.write(values.json === true ? jsonLines(metrics) : table(metrics))
    process.stderr.write(breakdown(results))
  } finally {
    // Of a start that failed half-way, nobody holds what it started.
    await stopChildren()
    await rm(dir, { recursive: true, force: true })
  }
}

async function run({ dir, size }: { readonly dir: string; readonly size: Size }) {
  const count = Math.max(size.flowing, size.single, size.open)
  const names = Array.from({ length: count }, (_, index) => `svc${index + 1}`)
  const bareNames = Array.from({ length: size.flowing }, (_, index) => `bare${index + 1}`)
  const accounts = [...names, ...bareNames]
  const product = await startProduct({ dir, accounts, maxCached: MAX_CACHED, progress })
  try {
    const address = product.system.addresses.temporal
    progress('starting the bare workflow and its activity')
    const secrets = Object.fromEntries(
      bareNames.map((name) => [name, product.system.secrets.accounts[name] ?? '']),
    )
    const bare = await startBare({ dir, address, maxCached: MAX_CACHED, secrets })
    try {
      return await measure({ dir, product, bare, size, names, maxCached: MAX_CACHED, progress })
    } finally {
      await bare.stop()
    }
  } finally {
    await product.stop()
  }
}

await main().catch((error: unknown) => {
  const [line] = (error instanceof Error ? error.message : String(error)).split('\n')
  process.stderr.write(`bench: ${line}\n`)
  // Its connections would hold this process.
  process.exit(1)
})
