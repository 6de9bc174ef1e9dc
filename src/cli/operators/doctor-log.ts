/** Whether the keeper signs the log; if not, its own line about what is gone. */
import type { Env } from '../../config.js'
import { openDb } from '../../store/db.js'
import { logRefused } from '../../store/log/log-refused.js'
import { absent, bad, type Found, good } from './doctor-found.js'

export async function checkLog(env: Env): Promise<Found> {
  const url = env.DATABASE_URL
  if (url === undefined) return absent('DATABASE_URL')
  const db = openDb(url, { name: 'doctor', max: 1 })
  try {
    const refused = await logRefused(db)
    return refused === null
      ? good('the keeper says nothing against the log')
      : bad(
          `nothing is signed since ${refused.since}: ${refused.words}; countersign restore status`,
        )
  } finally {
    await db.end()
  }
}
