/** What operations are given works: every view names what exists, every metric is a query that runs. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { ATTRIBUTES } from '../../src/contract/messages.js'
import type { Postgres } from '../../src/embedded/postgres.js'
import { registry } from '../../src/metrics/metrics.js'
import { aCluster } from '../support/clusters.js'
import { root } from './tree.js'

const read = (name: string): string => readFileSync(path.join(root, 'ops', name), 'utf8')

interface Queries {
  readonly [name: string]: { readonly query: string; readonly metrics: readonly Metric[] }
}
type Metric = Readonly<Record<string, { readonly usage: 'GAUGE' | 'COUNTER' | 'LABEL' }>>

const queries = parse(read('queries.yml')) as Queries
const columns = (metrics: readonly Metric[]): string[] =>
  metrics.flatMap((item) => Object.keys(item))
const metrics = Object.entries(queries).flatMap(([name, item]) =>
  columns(item.metrics).map((column) => `${name}_${column}`),
)

describe('saved views', () => {
  const views = [...read('saved-views.md').matchAll(/```\n([^`]+)\n```/g)].map(
    ([, query]) => query ?? '',
  )
  const SYSTEM = ['ExecutionStatus', 'AND', 'IN', 'STARTS_WITH']
  const known = [...Object.values(ATTRIBUTES).map(({ name }) => name), ...SYSTEM]
  const words = (query: string): string[] =>
    query.replaceAll(/'[^']*'/g, '').match(/[A-Z]\w+/g) ?? []

  it('use only attributes that the workflows set', () => {
    expect(views.length).toBeGreaterThanOrEqual(10)
    expect(views.flatMap(words).filter((word) => !known.includes(word))).toEqual([])
    expect(words("CsNobody = 'AND' AND CsOwner = 'x'")).toEqual(['CsNobody', 'AND', 'CsOwner'])
  })
})

describe('alerts', () => {
  interface Rule {
    readonly alert: string
    readonly expr: string
    readonly annotations: Readonly<Record<string, string>>
  }
  const { groups } = parse(read('alerts.yml')) as { groups: readonly { rules: readonly Rule[] }[] }
  const rules = groups.flatMap((group) => group.rules)

  it('watch only metrics that exist, and say what they mean', () => {
    const named = rules.flatMap(({ expr }) => expr.match(/countersign_\w+/g) ?? [])
    expect(named.length).toBeGreaterThanOrEqual(rules.length)
    const counted = registry.getMetricsAsArray().map(({ name }) => name)
    const known = (name: string): boolean =>
      metrics.includes(name) || counted.includes(name.replace(/_bucket$/, ''))
    expect(named.filter((name) => !known(name))).toEqual([])
    for (const { annotations } of rules)
      expect(Object.keys(annotations)).toEqual(['summary', 'meaning', 'look'])
  })
})

describe('metrics', () => {
  let folder = ''
  let postgres: Postgres
  let client: pg.Client

  beforeAll(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'countersign-ops-'))
    const [dataDir, logFile] = [path.join(folder, 'data'), path.join(folder, 'log')]
    postgres = await aCluster({ dataDir, logFile }, 'store')
    client = new pg.Client({ connectionString: postgres.superuserUrl })
    await client.connect()
    // Rows that no process would write: only their number counts here.
    await client.query('set session_replication_role = replica')
    await client.query(SEED)
  })
  afterAll(async () => {
    await client.end()
    await postgres.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const SEED = `
    insert into streams values ('c1', 1, 'h1');
    insert into live_owners values ('nhi_a', 'per_a');
    insert into cases (case_id, kind, scope_kind, scope_id, system_id, company_id, owner_id, objective_id, policy, tier, due)
      values ('c1', 'rotate', 'identity', 'nhi_a', 'sys_a', 'com_a', 'per_a', 'obj_a', 'default@1', 'tier1', 'undo');
    insert into entries values
      ('c1', 1, 'h1', 'StepFailed', convert_to('{"at":"2026-01-01T00:00:00.000Z"}', 'UTF8'));
    insert into unsequenced (hash) values ('h1');
    insert into outbox (case_id, signal, payload, not_before) values ('c1', 'changed', '{}', now() - interval '1 hour');
    insert into fences values ('partner', 'com_a', 2), ('partner', 'com_b', 0);
    insert into checkpoints values (3, 'head', now() - interval '1 hour'), (9, 'head', now());
    insert into witnesses (witness, name, size) values ('vkey', 'auditor', 2);
    insert into clocks (instance, process, skew_ms) values ('1', 'keeper', -9000), ('2', 'keeper', 10);`

  it.each(Object.entries(queries))(
    '%s is answered by the schema with its columns',
    async (_, item) => {
      const { rows, fields } = await client.query(item.query)
      expect(fields.map(({ name }) => name)).toEqual(columns(item.metrics))
      expect(rows.length).toBe(1)
    },
  )

  it('see a case that was left in the middle', async () => {
    const seen = async (name: string) => (await client.query(queries[name]?.query ?? '')).rows[0]
    const [unsigned, outbox] = [
      await seen('countersign_unsequenced'),
      await seen('countersign_outbox'),
    ]
    expect(Number(unsigned.oldest_seconds)).toBeGreaterThan(30)
    expect(Number(outbox.late_seconds)).toBeGreaterThan(3599)
    expect(await seen('countersign_cases')).toMatchObject({ due: 'undo', open: '1' })
    expect(Number((await seen('countersign_clocks')).off_seconds)).toBe(9)
    const witness = await seen('countersign_witnesses')
    expect(witness).toMatchObject({ witness: 'auditor' })
    expect(Number(witness.late_seconds)).toBeGreaterThan(3599)
    expect(await seen('countersign_fences')).toEqual({ kind: 'partner', ever_raised: '1' })
  })
})
