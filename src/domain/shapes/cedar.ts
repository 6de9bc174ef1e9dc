/**
 * What the Cedar policies of a pack are asked. A *question* is one principal, one action and the case; the answer is
 * the ids of the policies that forbid it. The evaluation comes with the pack, as a function.
 */
import type { Company, Identity, Person } from './authority.js'
import type { CaseScope, Change } from './basic.js'

export interface CompanyFacts {
  readonly kind: Company['kind']
  /** The furthest down a chain of sub-contractors that one of its contracts places it; 0 without any. */
  readonly rank: number
}

export interface PersonFacts {
  readonly companyId: string
  readonly duties: Person['duties']
}

/** Who and what a case is about, as the authority says it today, and when it was asked for. */
export interface Circumstances {
  readonly scope: CaseScope
  readonly objectiveId: string | null
  readonly ownerId: string
  readonly custodian: string | null
  readonly requester: { readonly personId: string | null; readonly companyId: string }
  readonly executor: string
  /** ISO time of the request, at every gate of the case. */
  readonly askedAt: string
  /** Of whoever is named above or stands in a role. */
  readonly persons: Readonly<Record<string, PersonFacts>>
  readonly companies: Readonly<Record<string, CompanyFacts>>
}

export interface Question {
  /** `ask:<kind>` or `sign:<kind>/<step>`. */
  readonly action: string
  readonly principal: { readonly type: 'Person' | 'Company'; readonly id: string }
  readonly about: Circumstances
  readonly systemId: string | null
  readonly tier: Identity['tier']
  readonly change: Change
  /** By the clock of the pack's zone; Monday is 1. */
  readonly asked: { readonly weekday: number; readonly hour: number }
}

/** Ids of the policies that forbid it, sorted; none: it is not forbidden. */
export type Forbids = (question: Question) => readonly string[]

export interface Cedar {
  /** What each policy says by its id, without its comments and its layout. */
  readonly policies: Readonly<Record<string, unknown>>
  /** Ids of the policies that speak of this action, sorted. */
  readonly about: (action: string) => readonly string[]
  readonly forbids: Forbids
}

export const NO_CEDAR: Cedar = { policies: {}, about: () => [], forbids: () => [] }
