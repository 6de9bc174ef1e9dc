/**
 * What the evidence store knows of identities for a page: what a campaign asks about, whom it asked before, and the
 * deprovision of what was revoked. Rows help to find it; nothing is granted from it.
 */
import { fold } from '../domain/evolve.js'
import { identityScope } from '../domain/matter.js'
import { isRefusal, type Refusal } from '../domain/refusal.js'
import { eventsSince } from './apply.js'
import type { Db } from './db.js'
import { type OpenCaseDeps, openCase } from './open-case.js'

const BODY = (entry: string) => `convert_from(${entry}.bytes, 'UTF8')::jsonb`

/** Every identity of every page, with when and by whom it was decided; `decidedAt` is null while it was not. */
const PAGES = `select i.id as identity_id, c.case_id, c.owner_id, c.phase, c.outcome,
    ${BODY('o')} ->> 'at' as opened_at,
    (select ${BODY('d')} ->> 'at' from entries d
      where d.stream = c.case_id and d.type = 'StepPerformed'
        and ${BODY('d')} -> 'body' ->> 'stepId' = 'decide') as decided_at
  from cases c join entries o on o.stream = c.case_id and o.seq = 1
    cross join lateral jsonb_array_elements_text(${BODY('o')} -> 'body' -> 'asked' -> 'identities') i (id)
  where c.kind = 'recertify'`

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
    `with pages as (${PAGES})
     select i.id as "identityId",
       (select max(${BODY('e')} ->> 'at') from cases c join entries e on e.stream = c.case_id
         where c.scope_id = i.id and c.kind in ('rotate', 'provision', 'reinstate')
           and c.outcome = 'completed' and e.type = 'CaseClosed') as "rotatedAt",
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
     left join lateral (select decided_at, owner_id from pages
       where identity_id = i.id and decided_at is not null order by decided_at desc limit 1) last on true`,
    [input.identities, input.at],
  )
  return rows
}

export interface AskedBefore {
  readonly identityId: string
  readonly ownerId: string
  readonly openedAt: string
  readonly phase: 'open' | 'closed'
}

/** For each identity and owner, the newest page on which that owner was asked about it. */
export async function askedBefore(db: Db): Promise<readonly AskedBefore[]> {
  const { rows } = await db.query<AskedBefore>(
    `select distinct on (identity_id, owner_id) identity_id as "identityId", owner_id as "ownerId",
            opened_at as "openedAt", phase
       from (${PAGES}) pages order by identity_id, owner_id, opened_at desc`,
  )
  return rows
}

export interface Undecided {
  readonly identityId: string
  /** The page that ran out, or was declined as a whole. */
  readonly caseId: string
}

/** What newest pages left undecided, and no deprovision was asked for since. */
export async function undecided(db: Db): Promise<readonly Undecided[]> {
  const { rows } = await db.query<Undecided>(
    `select identity_id as "identityId", case_id as "caseId" from (
       select distinct on (identity_id) * from (${PAGES}) pages
        order by identity_id, opened_at desc) newest
      where outcome in ('expired', 'declined') and decided_at is null
        and not exists (select 1 from requests r
          where r.principal = $1 and r.key = newest.identity_id || ' ' || newest.case_id)
      order by identity_id limit 500`,
    [SILENCE],
  )
  return rows
}

/** In whose name the schedule asks when an owner said nothing. */
export const SILENCE = 'schedule:silence'

/** The page's cases of a campaign, in the order of its pages. */
export async function pagesOfCampaign(db: Db, campaignId: string): Promise<readonly string[]> {
  const { rows } = await db.query<{ case_id: string }>(
    `select c.case_id from cases c join entries o on o.stream = c.case_id and o.seq = 1
      where c.kind = 'recertify' and ${BODY('o')} -> 'body' -> 'asked' ->> 'campaignId' = $1
      order by (${BODY('o')} -> 'body' -> 'asked' ->> 'page')::int`,
    [campaignId],
  )
  return rows.map((row) => row.case_id)
}

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
export const askDeprovision = (
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
