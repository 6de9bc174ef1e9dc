/** Queries of the store in the form of postgres_exporter: each metric is named by its query and its column. */
import { z } from 'zod'

const Column = z.strictObject({
  usage: z.enum(['GAUGE', 'COUNTER', 'LABEL']),
  description: z.string().min(1).max(200),
})

export const StoreQueries = z.record(
  z.string().regex(/^countersign_[a-z_]{1,60}$/, 'not the name of a query'),
  z.strictObject({
    query: z.string().min(1),
    metrics: z.array(z.record(z.string().regex(/^[a-z_]{1,60}$/), Column)).min(1),
  }),
)
export type StoreQueries = z.infer<typeof StoreQueries>
