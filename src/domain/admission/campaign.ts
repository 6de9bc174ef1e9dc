/**
 * A *campaign* over a slice of the inventory: its pages, one owner each, and what makes a page right. The same is
 * asked when a page opens and when its packet is verified.
 */
import type { Authority } from '../authority/authority.js'
import { type Matter, narrowed } from '../authority/matter.js'
import { canonical } from '../bytes/digest.js'
import { campaignTerms } from '../policy/periods.js'
import { type Refusal, refuse } from '../refusal.js'
import type { Asked } from '../shapes/asked.js'
import type { Identity } from '../shapes/authority.js'
import type { Pack } from '../shapes/policy.js'
import { MAX_PAGE, type PageTerms } from '../shapes/recertify.js'

/** Null: whichever. */
export interface Slice {
  readonly partnerId: string | null
  readonly systems: readonly string[] | null
  readonly tiers: readonly string[] | null
  readonly objectives: readonly string[] | null
  readonly owners: readonly string[] | null
}

const isIn = (list: readonly string[] | null, value: string): boolean =>
  list === null || list.includes(value)

export const identitiesOf = (authority: Authority, slice: Slice): readonly Identity[] =>
  [...authority.identities.values()].filter(
    (identity) =>
      (slice.partnerId === null || identity.custodian === slice.partnerId) &&
      isIn(slice.systems, identity.systemId) &&
      isIn(slice.tiers, identity.tier) &&
      isIn(slice.objectives, identity.objectiveId) &&
      isIn(slice.owners, identity.ownerId),
  )

/** Each owner's identities of each tier in pages of at most 40, by id: a page is signed as strictly as its strictest item. Refuses NO_RULE for one that no rule has recertified. */
export function pagesOf(input: {
  readonly campaignId: string
  readonly identities: readonly Identity[]
  readonly pack: Pack
}): readonly PageTerms[] | Refusal {
  const { campaignId, identities, pack } = input
  const sorted = identities.toSorted((a, b) => (a.identityId < b.identityId ? -1 : 1))
  const keyOf = ({ ownerId, tier }: Identity) => `${ownerId} ${tier}`
  const parts = [...new Set(sorted.map(keyOf))].sort().flatMap((key) => {
    const own = sorted.filter((identity) => keyOf(identity) === key)
    const ownerId = own[0]?.ownerId ?? ''
    const starts = own.map((_, index) => index).filter((index) => index % MAX_PAGE === 0)
    return starts.map((start) => ({ ownerId, on: own.slice(start, start + MAX_PAGE) }))
  })
  const pages: PageTerms[] = []
  for (const [index, { ownerId, on }] of parts.entries()) {
    const maxAgeMs = strictestAge(pack, on)
    if (maxAgeMs === null) return refuse('NO_RULE', '/campaign', `no rule recertifies all of them`)
    const ids = on.map(({ identityId }) => identityId)
    const place = { page: index + 1, pages: parts.length }
    pages.push({ campaignId, ownerId, ...place, identities: ids, maxAgeMs })
  }
  return pages
}

/**
 * Tests whether something that an owner relied on who kept the identity is another now: what is registered of it
 * besides its owner and its need, or the contracts of whoever keeps it.
 */
export const isChanged = (
  identityId: string,
  between: { readonly then: Authority; readonly now: Authority },
): boolean => reliedOn(between.then, identityId) !== reliedOn(between.now, identityId)

function reliedOn({ identities, contracts }: Authority, identityId: string): string {
  const identity = identities.get(identityId)
  if (identity === undefined) return ''
  const { ownerId: _, need: __, ...registered } = identity
  const own = contracts.filter(({ companyId }) => companyId === identity.custodian)
  return canonical([registered, own])
}

function strictestAge(pack: Pack, identities: readonly Identity[]): number | null {
  const ages = identities.map((identity) => campaignTerms(pack, identity)?.maxAgeMs ?? null)
  const known = ages.filter((age) => age !== null)
  return known.length < ages.length || known.length === 0 ? null : Math.min(...known)
}

/**
 * UNTRUSTED: what was asked. What the case is about: for a page the identities on it, all of one owner, all in the
 * scope, in their order, with the policy's age; for every other kind the whole scope.
 */
export function matterAsked(input: {
  readonly matter: Matter
  readonly asked: Asked
  readonly pack: Pack
}): Matter | Refusal {
  const { matter, asked, pack } = input
  if (asked.kind !== 'recertify') return matter
  const own = narrowed(matter, asked)
  const ids = [...new Set(asked.identities)].sort()
  if (own.identities.length !== asked.identities.length || ids.join() !== asked.identities.join())
    return refuse('IDENTITY_UNKNOWN', '/asked/identities', 'not all in the scope, each once, by id')
  if (own.identities.some(({ ownerId }) => ownerId !== asked.ownerId))
    return refuse('NO_OWNER', '/asked/ownerId', 'the identities of a page have one owner')
  return strictestAge(pack, own.identities) === asked.maxAgeMs && asked.page <= asked.pages
    ? own
    : refuse('NO_RULE', '/asked', 'not as the policy has it')
}
