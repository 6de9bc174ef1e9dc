/**
 * Successions: when somebody who owns is disabled, or reported gone, the case in which others take it over opens by
 * itself. Who that is nobody guesses: the enterprise brings the change of its authority.
 */
import { digest } from '../../domain/bytes/digest.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import { ownershipGaps } from '../../domain/review/responsibility.js'
import type { SuccessionTerms } from '../../domain/shapes/asked.js'
import { reportedGone } from '../authority/ownership.js'
import type { OpenCaseDeps } from '../case/open-case.js'
import type { Db } from '../db.js'
import { openScheduled, type Scheduled } from './scheduled.js'

/** As many as one case names. */
const MOST = 64

/** Opens what is owed and has no open succession yet, but for what is in `besides`; repeatable. */
export async function succeedGone(
  deps: OpenCaseDeps,
  besides: ReadonlySet<string>,
): Promise<readonly Scheduled[] | Refusal> {
  const today = await deps.authority.today(deps.db)
  if (isRefusal(today)) return today
  const { authority } = today
  const gaps = ownershipGaps(authority, await reportedGone(deps.db))
  if (gaps.length === 0) return []
  const all = await successions(deps.db)
  const open = all.filter(({ phase }) => phase === 'open')
  const owed = gaps.filter(
    ({ of, ownerId }) => !open.some(({ gone, owned }) => gone === ownerId && owned.includes(of)),
  )
  const scope = { kind: 'enterprise', id: authority.enterprise } as const
  const scheduled: Scheduled[] = []
  for (const gone of [...new Set(owed.map(({ ownerId }) => ownerId))].sort()) {
    const names = owed.flatMap(({ of, ownerId }) => (ownerId === gone ? [of] : [])).sort()
    const owned = names.slice(0, MOST) as SuccessionTerms['owned']
    const before = all.filter((one) => one.gone === gone).length
    const key = `${gone} ${before} ${digest(owned)}`
    if (besides.has(key)) continue
    const asked = { kind: 'succession', gone, owned } as const
    const principal = 'schedule:succession' as const
    const of = { authority, asked, scope, identityId: owned[0] ?? '', principal, key }
    scheduled.push(await openScheduled(deps, of))
  }
  return scheduled
}

interface Succession {
  readonly caseId: string
  readonly phase: 'open' | 'closed'
  readonly gone: string
  readonly owned: readonly string[]
}

export const openSuccessions = async (db: Db): Promise<readonly Succession[]> =>
  (await successions(db)).filter(({ phase }) => phase === 'open')

async function successions(db: Db): Promise<readonly Succession[]> {
  const { rows } = await db.query<
    Pick<Succession, 'caseId' | 'phase'> & { asked: SuccessionTerms }
  >(
    `select c.case_id as "caseId", c.phase,
            convert_from(o.bytes, 'UTF8')::jsonb -> 'body' -> 'asked' as asked
       from cases c join entries o on o.stream = c.case_id and o.seq = 1
      where c.kind = 'succession' order by c.case_id`,
  )
  return rows.map(({ caseId, phase, asked: { gone, owned } }) => ({ caseId, phase, gone, owned }))
}
