/** Whether somebody else vouches for the log, as the store has it: who is asked, and who of them is missing. */
import type { Env } from '../../config.js'
import { openDb } from '../../store/db.js'
import { isMissing, missingWords, witnessHealth } from '../../store/log/witnesses.js'
import { absent, bad, type Found, good } from './doctor-found.js'

export async function checkWitnesses(env: Env): Promise<Found> {
  const url = env.DATABASE_URL
  if (url === undefined) return absent('DATABASE_URL')
  const db = openDb(url, { name: 'doctor', max: 1 })
  try {
    const witnesses = await witnessHealth(db)
    const missing = witnesses.filter(isMissing)
    if (missing.length > 0) return bad(missing.map(missingWords).join('; '))
    return witnesses.length === 0
      ? {
          state: 'not configured',
          detail: 'the keeper asks no witness: the log is single-party',
        }
      : good(`${witnesses.map(({ name }) => name).join(', ')} cosigned what is signed`)
  } finally {
    await db.end()
  }
}
