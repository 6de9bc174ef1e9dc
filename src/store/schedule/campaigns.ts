/**
 * Campaigns: opened over a slice by somebody of the enterprise, or by the schedule for what the policy says is due
 * again. What a page left undecided is never kept: its deprovision opens by itself, disables under a reduce-only
 * mandate that covers it (else after signatures), and can be put back until its removal is signed.
 */

import { identitiesOf, isChanged, pagesOf, type Slice } from '../../domain/admission/campaign.js'
import { packInForce } from '../../domain/approval/count.js'
import type { Authority } from '../../domain/authority/authority.js'
import { enterpriseCompany } from '../../domain/authority/matter.js'
import { digest } from '../../domain/bytes/digest.js'
import { campaignTerms } from '../../domain/policy/periods.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import type { Identity } from '../../domain/shapes/authority.js'
import type { CaseScope } from '../../domain/shapes/basic.js'
import type { PageTerms } from '../../domain/shapes/recertify.js'
import { type OpenCase, type OpenCaseDeps, type Opened, openCase } from '../case/open-case.js'
import { type AskedBefore, askedBefore, incidentsClosed, removedOf } from './recertification.js'
import { type Standing, standingNow } from './scheduled.js'

export interface OpenCampaign extends Pick<OpenCase, 'principal' | 'idempotencyKey'> {
  readonly slice: Slice
  readonly request: Pick<OpenCase['request'], 'requester' | 'change' | 'changeReference'>
}

export interface Campaign {
  readonly campaignId: string
  readonly pages: readonly (Pick<PageTerms, 'ownerId' | 'page' | 'identities'> & {
    /** The case, or why none could be opened. */
    readonly opened: Opened | Refusal
  })[]
}

/** UNTRUSTED: the slice. Every page of it opens, or is refused by itself; the same key gets the same pages. */
export async function openCampaign(
  deps: OpenCaseDeps,
  input: OpenCampaign,
): Promise<Campaign | Refusal> {
  const standing = await standingNow(deps)
  if (isRefusal(standing)) return standing
  const identities = await present(deps, identitiesOf(standing.authority, input.slice))
  return openPages(deps, { ...input, ...standing, identities })
}

/** Those that are still there to be kept. */
async function present({ db }: OpenCaseDeps, identities: readonly Identity[]) {
  const removed = await removedOf(db, identities)
  return identities.filter(({ identityId }) => !removed.has(identityId))
}

async function openPages(
  deps: OpenCaseDeps,
  input: OpenCampaign & Standing & { readonly identities: readonly Identity[] },
): Promise<Campaign | Refusal> {
  const { authority, pack, identities, principal, idempotencyKey, slice, request } = input
  const hash = digest({ principal, idempotencyKey }).slice('sha256:'.length)
  const campaignId = `cmp_${hash.slice(0, 16)}`
  const terms = pagesOf({ campaignId, identities, pack })
  if (isRefusal(terms)) return terms
  const scope: CaseScope =
    slice.partnerId === null
      ? { kind: 'enterprise', id: authority.enterprise }
      : { kind: 'partner', id: slice.partnerId }
  const pages: Campaign['pages'][number][] = []
  for (const page of terms) {
    const opened = await openCase(deps, {
      request: { ...request, asked: { kind: 'recertify', ...page }, scope },
      ...{ principal, idempotencyKey: `${idempotencyKey} ${page.page}` },
    })
    pages.push({ ...page, opened })
  }
  return { campaignId, pages }
}

/**
 * Opened for what the policy says is due again, and at once where something happened since its owner was asked: it has
 * another owner, what is registered of it or the contracts of its keeper changed, an incident about it was closed.
 * Repeatable.
 */
export async function recertifyDue(
  deps: OpenCaseDeps,
  besides: ReadonlySet<string>,
): Promise<Campaign | Refusal | null> {
  const standing = await standingNow(deps)
  if (isRefusal(standing)) return standing
  const { authority, at } = standing
  const identities = await present(deps, [...authority.identities.values()])
  const before = await askedBefore(deps.db, identities)
  const asked = new Map(before.map((one) => [one.identityId, one]))
  const incidents = await incidentsClosed(deps.db)
  const due: Identity[] = []
  for (const identity of identities) {
    const { identityId } = identity
    const of = {
      ...{ identity, asked: asked.get(identityId) ?? null },
      incidentAt: incidents.get(identityId) ?? null,
    }
    if (!besides.has(identityId) && (await isDue(deps, { standing, of }))) due.push(identity)
  }
  if (due.length === 0) return null
  const everything = { partnerId: null, systems: null, tiers: null, objectives: null, owners: null }
  const ids = due.map(({ identityId, ownerId }) => `${identityId} ${ownerId}`).sort()
  const companyId = enterpriseCompany(authority)
  return openPages(deps, {
    ...standing,
    identities: due,
    slice: everything,
    principal: 'schedule:recertify',
    idempotencyKey: `${at.slice(0, 10)} ${digest(ids)}`,
    request: {
      requester: { kind: 'enterprise', companyId, personId: null },
      ...{ change: 'standard', changeReference: null },
    },
  })
}

interface Asking {
  readonly identity: Identity
  readonly asked: AskedBefore | null
  readonly incidentAt: string | null
}

/** An identity that was never asked about counts from when the policy took effect. */
async function isDue(
  deps: OpenCaseDeps,
  { standing, of }: { readonly standing: Standing; readonly of: Asking },
): Promise<boolean> {
  const { authority, pack, at } = standing
  const { identity, asked, incidentAt } = of
  const everyMs = campaignTerms(pack, identity)?.everyMs
  if (everyMs === undefined) return false
  if (asked?.own?.phase === 'open') return false
  if (asked !== null && asked.own === null) return true
  const since = asked?.own?.openedAt ?? packInForce(authority, at)?.effectiveFrom ?? at
  if (incidentAt !== null && incidentAt > since) return true
  if (Date.parse(since) + everyMs <= Date.parse(at)) return true
  return asked?.own != null && (await isChangedSince(deps, { authority, identity, own: asked.own }))
}

/** What cannot be compared, because the bundle of that time is not believed any more, counts as changed. */
async function isChangedSince(
  deps: OpenCaseDeps,
  of: Pick<Asking, 'identity'> & {
    readonly authority: Authority
    readonly own: NonNullable<AskedBefore['own']>
  },
): Promise<boolean> {
  const { authority, identity, own } = of
  if (own.authority.version === authority.version) return false
  const then = await deps.authority.named(deps.db, { reference: own.authority, at: own.openedAt })
  return isRefusal(then) || isChanged(identity.identityId, { then, now: authority })
}
