/** What the rules of a pack say of time between cases: when a credential is too old, when an identity is looked at again. */
import type { Authority } from '../authority/authority.js'
import { matterOf } from '../authority/matter.js'
import { isRefusal } from '../refusal.js'
import type { Identity } from '../shapes/authority.js'
import type { Pack } from '../shapes/policy.js'
import { matches, type Scope } from './policy.js'

/** How often an identity is recertified, and from what age its secret is odd: the strictest matching rule; null: by none. */
export function campaignTerms(
  pack: Pack,
  { tier, systemId }: Pick<Identity, 'tier' | 'systemId'>,
): { readonly everyMs: number; readonly maxAgeMs: number } | null {
  const terms = pack.rules.flatMap((rule) =>
    rule.campaign !== undefined &&
    matches(rule, { kind: 'recertify', tier, systemId, change: 'standard' })
      ? [rule.campaign]
      : [],
  )
  if (terms.length === 0) return null
  return {
    everyMs: Math.min(...terms.map(({ every }) => every)),
    maxAgeMs: Math.min(...terms.map(({ maxAge }) => maxAge)),
  }
}

/** How far an emergency goes on this system: the strictest of the matching rules; null: by none. */
export function emergencyTerms(
  pack: Pack,
  of: Omit<Scope, 'kind'>,
): {
  readonly longestMs: number
  readonly raise: number
  readonly most: number
  readonly countsForMs: number
} | null {
  const terms = pack.rules.flatMap((rule) =>
    rule.emergency !== undefined && matches(rule, { ...of, kind: 'break-glass' })
      ? [rule.emergency]
      : [],
  )
  if (terms.length === 0) return null
  return {
    longestMs: Math.min(...terms.map(({ longest }) => longest)),
    raise: Math.max(...terms.map(({ raise }) => raise)),
    most: Math.max(...terms.map(({ most }) => most)),
    countsForMs: Math.max(...terms.map(({ counts }) => counts)),
  }
}

/** The oldest that a credential may be, by the strictest rule of rotation; null: any age. */
export function maximumAgeMs(pack: Pack, of: Omit<Scope, 'kind' | 'change'>): number | null {
  const ages = pack.rules.flatMap((rule) =>
    matches(rule, { ...of, kind: 'rotate', change: 'standard' }) && rule.maximumAge !== null
      ? [rule.maximumAge]
      : [],
  )
  return ages.length === 0 ? null : Math.min(...ages)
}

/** How often the three rights are drilled over this partner, by the strictest rule; null: by none. */
export function drillEveryMs(
  pack: Pack,
  { authority, partnerId }: { readonly authority: Authority; readonly partnerId: string },
): number | null {
  const matter = matterOf(authority, { kind: 'partner', id: partnerId })
  if (isRefusal(matter)) return null
  const { tier, systemId } = matter
  const periods = pack.rules.flatMap((rule) =>
    rule.drill !== undefined && matches(rule, { kind: 'drill', tier, systemId, change: 'standard' })
      ? [rule.drill.every]
      : [],
  )
  return periods.length === 0 ? null : Math.min(...periods)
}

/** How often a partner is reviewed that keeps something of this tier at most: the strictest rule for what opens by itself; null: never. */
export function reviewEveryMs(pack: Pack, tier: Identity['tier']): number | null {
  const scope = { kind: 'partner-review', tier, systemId: null, change: 'standard' } as const
  const every = pack.rules.flatMap((rule) =>
    rule.review !== undefined && matches(rule, scope) ? [rule.review.every] : [],
  )
  return every.length === 0 ? null : Math.min(...every)
}
