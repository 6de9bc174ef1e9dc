/**
 * The execution gate: the one place where a right to change a target arises. One transaction on the
 * primary, in the connector's process, under the only database role that may write grants. It holds
 * the fences FOR SHARE and then the case, so that a fence or a decline either commits before and is
 * seen, or waits. It never reads Temporal. Grant and intent are one entry.
 */

import { countAgain, termsAgain } from '../../domain/approval/count.js'
import type { Authority } from '../../domain/authority/authority.js'
import { judgedUnder, purposeOf } from '../../domain/authority/grace.js'
import { canonical, digest } from '../../domain/bytes/digest.js'
import type { Attest, Attestor } from '../../domain/case/attestation.js'
import { type CaseState, type StepState, stepOf } from '../../domain/case/case.js'
import { fence } from '../../domain/decide/ending.js'
import { grant, refuseAtGate } from '../../domain/decide/execution.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import type { CaseOpened } from '../../domain/shapes/event.js'
import type { TargetState } from '../../domain/shapes/plan.js'
import type { Pack } from '../../domain/shapes/policy.js'
import type { Requirement } from '../../domain/shapes/requirement.js'
import { type Db, prepared, type Tx, transaction } from '../db.js'
import type { Memory } from '../log/memory.js'
import type { HeldInvolved } from '../streams/emergency-uses.js'
import { type HeldFences, holdFences, isCut } from '../streams/fences.js'
import { holdMandate } from '../streams/mandates.js'
import { type Applied, applyIn, type Change, openedOf, type View } from './apply.js'
import { holdInvolved } from './involved.js'
import {
  checkAttested,
  checkOpened,
  type Following,
  type JudgedBy,
  openingAuthority,
} from './judged.js'

export interface GateDeps extends JudgedBy, Following {
  readonly db: Db
  readonly attestFor: (caseId: string) => Attest
  readonly attestor: Attestor
  /** What this process has judged by, kept outside the database. */
  readonly memory: Memory
  readonly newId: () => string
}

export interface Asked {
  readonly caseId: string
  readonly stepId: string
  /** The target as observed just before; compared with what was signed. */
  readonly preState: TargetState
}

export type GateAnswer =
  | { readonly gate: 'granted'; readonly grantId: string; readonly fencingToken: number }
  | { readonly gate: 'refused'; readonly refusal: Refusal }

export const passGate = (deps: GateDeps, asked: Asked): Promise<Applied<GateAnswer> | Refusal> =>
  transaction(deps.db, async (tx) => {
    const { caseId } = asked
    const opened = await openedOf(tx, caseId)
    const fences = await holdFences(tx, { ...deps, ...asked, opened })
    if (isRefusal(fences)) return fences
    const involved = await holdInvolved(tx, { ...deps, caseId })
    if (isRefusal(involved)) return involved
    return applyIn(tx, {
      caseId: asked.caseId,
      decide: (view) =>
        decideAtGate({ deps, asked, tx, fenced: { opened, fences }, involved, view }),
    })
  })

interface AtGate {
  readonly deps: GateDeps
  readonly asked: Asked
  readonly tx: Tx
  /** The fences held, and the opening that said which they are. */
  readonly fenced: { readonly opened: CaseOpened | null; readonly fences: HeldFences }
  readonly involved: HeldInvolved
  readonly view: View
}

async function decideAtGate(at: AtGate): Promise<Change<GateAnswer>> {
  const { deps, asked, view } = at
  const { fences } = at.fenced
  const attest = deps.attestFor(asked.caseId)
  if (fences.raised !== null) return fenced({ at, raised: fences.raised })
  const checked = await checkAll(at)
  if (isRefusal(checked)) return refusedChange({ at, refusal: checked })
  const grantId = deps.newId()
  const token = await insertGrant(at, grantId)
  if (token === null)
    return refusedChange({ at, refusal: refuse('ALREADY_GRANTED', `/grants/${asked.stepId}`) })
  const events = grant(view.state, {
    stepId: asked.stepId,
    grantId,
    fencingToken: token,
    decisionIds: checked.decided.decisionIds,
    authority: judgedUnder(checked.authority, view.at),
    attest,
  })
  // The step was asked to be satisfied above, under the same lock.
  if (isRefusal(events)) throw new TypeError(`a checked grant was refused: ${events.refused}`)
  await checked.decided.recordUse(grantId)
  await at.involved.recordUse({ view, stepId: asked.stepId, grantId, ...checked.decided })
  return { events, answer: { gate: 'granted', grantId, fencingToken: token } }
}

const refusedChange = ({ at, refusal }: { at: AtGate; refusal: Refusal }): Change<GateAnswer> => {
  const { deps, asked, view } = at
  const events = refuseAtGate(view.state, {
    stepId: asked.stepId,
    refusal,
    attest: deps.attestFor(asked.caseId),
  })
  return { events: isRefusal(events) ? [] : events, answer: { gate: 'refused', refusal } }
}

function fenced({
  at,
  raised,
}: {
  at: AtGate
  raised: NonNullable<HeldFences['raised']>
}): Change<GateAnswer> {
  const refusal = refuse('FENCED', `/fences/${raised.scope.kind}`)
  const closing = fence(at.view.state, raised)
  const change = refusedChange({ at, refusal })
  return isRefusal(closing) ? change : { ...change, events: [...change.events, ...closing] }
}

interface Checked {
  readonly authority: Authority
  readonly decided: Decided
}

