/** Findings against a partner, from the entries of its demands and disputes. There is no register of them. */
import { disputeIn, type Finding, findingIn } from '../domain/finding.js'
import { eventsSince } from './apply.js'
import type { Db } from './db.js'

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
    if (disputed !== null) disputes.set(disputed.demand, { caseId, says: disputed.says })
  }
  const demands = await casesOf(db, { partnerId, kind: 'demand' })
  return demands.flatMap(([caseId, recorded]) => {
    const finding = findingIn(caseId, recorded)
    return finding === null ? [] : [{ ...finding, dispute: disputes.get(caseId) ?? null }]
  })
}

async function casesOf(
  db: Db,
  of: { readonly partnerId: string; readonly kind: 'demand' | 'dispute' },
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
