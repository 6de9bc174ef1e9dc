/** The HTTP contract of evidence about many cases, version 1. See http.ts for the rules. */
import { z } from 'zod'
import { CaseKind, CompanyId, IdentityId, ObjectiveId, Time } from '../domain/shapes/basic.js'
import { EvidenceQuery } from '../domain/shapes/ops-event.js'

/** Which cases' evidence; what is left out asks for any. `kinds`: separated by commas. */
export const CollectionQuery = z
  .strictObject({
    identity: IdentityId.optional(),
    partner: CompanyId.optional(),
    objective: ObjectiveId.optional(),
    kinds: z
      .string()
      .max(1000)
      .transform((text) => [...new Set(text.split(','))].sort())
      .pipe(z.array(CaseKind).min(1))
      .optional(),
    from: Time.optional(),
    until: Time.optional(),
    zone: EvidenceQuery.shape.zone.default('UTC'),
  })
  .transform(
    (asked): EvidenceQuery => ({
      identity: asked.identity ?? null,
      partner: asked.partner ?? null,
      objective: asked.objective ?? null,
      kinds: asked.kinds ?? null,
      from: asked.from ?? null,
      until: asked.until ?? null,
      zone: asked.zone,
    }),
  )
export type CollectionQuery = z.input<typeof CollectionQuery>
