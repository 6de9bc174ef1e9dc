/**
 * The evidence store's connection: a pool per process, a transaction helper, and a listener that
 * survives a lost connection. Faults are retried by callers; nothing here decides anything.
 */
import pg from 'pg'

export type Db = pg.Pool
export type Tx = pg.PoolClient

/** A technical failure of the store, with a code and no query text or connection string. */
export class StoreFault extends Error {
  readonly code: string
  constructor(code: string, cause: unknown) {
    super(`the evidence store failed (${code})`, { cause })
    this.name = 'StoreFault'
    this.code = code
  }
}

export const openDb = (url: string, options: { max?: number; name: string }): Db => {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.max ?? 8,
    application_name: `countersign-${options.name}`,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    // Statements that do not wait for each other's answers travel together; the server runs them in order.
    pipeline: true,
  })
  // An idle connection that is lost is replaced at its next use.
  pool.on('error', () => undefined)
  // A client that is out of the pool when its server dies says so by its query, which rejects.
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

const names = new Map<string, string>()

/** A statement that each connection parses and plans once. `text` is one of a closed set: values go beside it, never into it. */
export function prepared(
  text: string,
  values: readonly unknown[],
): { readonly name: string; readonly text: string; readonly values: unknown[] } {
  const name = names.get(text) ?? `cs_${names.size + 1}`
  names.set(text, name)
  return { name, text, values: [...values] }
}

/** Said within a statement: its commit does not wait for the disk. Only for what a crash of the store may lose. */
export const UNHURRIED = `(select set_config('synchronous_commit', 'off', true)) is not null`

const behind = new WeakMap<Tx, Promise<unknown>[]>()

/** A statement of a transaction whose answer nobody waits for but the commit: they travel together, and what fails here fails that. */
export function withCommit(tx: Tx, statement: Promise<unknown>): void {
  // Whoever commits hears of it.
  statement.catch(() => undefined)
  behind.set(tx, [...(behind.get(tx) ?? []), statement])
}

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'UNKNOWN'

/** One READ COMMITTED transaction: what is read after a lock is what is locked. */
export const transaction = <T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> =>
  begin(db, { how: 'begin', work })

/** One view of the whole store while others go on writing; in it nothing can be written. */
export const snapshot = <T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> =>
  begin(db, { how: 'begin isolation level repeatable read read only', work })

async function begin<T>(
  db: Db,
  { how, work }: { readonly how: string; readonly work: (tx: Tx) => Promise<T> },
): Promise<T> {
  const tx = await db.connect().catch((error: unknown) => {
    throw new StoreFault(codeOf(error), error)
  })
  try {
    const begun = tx.query(how)
    // The work's first statement travels with it; whatever fails here fails that statement too.
    begun.catch(() => undefined)
    const result = await work(tx)
    await Promise.all([begun, ...(behind.get(tx) ?? []), tx.query('commit')])
    behind.delete(tx)
    tx.release()
    return result
  } catch (error) {
    behind.delete(tx)
    const alive = await tx.query('rollback').then(
      () => true,
      () => false,
    )
    tx.release(!alive)
    throw error instanceof pg.DatabaseError ? new StoreFault(codeOf(error), error) : error
  }
}

/** The database's clock, the only one that counts: ISO, UTC, milliseconds. */
export async function now(db: Db | Tx): Promise<string> {
  const { rows } = await db.query<{ at: string }>(prepared('select now_iso() as at', []))
  return rows[0]?.at ?? ''
}

export interface Listener {
  readonly close: () => Promise<void>
}

/** Calls `heard` at each notification, and once after every (re)connection, because notifications may have been missed. */
export async function listen(input: {
  readonly url: string
  readonly channels: readonly string[]
  readonly heard: (channel: string, payload: string) => void
}): Promise<Listener> {
  let client: pg.Client | null = null
  let closed = false
  let retry: NodeJS.Timeout | null = null
  const again = () => {
    if (closed || retry !== null) return
    retry = setTimeout(() => {
      retry = null
      connect().catch(again)
    }, 200)
  }
  const connect = async () => {
    const next = new pg.Client({
      connectionString: input.url,
      application_name: 'countersign-listen',
      keepAlive: true,
    })
    next.on('error', () => undefined)
    next.on('end', again)
    next.on('notification', (message) => input.heard(message.channel, message.payload ?? ''))
    await next.connect()
    for (const channel of input.channels)
      await next.query(`listen ${next.escapeIdentifier(channel)}`)
    client = next
    for (const channel of input.channels) input.heard(channel, '')
  }
  await connect()
  return {
    close: async () => {
      closed = true
      if (retry !== null) clearTimeout(retry)
      await client?.end()
    },
  }
}