/** What the grant arises from: decisions, or a mandate, whose use is recorded with the grant. */
interface Decided {
  readonly decisionIds: readonly string[]
  readonly recordUse: (grantId: string) => Promise<void>
}

/** Every question again, against today's authority and policy and the stored bytes. The order is from cheap to dear. */
async function checkAll(at: AtGate): Promise<Checked | Refusal> {
  const { deps, asked, tx, view } = at
  const { state } = view
  const step = stepOf(state, asked.stepId)
  const { opened, plan } = state
  if (state.ending !== null || state.outcome !== null) return refuse('NOT_DUE', '/ending')
  if (step?.phase !== 'satisfied' || step.gate === null || opened === null || plan === null)
    return refuse('NOT_DUE', `/steps/${asked.stepId}`)
  if (digest(plan) !== state.planHash) return refuse('PLAN_TAMPERED', '/plan')
  if (digest(asked.preState) !== step.gate.preStateHash)
    return refuse(
      'PRESTATE_CHANGED',
      '/preState',
      changedAttributes(state, { step, now: asked.preState, view }),
    )
  const purpose = purposeOf(opened, asked.stepId)
  const authority = await deps.authority.current(tx, { at: view.at, lock: 'share', purpose })
  if (isRefusal(authority)) return authority
  const forged = await checkWritten(at, authority)
  if (forged !== null) return forged
  const loaded = await deps.packs(tx, { authority, at: view.at })
  if (isRefusal(loaded)) return loaded
  const { pack, hash: packHash } = loaded
  // Afterwards owner, contract and requirement are still what was signed for.
  const terms = {
    opened,
    state,
    step,
    authority,
    pack,
    packHash,
    ...at.involved,
    at: view.at,
  }
  const requirement = termsAgain(terms)
  if (isRefusal(requirement)) return requirement
  const decided = await whatDecided({ at, step, authority, pack, requirement })
  return isRefusal(decided) ? decided : { authority, decided }
}

/** What stands in the case was written by those who may, and the fences held are those of its opening. */
async function checkWritten(at: AtGate, today: Authority): Promise<Refusal | null> {
  const { deps, tx, view, fenced } = at
  const { caseId, opened } = view.state
  const { recorded } = view
  const tampered = checkAttested({ caseId, recorded, today, verify: deps.verify })
  if (tampered !== null) return tampered
  if (canonical(fenced.opened) !== canonical(opened))
    return refuse('EVIDENCE_TAMPERED', '/entries/1', 'it was another one a moment ago')
  return (await checkOpened(tx, { ...deps, caseId, recorded })) ?? (await checkCut(at))
}

/** A containment is granted only behind a signed fence that cuts its identity, whoever opened the case. */
async function checkCut({ deps, tx, view }: AtGate): Promise<Refusal | null> {
  const { opened, openedAt } = view.state
  if (opened?.asked.kind !== 'contain') return null
  const { fenceId } = opened.asked
  const identityId = opened.scope.id
  const { authority: source, verify } = deps
  const at = openedAt ?? view.at
  const authority = await openingAuthority(tx, { event: opened, at, source })
  if (isRefusal(authority)) return authority
  const cut = await isCut(tx, { fenceId, identityId, authority, verify })
  return cut
    ? null
    : refuse('ENTRY_MISSING', '/asked/fenceId', 'no signed fence cuts this identity')
}

async function whatDecided(asking: {
  readonly at: AtGate
  readonly step: StepState
  readonly authority: Authority
  readonly pack: Pack
  readonly requirement: Requirement
}): Promise<Decided | Refusal> {
  const { step, authority, pack, requirement } = asking
  const { deps, asked, tx, view } = asking.at
  const { verify } = deps
  const { state, at } = view
  if (step.mandateId === null) {
    const { recorded } = view
    const { involved } = asking.at.involved
    const counting = { state, recorded, step, requirement, authority, verify, at, involved }
    const decisionIds = countAgain(counting)
    return isRefusal(decisionIds)
      ? decisionIds
      : { decisionIds, recordUse: () => Promise.resolve() }
  }
  const { caseId, stepId } = asked
  const use = { state, stepId, authority, pack, verify, at }
  const held = await holdMandate(tx, { ...deps, use, caseId, mandateId: step.mandateId })
  return isRefusal(held) ? held : { decisionIds: [], recordUse: held.recordUse }
}

function changedAttributes(
  state: CaseState,
  input: { step: StepState; now: TargetState; view: View },
): string {
  const opened = input.view.recorded.find(({ hash }) => hash === input.step.gate?.nonce)?.event
  const signed: TargetState = opened?.type === 'GateOpened' ? opened.preState : {}
  const names = (state.plan?.attributes ?? []).filter((name) => signed[name] !== input.now[name])
  return `changed on the target since: ${names.join(', ')}`.slice(0, 300).toWellFormed()
}

/** A grant is minted once for each opening of a gate; null when it was. */
async function insertGrant(at: AtGate, grantId: string): Promise<number | null> {
  const { asked, view, tx } = at
  const round = stepOf(view.state, asked.stepId)?.round ?? 0
  const { rows } = await tx.query<{ fencing_token: string }>(
    prepared(
      `insert into grants (grant_id, case_id, step_id, plan_hash, round) values ($1, $2, $3, $4, $5)
       on conflict do nothing returning fencing_token`,
      [grantId, asked.caseId, asked.stepId, view.state.planHash, round],
    ),
  )
  const [row] = rows
  return row === undefined ? null : Number(row.fencing_token)
}
