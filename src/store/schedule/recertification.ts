/**
 * What the evidence store knows of identities for a page: what a campaign asks about, whom it asked before, and the
 * deprovision of what was revoked. Rows help to find it; nothing is granted from it.
 */

import { identityScope } from '../../domain/authority/matter.js'
import { fold } from '../../domain/case/evolve.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import type { Identity } from '../../domain/shapes/authority.js'
import type { AuthorityReference } from '../../domain/shapes/basic.js'
import { eventsSince } from '../case/apply.js'
import { type OpenCaseDeps, openCase } from '../case/open-case.js'
import type { Db } from '../db.js'

const BODY = (entry: string) => `convert_from(${entry}.bytes, 'UTF8')::jsonb`

/** When the page's decision took effect; null while it did not. */
const DECIDED_AT = `(select ${BODY('d')} ->> 'at' from entries d
  where d.stream = p.case_id and d.type = 'StepPerformed'
    and ${BODY('d')} -> 'body' ->> 'stepId' = 'decide' limit 1)`

const NEWEST_FIRST = 'order by right(p.case_id, 26) desc limit 1'

export interface Past {
  readonly identityId: string
  readonly rotatedAt: string | null
  readonly recertifiedAt: string | null
  readonly ownerThen: string | null
  readonly exceptions: readonly string[]
  readonly contained: 'yes' | 'no'
}

/** What happened to each of them so far, as of `at`. */
export async function pastOf(
  db: Db,
  input: { readonly identities: readonly string[]; readonly at: string },
): Promise<readonly Past[]> {
  const { rows } = await db.query<Past>(
    `select i.id as "identityId",
       (select ${BODY('e')} ->> 'at' from entries e
         where e.type = 'CaseClosed' and e.stream = (
           select p.case_id from cases p
            where p.scope_id = i.id and p.kind in ('rotate', 'provision', 'reinstate')
              and p.outcome = 'completed' ${NEWEST_FIRST})) as "rotatedAt",
       last.decided_at as "recertifiedAt", last.owner_id as "ownerThen",
       coalesce((select array_agg(x.case_id order by x.case_id) from (
         select c.case_id from cases c join entries e on e.stream = c.case_id and e.seq = 1
          where c.scope_id = i.id and c.kind = 'exception' and c.outcome = 'completed'
            and ${BODY('e')} -> 'body' -> 'asked' ->> 'until' > $2
          order by c.case_id desc limit 8) x), '{}') as exceptions,
       case when exists (select 1 from cases c
         where c.scope_id = i.id and c.kind = 'contain' and c.phase = 'open')
         then 'yes' else 'no' end as contained
     from unnest($1::text[]) i (id)
     left join lateral (
       select owner_id, decided_at
         from (select p.case_id, p.owner_id, ${DECIDED_AT} as decided_at
                 from page_items p where p.identity_id = i.id) p
        where decided_at is not null ${NEWEST_FIRST}) last on true`,
    [input.identities, input.at],
  )
  return rows
}

/** Which of these a deprovision has removed, and no provision brought back since: nobody is asked about them. */
export async function removedOf(
  db: Db,
  identities: readonly Identity[],
): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ id: string }>(
    `select i.id from unnest($1::text[]) i (id)
      where 'deprovision' = (
        select p.kind from cases p
         where p.scope_id = i.id and p.kind in ('provision', 'deprovision')
           and p.outcome = 'completed' ${NEWEST_FIRST})`,
    [identities.map(({ identityId }) => identityId)],
  )
  return new Set(rows.map(({ id }) => id))
}

export interface AskedBefore {
  readonly identityId: string
  /** The newest page on which its owner of now was asked about it; null: only others were. */
  readonly own: {
    readonly openedAt: string
    readonly phase: 'open' | 'closed'
    /** The authority of that time. */
    readonly authority: AuthorityReference
  } | null
}

/** Of these, each that a page was ever about. */
export async function askedBefore(
  db: Db,
  of: readonly { readonly identityId: string; readonly ownerId: string }[],
): Promise<readonly AskedBefore[]> {
  const { rows } = await db.query<AskedBefore>(
    `select i.id as "identityId", case when own.phase is not null then
            jsonb_build_object('openedAt', own.opened_at, 'phase', own.phase,
                               'authority', own.authority) end as own
       from unnest($1::text[], $2::text[]) i (id, owner_id)
       left join lateral (
         select c.phase, ${BODY('o')} ->> 'at' as opened_at,
                ${BODY('o')} #> '{body,authority}' as authority
           from page_items p join cases c using (case_id)
           join entries o on o.stream = p.case_id and o.seq = 1
          where p.identity_id = i.id and p.owner_id = i.owner_id ${NEWEST_FIRST}) own on true
      where exists (select 1 from page_items p where p.identity_id = i.id)`,
    [of.map(({ identityId }) => identityId), of.map(({ ownerId }) => ownerId)],
  )
  return rows
}

