/**
 * What the evidence store says of the whole system: the queries of ops/queries.yml, under the names that they have
 * through postgres_exporter, so that one set of alerts holds for both.
 */
import { readFileSync } from 'node:fs'
import { Gauge, Registry } from 'prom-client'
import { parse } from 'yaml'
import { isRefusal } from '../domain/refusal.js'
import { StoreQueries } from '../domain/shapes/metrics.js'
import { parseAs } from '../domain/shapes/parse.js'
import type { Db } from '../store/db.js'

/** One line that names the file, and what is wrong with it. */
export class QueriesFault extends Error {
  override readonly name = 'QueriesFault'
}

/** UNTRUSTED: the file. Throws QueriesFault. */
export function readQueries(file: string): StoreQueries {
  const read = parseAs(StoreQueries)(yamlIn(file))
  if (isRefusal(read)) throw new QueriesFault(`${file} is wrong at ${read.where || '/'}`)
  return read
}

function yamlIn(file: string): unknown {
  try {
    return parse(readFileSync(file, 'utf8'))
  } catch {
    throw new QueriesFault(`${file} cannot be read as YAML`)
  }
}

/** What the store says, asked again at each `ask`. A query that fails says so, and holds no other up. */
export function storeGauges(
  db: Db,
  queries: StoreQueries,
): { readonly registry: Registry; readonly ask: () => Promise<void> } {
  const registry = new Registry()
  const registers = [registry]
  const failed = new Gauge({
    ...{ name: 'countersign_query_failed', help: 'Whether a query of the store failed', registers },
    labelNames: ['query'],
  })
  const asked = Object.entries(queries).map(([name, { query, metrics }]) => {
    const columns = metrics.flatMap((one) => Object.entries(one))
    const labelNames = columns.flatMap(([column, { usage }]) => (usage === 'LABEL' ? [column] : []))
    const gauges = columns
      .filter(([, { usage }]) => usage !== 'LABEL')
      .map(([column, { description }]) => ({
        column,
        gauge: new Gauge({ name: `${name}_${column}`, help: description, labelNames, registers }),
      }))
    return { name, query, labelNames, gauges }
  })
  const askOne = async ({ query, labelNames, gauges }: (typeof asked)[number]): Promise<void> => {
    const { rows } = await db.query<Record<string, unknown>>(query)
    for (const { column, gauge } of gauges) {
      gauge.reset()
      for (const row of rows) {
        const labels = Object.fromEntries(labelNames.map((label) => [label, String(row[label])]))
        gauge.set(labels, Number(row[column] ?? 0))
      }
    }
  }
  return {
    registry,
    ask: async () => {
      for (const one of asked) {
        const outcome = await askOne(one).then(
          () => 0,
          () => 1,
        )
        failed.set({ query: one.name }, outcome)
      }
    },
  }
}
