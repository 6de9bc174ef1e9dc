/**
 * What executing a step needs: the store under the connector's database role, the connector of each
 * system, the box in which secrets rest, and the connector's own key. Only the connector process has it.
 */
import type { Connector, Subject } from '../connectors/connector.js'
import type { Authority } from '../domain/authority.js'
import type { CaseState, Recorded } from '../domain/case.js'
import { isRefusal, type Refusal, type RefusalCode, refuse } from '../domain/refusal.js'
import type { Identity } from '../domain/shapes/authority.js'
import type { CaseEvent, CaseOpened } from '../domain/shapes/event.js'
import type { Plan } from '../domain/shapes/plan.js'
import type { KeyRing } from '../keys/aead.js'
import type { Signing } from '../keys/sign.js'
import { type Applied, apply, caseOf, type View } from '../store/apply.js'
import { recordFinding } from '../store/cases.js'
import type { GateDeps } from '../store/gate.js'
import type { Log } from '../store/proof.js'

export interface ExecutionDeps extends GateDeps {
  readonly connectorOf: (systemId: string) => Connector | undefined
  readonly secretKeys: KeyRing
  readonly signing: Signing
  readonly log: Log
  /** Emits `checkpoint` when a new signed head is published. */
  readonly published: EventTarget
  readonly proofWithinMs: number
  /** Called while something long is being watched, with a word that names it. */
  readonly heartbeat: (doing: string) => void
}

/** The case's work cannot go on until something outside it changes. Recorded as a finding; tried again later. */
export class Stopped extends Error {
  override readonly name = 'Stopped'
  constructor(readonly refusal: Refusal) {
    super(`${refusal.refused} at ${refusal.where}: ${refusal.detail}`)
  }
}

/** A passing technical failure with a code; whoever called tries again. */
export class ExecutionFault extends Error {
  override readonly name = 'ExecutionFault'
  constructor(readonly code: string) {
    super(`the step could not be carried on (${code})`)
  }
}

export async function stop(
  deps: ExecutionDeps,
  input: { caseId: string; refusal: Refusal },
): Promise<never> {
  await recordFinding(deps.db, input)
  throw new Stopped(input.refusal)
}

export async function applied<Answer>(
  deps: ExecutionDeps,
  input: { caseId: string; result: Promise<Applied<Answer> | Refusal> },
): Promise<Applied<Answer>> {
  const result = await input.result
  return isRefusal(result) ? stop(deps, { caseId: input.caseId, refusal: result }) : result
}

/** The case as its entries say, for reading; whatever is decided from it is checked again under the lock. */
export const readCase = (
  deps: ExecutionDeps,
  caseId: string,
): Promise<{ readonly state: CaseState; readonly recorded: readonly Recorded[] }> =>
  caseOf(deps.db, caseId)

/**
 * Appends what the core decides, and says what is recorded then; a refusal of the core means that somebody else
 * was faster, which is no harm.
 */
export async function record(
  deps: ExecutionDeps,
  input: {
    readonly caseId: string
    readonly decide: (view: View, authority: Authority) => readonly CaseEvent[] | Refusal
  },
): Promise<readonly Recorded[]> {
  const { recorded } = await applied(deps, {
    caseId: input.caseId,
    result: apply<Refusal | null>(deps.db, {
      caseId: input.caseId,
      decide: async (view, tx) => {
        const authority = await deps.authority.current(tx, { at: view.at, lock: 'none' })
        if (isRefusal(authority)) return { events: [], answer: authority }
        const events = input.decide(view, authority)
        return isRefusal(events) ? { events: [], answer: events } : { events, answer: null }
      },
    }),
  })
  return recorded
}

export interface Work {
  readonly caseId: string
  readonly opened: CaseOpened
  readonly plan: Plan
  readonly identity: Identity
  readonly subject: Subject
  readonly connector: Connector
}

/** The identity and its target, from the verified authority; never from the request. */
export async function targetOf(
  deps: ExecutionDeps,
  state: CaseState,
): Promise<Omit<Work, 'plan'> & { readonly authority: Authority; readonly at: string }> {
  const { caseId, opened } = state
  const bad = (code: RefusalCode, where: string) =>
    stop(deps, { caseId, refusal: refuse(code, where) })
  if (opened === null) return bad('CASE_UNKNOWN', `/${caseId}`)
  const today = await deps.authority.today(deps.db)
  if (isRefusal(today)) return stop(deps, { caseId, refusal: today })
  const { authority, at } = today
  const identity = authority.identities.get(opened.identityId)
  if (identity === undefined) return bad('IDENTITY_UNKNOWN', '/identityId')
  const connector = deps.connectorOf(identity.systemId)
  if (connector === undefined || identity.systemId !== opened.systemId)
    return bad('TARGET_UNSUITABLE', '/systemId')
  const { group, credentials } = identity
  return { caseId, opened, identity, subject: { group, credentials }, connector, authority, at }
}