/** When the newest incident that was about the identity was closed. */
export async function incidentsClosed(db: Db): Promise<ReadonlyMap<string, string>> {
  const { rows } = await db.query<{ identityId: string; at: string }>(
    `select i.id as "identityId", max(${BODY('closed')} ->> 'at') as at
       from cases c
       join entries planned on planned.stream = c.case_id and planned.type = 'Planned'
       join entries closed on closed.stream = c.case_id and closed.type = 'CaseClosed'
      cross join jsonb_array_elements_text(${BODY('planned')} #> '{body,plan,about,inScope}') i (id)
      where c.kind = 'incident' and c.outcome = 'completed'
      group by 1`,
  )
  return new Map(rows.map(({ identityId, at }) => [identityId, at]))
}

export interface Undecided {
  readonly identityId: string
  /** The page that ran out, or was declined as a whole. */
  readonly caseId: string
}

/** What the newest page of each of these left undecided, and no suspension was asked for since. */
export async function undecided(
  db: Db,
  identities: readonly string[],
): Promise<readonly Undecided[]> {
  const { rows } = await db.query<Undecided>(
    `select i.id as "identityId", newest.case_id as "caseId"
       from unnest($1::text[]) i (id)
       join lateral (
         select p.case_id, ${DECIDED_AT} as decided_at
           from page_items p where p.identity_id = i.id ${NEWEST_FIRST}) newest on true
       join cases c using (case_id)
      where c.outcome in ('expired', 'declined') and newest.decided_at is null
        and not exists (select 1 from requests r
          where r.principal = $2 and r.key = i.id || ' ' || newest.case_id)
      order by i.id limit 500`,
    [identities, SILENCE],
  )
  return rows
}

/** In whose name the schedule asks when an owner said nothing. */
export const SILENCE = 'schedule:silence'

export interface Revocation {
  readonly caseId: string
  readonly is: 'under-way' | 'proved' | 'ended'
}

/** The newest deprovision of the identity that is open, or was opened after the page. `proved`: its target refuses it. */
export async function revocationOf(
  db: Db,
  of: { readonly identityId: string; readonly pageId: string },
): Promise<Revocation | null> {
  const { rows } = await db.query<{ case_id: string }>(
    `select case_id from cases
      where scope_id = $1 and kind = 'deprovision'
        and (phase = 'open' or right(case_id, 26) > right($2, 26))
      order by right(case_id, 26) desc limit 1`,
    [of.identityId, of.pageId],
  )
  const caseId = rows[0]?.case_id
  if (caseId === undefined) return null
  const { facts, outcome, steps } = fold(caseId, await eventsSince(db, { caseId, after: 0 }))
  const undone = steps.some(({ phase }) => phase === 'undone')
  const proved = facts.includes('access-disabled') && !undone
  if (proved) return { caseId, is: 'proved' }
  return { caseId, is: outcome === null ? 'under-way' : 'ended' }
}

/** Asks for the deprovision as the enterprise's own work; the same key gets the same case. */
const askDeprovision = (
  deps: OpenCaseDeps,
  asking: {
    readonly identityId: string
    readonly companyId: string
    readonly principal: string
    readonly key: string
    readonly reference: string | null
  },
) =>
  openCase(deps, {
    request: {
      asked: { kind: 'deprovision', reassignTo: null },
      scope: identityScope(asking.identityId),
      change: 'standard',
      requester: { kind: 'enterprise', companyId: asking.companyId, personId: null },
      changeReference: asking.reference,
    },
    principal: asking.principal,
    idempotencyKey: asking.key,
  })

/** Its deprovision, opened now when there is none that can still prove anything. */
export async function ensureRevocation(
  deps: OpenCaseDeps,
  of: {
    readonly identityId: string
    readonly pageId: string
    readonly grantId: string
    readonly companyId: string
  },
): Promise<Revocation | Refusal> {
  const known = await revocationOf(deps.db, of)
  if (known !== null && known.is !== 'ended') return known
  const { identityId, companyId, pageId, grantId } = of
  const opened = await askDeprovision(deps, {
    ...{ identityId, companyId, principal: `page:${pageId}`, reference: null },
    key: `${identityId} ${grantId}`,
  })
  return isRefusal(opened) ? opened : { caseId: opened.caseId, is: 'under-way' }
}
