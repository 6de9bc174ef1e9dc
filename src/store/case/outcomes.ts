/** What other cases of an identity came to, for whoever validates an incident: attested facts, and since when. */

import type { Authority } from '../../domain/authority/authority.js'
import { checkAttestations } from '../../domain/case/attestation.js'
import type { Refusal } from '../../domain/refusal.js'
import type { CaseKind, Fact } from '../../domain/shapes/basic.js'
import type { Verify } from '../../domain/signed/envelope.js'
import type { Db } from '../db.js'
import { eventsSince } from './apply.js'

export interface CameTo {
  readonly caseId: string
  readonly identityId: string
  readonly kind: CaseKind
  readonly outcome: string | null
  /** Facts of steps that were performed since. */
  readonly facts: readonly Fact[]
}

/**
 * UNTRUSTED: the rows. Cases of these kinds about these identities, oldest first, each with what the connector attested
 * in it at or after `since`.
 */
export async function cameTo(
  db: Db,
  input: {
    readonly identities: readonly string[]
    readonly kinds: readonly CaseKind[]
    readonly since: string
    readonly authority: Authority
    readonly verify: Verify
  },
): Promise<readonly CameTo[] | Refusal> {
  const { identities, kinds, since, authority, verify } = input
  const { rows } = await db.query<Omit<CameTo, 'facts'>>(
    `select c.case_id as "caseId", c.scope_id as "identityId", c.kind, c.outcome from cases c
      where c.scope_id = any($1) and c.kind = any($2) and exists (
        select 1 from entries e where e.stream = c.case_id and e.type = 'StepPerformed'
           and convert_from(e.bytes, 'UTF8')::jsonb ->> 'at' >= $3)
      order by right(c.case_id, 26)`,
    [identities, kinds, since],
  )
  const all: CameTo[] = []
  for (const row of rows) {
    const { caseId } = row
    const recorded = await eventsSince(db, { caseId, after: 0 })
    const tampered = checkAttestations({ caseId, recorded, authority, verify })
    if (tampered !== null) return tampered
    const facts = recorded.flatMap(({ at, event }) =>
      event.type === 'StepPerformed' && at >= since ? event.facts : [],
    )
    all.push({ ...row, facts })
  }
  return all
}
