/** Why the signer signs nothing, where everybody can look: a state, which ends when it signs again. */
import { type Db, prepared } from '../db.js'

export interface LogRefused {
  readonly words: string
  /** By the database's clock. */
  readonly since: string
}

/** By the keeper. Null: it signs. */
export async function keepRefused(db: Db, words: string | null): Promise<void> {
  if (words === null) await db.query(prepared('delete from log_refused', []))
  else
    await db.query(
      prepared(
        'insert into log_refused (words) values ($1) on conflict (single) do update set words = excluded.words',
        [words.slice(0, 1000)],
      ),
    )
}

export async function logRefused(db: Db): Promise<LogRefused | null> {
  const { rows } = await db.query<LogRefused>(
    prepared(
      `select words, to_char(since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as since from log_refused`,
      [],
    ),
  )
  return rows[0] ?? null
}
