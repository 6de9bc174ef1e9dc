/**
 * A crowd: copies of one case in the evidence store, which lists, looks and indexes meet as they meet any other. No
 * workflow runs for them and no log holds them, so nothing but the bench may read what they say. They get past the
 * triggers as only the superuser can.
 */
import type { ProductSide } from './side.js'

/** No partner of the demonstration: no fence of the bench has a copy in its scope. */
const COMPANY = 'com_crowd'

const COPY = `
  with copies as (
    select $1::text as source, 'bench' || ':' || kind || ':' || lpad((n + $2::int)::text, 26, '0') as stream
      from cases, generate_series(1, $3::int) n where case_id = $1),
  made as (insert into streams (stream, seq)
    select c.stream, s.seq from copies c join streams s on s.stream = c.source returning stream),
  listed as (insert into cases (case_id, kind, scope_kind, scope_id, system_id, company_id, owner_id, objective_id,
      policy, tier, phase, due, waiting_on, outcome)
    select c.stream, s.kind, s.scope_kind, c.stream, s.system_id, '${COMPANY}', s.owner_id, s.objective_id,
           s.policy, s.tier, s.phase, s.due, s.waiting_on, s.outcome
      from copies c join cases s on s.case_id = c.source join made m on m.stream = c.stream),
  fenced as (insert into fences (kind, id) select 'identity', stream from copies),
  items as (insert into page_items (identity_id, case_id, owner_id, campaign_id, page)
    select p.identity_id, c.stream, p.owner_id, c.stream, p.page
      from copies c join page_items p on p.case_id = c.source)
  insert into entries (stream, seq, hash, type, bytes)
    select c.stream, e.seq, c.stream || ' ' || e.seq, e.type, e.bytes
      from copies c join entries e on e.stream = c.source join made m on m.stream = c.stream`

export interface Crowd {
  /** Afterwards there are so many copies in all. */
  readonly upTo: (count: number) => Promise<void>
}

export function crowdOf({ stage }: ProductSide, caseId: string): Crowd {
  let there = 0
  return {
    upTo: async (count) => {
      if (count <= there) return
      await stage.dba.query('set session_replication_role = replica')
      await stage.dba.query(COPY, [caseId, there, count - there])
      await stage.dba.query('reset session_replication_role')
      await stage.dba.query('analyze')
      there = count
    },
  }
}
