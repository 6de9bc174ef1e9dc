/** Findings against a partner, from the entries of its demands, reviews and disputes. There is no register of them. */
import { disputeIn, type Finding, findingsIn } from '../../domain/case/finding.js'
import { eventsSince } from '../case/apply.js'
import type { Db } from '../db.js'

export interface StandingFinding extends Finding {
  /** The newest dispute about it: `open`, or what the enterprise said. */
  readonly dispute: {
    readonly caseId: string
    readonly says: 'open' | 'withdrawn' | 'stands'
  } | null
}

/** Oldest first. */
export async function findingsAgainst(
  db: Db,
  partnerId: string,
): Promise<readonly StandingFinding[]> {
  const disputes = new Map<string, NonNullable<StandingFinding['dispute']>>()
  for (const [caseId, recorded] of await casesOf(db, { partnerId, kind: 'dispute' })) {
    const disputed = disputeIn(caseId, recorded)
    if (disputed !== null)
      disputes.set(keyOf(disputed.demand, disputed.item), { caseId, says: disputed.says })
  }
  const found = await Promise.all([
    casesOf(db, { partnerId, kind: 'demand' }),
    casesOf(db, { partnerId, kind: 'partner-review' }),
  ])
  return found
    .flat()
    .flatMap(([caseId, recorded]) => findingsIn(caseId, recorded))
    .map((one) => ({ ...one, dispute: disputes.get(keyOf(one.caseId, one.item)) ?? null }))
    .toSorted((left, right) => (left.at < right.at ? -1 : 1))
}

const keyOf = (caseId: string, item: number | null): string => `${caseId} ${item ?? ''}`

async function casesOf(
  db: Db,
  of: { readonly partnerId: string; readonly kind: 'demand' | 'dispute' | 'partner-review' },
) {
  const { rows } = await db.query<{ case_id: string }>(
    'select case_id from cases where scope_id = $1 and kind = $2 order by right(case_id, 26)',
    [of.partnerId, of.kind],
  )
  return Promise.all(
    rows.map(
      async ({ case_id: caseId }) => [caseId, await eventsSince(db, { caseId, after: 0 })] as const,
    ),
  )
}
