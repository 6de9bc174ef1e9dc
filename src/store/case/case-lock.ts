/**
 * One execution of a case at a time, across processes: a session-level advisory lock that the
 * database frees when its holder dies. It keeps attempts from treading on each other; what keeps
 * them from doubling an effect is the grant that the target carries.
 */
import { type Db, prepared, StoreFault } from '../db.js'

export async function withCaseLock<T>(db: Db, caseId: string, work: () => Promise<T>): Promise<T> {
  const client = await db.connect()
  const key = `execute:${caseId}`
  let broken = false
  try {
    const { rows } = await client.query<{ held: boolean }>(
      prepared('select pg_try_advisory_lock(hashtextextended($1, 0)) as held', [key]),
    )
    if (rows[0]?.held !== true) throw new StoreFault('CASE_BUSY', null)
    try {
      return await work()
    } finally {
      await client
        .query(prepared('select pg_advisory_unlock(hashtextextended($1, 0))', [key]))
        .catch(() => {
          broken = true
        })
    }
  } finally {
    client.release(broken)
  }
}
