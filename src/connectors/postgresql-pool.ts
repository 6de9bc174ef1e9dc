/**
 * pool: at most two connections of the admin role to one target.
 * lease: one of them for the length of one piece of work.
 *
 * Promises: an error leaves a lease as a TargetFault; a connection on which anything went wrong is
 * closed, never used again; a connection lost at any moment is reported, and the process lives on.
 */
import { Socket } from 'node:net'
import pg from 'pg'
import { codeOf, faultOf, TargetFault } from './target-fault.js'

/** Milliseconds. The server ends a statement after `statementMs`; the client stops waiting a quarter later. */
export type Timeouts = { readonly connectMs: number; readonly statementMs: number }

export interface Lease {
  /** Throws TargetFault. */
  readonly query: <R extends pg.QueryResultRow>(
    text: string,
    values?: readonly unknown[],
  ) => Promise<pg.QueryResult<R>>
  /** Closes the connection at the end of the work; an open transaction is rolled back by that. */
  readonly discard: () => void
}

export interface AdminPool {
  readonly use: <T>(during: string, work: (lease: Lease) => Promise<T>) => Promise<T>
  readonly close: () => Promise<void>
}

type PoolOptions = {
  readonly adminUrl: string
  readonly timeouts: Timeouts
  readonly onFault: (code: string) => void
}

export const readTimeout = (timeouts: Timeouts): number => Math.ceil(timeouts.statementMs * 1.25)

export function createAdminPool(options: PoolOptions): AdminPool {
  const report = (error: unknown) => options.onFault(codeOf(error))
  const sockets = trackSockets()
  const pool = new pg.Pool({ ...poolConfig(options), stream: sockets.open })
  pool.on('error', report)
  const use: AdminPool['use'] = async (during, work) => {
    const client = await pool.connect().catch((error: unknown) => {
      // What the server says about the admin role's own login is no verdict on the work.
      throw new TargetFault({ code: codeOf(error), origin: 'connection', during })
    })
    const connection: { fate: 'keep' | 'close' } = { fate: 'keep' }
    const discard = () => {
      connection.fate = 'close'
    }
    // The pool listens to idle clients only; a lost connection in use must find a listener, too.
    client.on('error', report)
    try {
      return await work(leaseOf({ client, during, discard }))
    } catch (error) {
      discard()
      throw error
    } finally {
      client.off('error', report)
      client.release(connection.fate === 'close')
    }
  }
  const close = async () => {
    await within(options.timeouts.connectMs, pool.end())
    sockets.destroyAll()
  }
  return { use, close }
}

const poolConfig = ({ adminUrl, timeouts }: PoolOptions): pg.PoolConfig => ({
  connectionString: adminUrl,
  max: 2,
  application_name: 'countersign-connector',
  connectionTimeoutMillis: timeouts.connectMs,
  statement_timeout: timeouts.statementMs,
  query_timeout: readTimeout(timeouts),
  // A transaction whose client vanished gives its locks back.
  idle_in_transaction_session_timeout: timeouts.statementMs * 2,
  // Nothing that somebody made in another schema can stand in for a catalog function.
  options: '-c search_path=pg_catalog',
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
})

const leaseOf = (input: { client: pg.PoolClient; during: string; discard: () => void }): Lease => ({
  query: async <R extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) => {
    try {
      return await input.client.query<R>(text, [...values])
    } catch (error) {
      throw faultOf(error, input.during)
    }
  },
  discard: input.discard,
})

/** Sockets that can be closed even when the other side has stopped answering. */
export function trackSockets(): { open: () => Socket; destroyAll: () => void } {
  const sockets = new Set<Socket>()
  const open = () => {
    const socket = new Socket()
    sockets.add(socket)
    return socket.once('close', () => sockets.delete(socket))
  }
  const destroyAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  return { open, destroyAll }
}

/** Resolves when `work` has ended or `ms` milliseconds have passed. */
export async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const bound = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, bound])
  clearTimeout(timer)
}
