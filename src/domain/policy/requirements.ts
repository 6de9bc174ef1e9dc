/**
 * The requirements of a case's gates, resolved from the pack for the persons of today. Resolved when
 * the case opens (all steps, so that a decision can be given ahead), again when a gate opens, and
 * again in the execution gate; what counts is always the stricter of the first and today's.
 */
import type { Authority } from '../authority/authority.js'
import { type Matter, matterOf, narrowed } from '../authority/matter.js'
import { digest } from '../bytes/digest.js'
import { isOpening } from '../case/case.js'
import { KINDS } from '../kinds.js'
import { isRefusal, type Refusal, refuse } from '../refusal.js'
import type { Asked } from '../shapes/asked.js'
import type { Change } from '../shapes/basic.js'
import type { CaseOpened } from '../shapes/event.js'
import type { Pack } from '../shapes/policy.js'
import type { ResolvedRequirement } from '../shapes/requirement.js'
import { type EmergencyUse, openingRequirement, type Rung } from './emergency.js'
import { resolve, subjectOf } from './policy.js'
import { stricter } from './stricter.js'

export interface Resolving {
  readonly authority: Authority
  readonly pack: Pack
  readonly packHash: ResolvedRequirement['pack']['hash']
  readonly matter: Matter
  readonly asked: Asked
  readonly change: Change
  readonly requester: { readonly personId: string | null; readonly companyId: string }
  readonly executorCompany: string
  /** ISO time of the request, for all gates of the case. */
  readonly askedAt: string
}

/** Whoever did what the case is about, as the record shows it when a gate opens: they sign nothing in it. */
export interface Involving {
  readonly involved: readonly string[]
  /** Uses of emergency access before; none where they do not matter. */
  readonly uses: readonly EmergencyUse[]
}

export function requirementOf(
  input: Resolving & Pick<Involving, 'involved'> & { readonly stepId: string },
): ResolvedRequirement | Refusal {
  const subject = subjectOf(input)
  return isRefusal(subject)
    ? subject
    : resolve({ pack: input.pack, packHash: input.packHash, subject })
}

export function requirementsOf(
  input: Resolving,
): Readonly<Record<string, ResolvedRequirement>> | Refusal {
  const requirements: Record<string, ResolvedRequirement> = {}
  for (const stepId of KINDS[input.asked.kind].steps) {
    const resolved = requirementOf({ ...input, stepId, involved: [] })
    if (isRefusal(resolved)) return resolved
    requirements[stepId] = resolved
  }
  return requirements
}

/** stricter(what the case opened with, what the pack and the persons of today say). */
export function requirementToday(
  input: Involving & {
    readonly opened: CaseOpened
    readonly stepId: string
    readonly authority: Authority
    readonly pack: Pack
    readonly packHash: Resolving['packHash']
    readonly at: string
    readonly askedAt: string
  },
): ResolvedRequirement | Refusal {
  const { opened, stepId, authority } = input
  const whole = matterOf(authority, opened.scope)
  const pinned = opened.requirements[stepId]
  if (isRefusal(whole)) return whole
  if (pinned === undefined) return refuse('WRONG_STEP', `/requirements/${stepId}`)
  const matter = narrowed(whole, opened.asked)
  const resolveToday = ({ involved, more }: Rung): ResolvedRequirement | Refusal => {
    const today = requirementOf({
      ...{ ...input, matter, involved },
      asked: opened.asked,
      change: opened.change,
      requester: opened.requester,
      executorCompany: opened.executor,
    })
    if (isRefusal(today)) return today
    const { quorum } = today.requirement
    const raised = { ...today.requirement, quorum: quorum + more }
    const requirement = stricter(pinned.requirement, raised)
    if (isRefusal(requirement)) return requirement
    return { ...today, requirement, requirementHash: digest(requirement) }
  }
  return isOpening(opened, stepId)
    ? openingRequirement({ ...input, matter, resolve: resolveToday })
    : resolveToday({ involved: input.involved, more: 0 })
}
