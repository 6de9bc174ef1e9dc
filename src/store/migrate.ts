/** Brings the database to this release: one role per process, then the migrations in order, each once. */
import { readdir, readFile } from 'node:fs/promises'
import pg from 'pg'

export const ROLES = ['cs_api', 'cs_worker', 'cs_keeper', 'cs_connector'] as const
export type Role = (typeof ROLES)[number]

const folder = new URL('./migrations/', import.meta.url)

/** `passwords` are set when given; in production the roles may exist already. */
export async function migrate(input: {
  readonly ownerUrl: string
  readonly passwords?: Readonly<Record<Role, string>>
}): Promise<void> {
  const client = new pg.Client({ connectionString: input.ownerUrl })
  await client.connect()
  try {
    await client.query('select pg_advisory_lock(hashtext($1))', ['countersign-migrate'])
    for (const role of ROLES) await ensureRole(client, role, input.passwords?.[role])
    await client.query('create table if not exists migrations (name text primary key)')
    const files = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
    for (const name of files) await once(client, name)
  } finally {
    await client.end()
  }
}

async function ensureRole(
  client: pg.Client,
  role: Role,
  password: string | undefined,
): Promise<void> {
  const known = await client.query('select 1 from pg_roles where rolname = $1', [role])
  // Two databases of one cluster may be migrated at once: the role is the cluster's.
  if (known.rowCount === 0)
    await client.query(`create role ${role} login`).catch((error: unknown) => {
      if (!(error instanceof pg.DatabaseError && ['42710', '23505'].includes(error.code ?? '')))
        throw error
    })
  if (password !== undefined)
    await client.query(`alter role ${role} login password ${client.escapeLiteral(password)}`)
}

async function once(client: pg.Client, name: string): Promise<void> {
  const done = await client.query('select 1 from migrations where name = $1', [name])
  if (done.rowCount !== 0) return
  const sql = await readFile(new URL(name, folder), 'utf8')
  await client.query('begin')
  await client.query(sql)
  await client.query('insert into migrations (name) values ($1)', [name])
  await client.query('commit')
}
