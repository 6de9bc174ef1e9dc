/**
 * News: resolves when a case has entries after the one that the asker knows. One query at a time answers for
 * all who wait, when the store says that there are entries, so that watching costs the store little.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Db } from '../../src/store/db.js'

export interface News {
  readonly heard: () => void
  readonly after: (caseId: string, seq: number) => Promise<void>
}

/** Between two looks, so that a busy store is not asked at each of its commits. */
const GAP_MS = 5
/** Nothing that the product does takes longer; then the bench is stuck, and says so. */
const GIVE_UP_MS = 120_000

interface Waiting {
  readonly seq: number
  readonly tell: () => void
}

export function createNews(db: Db): News {
  const waiting = new Map<string, Waiting>()
  let looking: 'no' | 'yes' | 'again' = 'no'
  const look = async (): Promise<void> => {
    const { rows } = await db.query<{ stream: string; seq: number }>(
      'select stream, seq from streams where stream = any($1)',
      [[...waiting.keys()]],
    )
    for (const { stream, seq } of rows) {
      const asked = waiting.get(stream)
      if (asked === undefined || seq <= asked.seq) continue
      waiting.delete(stream)
      asked.tell()
    }
  }
  const heard = (): void => {
    if (looking !== 'no') {
      looking = 'again'
      return
    }
    void run()
  }
  const run = async (): Promise<void> => {
    do {
      looking = 'yes'
      if (waiting.size > 0) await look()
      await pause(GAP_MS)
    } while (said() === 'again')
    looking = 'no'
  }
  const said = (): string => looking
  const after = (caseId: string, seq: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const lost = setTimeout(
        () => reject(new Error(`nothing happened in ${caseId} after ${seq}`)),
        GIVE_UP_MS,
      )
      const tell = (): void => {
        clearTimeout(lost)
        resolve()
      }
      waiting.set(caseId, { seq, tell })
      heard()
    })
  return { heard, after }
}
