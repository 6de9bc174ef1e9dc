/** Deadlines pass by the database's clock, whether or not a workflow is there to notice. */

import { due, dueUntil } from '../../domain/case/due.js'
import { passDeadline } from '../../domain/decide/gate.js'
import { isRefusal } from '../../domain/refusal.js'
import type { Db } from '../db.js'
import { apply } from './apply.js'

/** At one look; the next one finds the rest. */
const AT_MOST = 200

/** Passes what is over in every open case, and has the workflows told. Returns in how many cases something passed. */
export async function passDeadlines(db: Db): Promise<number> {
  const { rows } = await db.query<{ case_id: string }>(
    `select case_id from cases where phase = 'open' and due_until <= now_iso()
      order by due_until limit $1`,
    [AT_MOST],
  )
  let passed = 0
  for (const { case_id: caseId } of rows) if (await passIn(db, caseId)) passed += 1
  return passed
}

async function passIn(db: Db, caseId: string): Promise<boolean> {
  const applied = await apply<boolean>(db, {
    caseId,
    decide: ({ state, at }) => {
      const next = due(state)
      const timed = dueUntil(next) !== null && 'stepId' in next
      const events = timed ? passDeadline(state, { stepId: next.stepId, at }) : []
      return isRefusal(events) || events.length === 0
        ? { events: [], answer: false }
        : { events, answer: true, signal: { name: 'changed' } }
    },
  })
  return !isRefusal(applied) && applied.answer
}
