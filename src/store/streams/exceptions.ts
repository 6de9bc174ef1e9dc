/** Exceptions and their attestations, as the closed cases say. They hold back the schedule and nothing else. */
import type { AcceptedException } from '../../domain/case/exceptions.js'
import type { AttestTerms, ExceptionTerms } from '../../domain/shapes/asked.js'
import type { Db } from '../db.js'

interface Closed<Asked> {
  readonly caseId: string
  readonly identityId: string
  readonly outcome: string
  readonly asked: Asked
  readonly closedAt: string
}

/** Every exception that was accepted, with what was attested or denied since. */
export async function acceptedExceptions(db: Db): Promise<readonly AcceptedException[]> {
  const [exceptions, attestations] = await Promise.all([
    closedCases<ExceptionTerms & { readonly kind: string }>(db, 'exception'),
    closedCases<AttestTerms>(db, 'attest'),
  ])
  return exceptions
    .filter(({ outcome }) => outcome === 'completed')
    .map(({ caseId, identityId, asked: { kind: _, ...terms }, closedAt }) => ({
      ...{ exceptionId: caseId, identityId, terms, acceptedAt: closedAt },
      attestations: attestations
        .filter(({ asked }) => asked.exceptionId === caseId)
        .map(({ outcome, asked: { attestedBy, dueAt } }) => ({
          ...{ attestedBy, dueAt },
          said: outcome === 'completed' ? ('yes' as const) : ('no' as const),
        })),
    }))
}

async function closedCases<Asked>(db: Db, kind: string): Promise<readonly Closed<Asked>[]> {
  const { rows } = await db.query<Closed<Asked>>(
    `select c.case_id as "caseId", c.scope_id as "identityId", c.outcome,
            convert_from(o.bytes, 'UTF8')::jsonb #> '{body,asked}' as asked,
            convert_from(e.bytes, 'UTF8')::jsonb ->> 'at' as "closedAt"
       from cases c
       join entries o on o.stream = c.case_id and o.seq = 1
       join entries e on e.stream = c.case_id and e.type = 'CaseClosed'
      where c.kind = $1 and c.outcome in ('completed', 'declined')
      order by c.case_id`,
    [kind],
  )
  return rows
}
