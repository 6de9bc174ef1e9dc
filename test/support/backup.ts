/** A backup of the whole evidence store as it stands at one moment, and the same store as it was then: rows, and where sequences stood. */
import type pg from 'pg'

export interface Backup {
  readonly restore: () => Promise<void>
}

/** As superuser. Processes that are connected stay so, as after a fail-over. */
export async function backUp(dba: pg.Client): Promise<Backup> {
  const name = `backup_${(await schemas(dba)).length}`
  const tables = await tablesOf(dba)
  await dba.query('begin isolation level repeatable read')
  await dba.query(`create schema ${name}`)
  for (const table of tables)
    await dba.query(`create table ${name}.${table} as table public.${table}`)
  const { rows: sequences } = await dba.query<{ name: string; last: string | null }>(
    "select quote_ident(sequencename) as name, last_value as last from pg_sequences where schemaname = 'public'",
  )
  await dba.query('commit')
  const restore = async () => {
    await dba.query('begin')
    await dba.query('set local session_replication_role = replica')
    await dba.query(`truncate ${tables.map((table) => `public.${table}`).join(', ')}`)
    for (const table of tables)
      await dba.query(
        `insert into public.${table} overriding system value select * from ${name}.${table}`,
      )
    for (const sequence of sequences)
      await dba.query('select setval($1::regclass, $2, $3)', [
        ...[`public.${sequence.name}`, sequence.last ?? 1, sequence.last !== null],
      ])
    await dba.query('commit')
  }
  return { restore }
}

const tablesOf = async (dba: pg.Client): Promise<readonly string[]> =>
  (
    await dba.query<{ name: string }>(
      "select quote_ident(tablename) as name from pg_tables where schemaname = 'public'",
    )
  ).rows.map(({ name }) => name)

const schemas = async (dba: pg.Client): Promise<readonly string[]> =>
  (
    await dba.query<{ name: string }>(
      "select nspname as name from pg_namespace where nspname like 'backup%'",
    )
  ).rows.map(({ name }) => name)
