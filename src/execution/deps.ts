/**
 * What executing a step needs: the store under the connector's database role, the connector of each
 * system, the box in which secrets rest, and the connector's own key. Only the connector process has it.
 */
import type { Connector, Subject } from '../connectors/connector.js'
import type { Authority } from '../domain/authority/authority.js'
import { type Purpose, purposeOf } from '../domain/authority/grace.js'
import type { CaseState, Recorded } from '../domain/case/case.js'
import { currentStep } from '../domain/case/due.js'
import { isRefusal, type Refusal, type RefusalCode, refuse } from '../domain/refusal.js'
import type { Identity } from '../domain/shapes/authority.js'
import type { CaseEvent, CaseOpened } from '../domain/shapes/event.js'
import type { Plan } from '../domain/shapes/plan.js'
import type { KeyRing } from '../keys/aead.js'
import type { Signing } from '../keys/sign.js'
import { type Applied, apply, caseOf, type View, wholeCase } from '../store/case/apply.js'
import { recordFinding } from '../store/case/cases.js'
import type { GateDeps } from '../store/case/gate.js'
import { checkAttested, checkOpened } from '../store/case/judged.js'
import type { Log } from '../store/log/proof.js'

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
 * The case as the gate would judge it, for whoever is about to act on a target: rows that were rewritten since
 * the grant say nothing. A case that is not what it says stops.
 */
export async function readJudged(
  deps: ExecutionDeps,
  caseId: string,
): Promise<{ readonly state: CaseState; readonly recorded: readonly Recorded[] }> {
  const { db, verify } = deps
  const whole = await wholeCase(db, caseId)
  if (isRefusal(whole)) return stop(deps, { caseId, refusal: whole })
  const { state, recorded } = whole
  const now = await deps.authority.today(db, purposeNow(state))
  if (isRefusal(now)) return stop(deps, { caseId, refusal: now })
  const refusal =
    checkAttested({ caseId, recorded, today: now.authority, verify }) ??
    (await checkOpened(db, { ...deps, caseId, recorded }))
  return refusal === null ? { state, recorded } : stop(deps, { caseId, refusal })
}

/** What the case's current step needs an authority for. */
const purposeNow = (state: CaseState): Purpose =>
  purposeOf(state.opened, currentStep(state)?.step.stepId ?? null)

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
        const purpose = purposeNow(view.state)
        const authority = await deps.authority.current(tx, { at: view.at, lock: 'none', purpose })
        if (isRefusal(authority)) return { events: [], answer: authority }
        const events = input.decide(view, authority)
        return isRefusal(events) ? { events: [], answer: events } : { events, answer: null }
      },
    }),
  })
  return recorded
}

export interface StepOf {
  readonly caseId: string
  readonly stepId: string
}

/** A case as it stands before whoever works on it, under the authority of now. */
export interface Setting {
  readonly caseId: string
  readonly opened: CaseOpened
  readonly authority: Authority
  readonly at: string
}

/** The identity on its system. */
export interface Target {
  readonly identity: Identity
  readonly subject: Subject
  readonly connector: Connector
}

/** Work on a target. */
export interface Work extends Setting, Target {
  readonly plan: Plan
}

/** Work in the evidence store alone. */
export interface RecordsWork extends Setting {
  readonly plan: Plan
}

export async function settingOf(deps: ExecutionDeps, state: CaseState): Promise<Setting> {
  const { caseId, opened } = state
  if (opened === null) return stop(deps, { caseId, refusal: refuse('CASE_UNKNOWN', `/${caseId}`) })
  const today = await deps.authority.today(deps.db, purposeNow(state))
  return isRefusal(today) ? stop(deps, { caseId, refusal: today }) : { caseId, opened, ...today }
}

/** The identity and its target, from the verified authority; never from the request. */
export async function targetOf(deps: ExecutionDeps, setting: Setting): Promise<Setting & Target> {
  const { caseId, opened, authority } = setting
  const bad = (code: RefusalCode, where: string) =>
    stop(deps, { caseId, refusal: refuse(code, where) })
  const identity = authority.identities.get(opened.scope.id)
  if (identity === undefined) return bad('IDENTITY_UNKNOWN', '/scope/id')
  const connector = deps.connectorOf(identity.systemId)
  if (connector === undefined || identity.systemId !== opened.systemId)
    return bad('TARGET_UNSUITABLE', '/systemId')
  const { group, credentials } = identity
  return { ...setting, identity, subject: { group, credentials }, connector }
}
