/** The newest cases by which the three rights were exercised, as far as a grid of the last times needs them. */
import type { Authority } from '../../domain/authority/authority.js'
import { drillEveryMs } from '../../domain/policy/periods.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import { type Exercise, exerciseIn, RIGHT_OF, type Standing } from '../../domain/rights/rights.js'
import { eventsSince } from '../case/apply.js'
import type { OpenCaseDeps } from '../case/open-case.js'
import type { Db } from '../db.js'
import { drillResults } from '../schedule/drills.js'

/** Of each kind about each scope; the newest one may not have had its effect yet. */
const NEWEST = 3

export async function exercisesOf(db: Db, authority: Authority): Promise<readonly Exercise[]> {
  const { rows } = await db.query<{ case_id: string }>(
    `select case_id from (
       select case_id, row_number() over (partition by kind, scope_id order by right(case_id, 26) desc) as nth
         from cases where kind = any($1)) newest
      where nth <= $2`,
    [Object.keys(RIGHT_OF), NEWEST],
  )
  const exercises: Exercise[] = []
  for (const { case_id: caseId } of rows) {
    const recorded = await eventsSince(db, { caseId, after: 0 })
    const exercise = exerciseIn(caseId, { recorded, authority })
    if (exercise !== null) exercises.push(exercise)
  }
  return exercises
}

/** Everything that the grid is made of. */
export async function rightsStanding(
  deps: Pick<OpenCaseDeps, 'db' | 'packs'>,
  { authority, at }: { readonly authority: Authority; readonly at: string },
): Promise<Standing | Refusal> {
  const loaded = await deps.packs(deps.db, { authority, at })
  if (isRefusal(loaded)) return loaded
  const [exercises, drills] = await Promise.all([
    exercisesOf(deps.db, authority),
    drillResults(deps.db),
  ])
  const everyMsOf = (partnerId: string) => drillEveryMs(loaded.pack, { authority, partnerId })
  return { exercises, drills, everyMsOf, at }
}
