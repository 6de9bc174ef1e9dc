/** A page of a campaign in the evidence store: what is known of its items, and what follows from its decision. */

import type { AskedOf } from '../../domain/plans/planning.js'
import { type Known, planRecertification } from '../../domain/plans/recertify.js'
import { revokedIn } from '../../domain/policy/choice.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { scopesAround } from '../../domain/rights/fence.js'
import type { Plan, TargetState } from '../../domain/shapes/plan.js'
import { transaction } from '../../store/db.js'
import {
  ensureRevocation,
  type Past,
  pastOf,
  type Revocation,
  revocationOf,
} from '../../store/schedule/recertification.js'
import { standingAround } from '../../store/streams/fences.js'
import { type ExecutionDeps, type RecordsWork, readCase, type Setting } from '../deps.js'
import { type Doing, done, refused, type Seen } from '../seen.js'

export async function planPage(
  deps: ExecutionDeps,
  { setting, asked }: { readonly setting: Setting; readonly asked: AskedOf<'recertify'> },
): Promise<Plan | Refusal> {
  const { at, opened } = setting
  const known: Known[] = []
  const pasts = await pastOf(deps.db, { identities: asked.identities, at })
  for (const id of asked.identities) {
    const past = pasts.find(({ identityId }) => identityId === id)
    if (past === undefined) throw new TypeError('the store answered for other identities')
    const item = await knownOf(deps, { setting, past })
    if (isRefusal(item)) return item
    known.push(item)
  }
  return planRecertification({ opened, at, known }, asked)
}

async function knownOf(
  deps: ExecutionDeps,
  { setting, past }: { readonly setting: Setting; readonly past: Past },
): Promise<Known | Refusal> {
  const { identityId } = past
  const identity = setting.authority.identities.get(identityId)
  if (identity === undefined) return refuse('IDENTITY_UNKNOWN', '/asked/identities', identityId)
  const { authority, verify } = deps
  const scopes = scopesAround(identity)
  const fences = await transaction(deps.db, (tx) =>
    standingAround(tx, { scopes, identityId, authority, verify }),
  )
  if (isRefusal(fences)) return fences
  const { tier, systemId, need } = identity
  return {
    ...{ identityId, tier, systemId, needUntil: need.until, fences: fences.length },
    ...{ rotatedAt: past.rotatedAt, recertifiedAt: past.recertifiedAt, ownerThen: past.ownerThen },
    ...{ exceptions: [...past.exceptions], contained: past.contained },
  }
}

/** Of each item: who owns it now, and once it was decided how far its revocation is. */
export async function stateOfPage(
  deps: ExecutionDeps,
  { caseId, authority, plan }: Setting & { readonly plan: Plan | null },
): Promise<TargetState> {
  if (plan?.about.kind !== 'recertify') return {}
  const { recorded } = await readCase(deps, caseId)
  const revoked = revokedIn(recorded)
  const state: TargetState = {}
  for (const { identityId } of plan.about.items) {
    const owner = authority.identities.get(identityId)?.ownerId ?? 'nobody'
    const kept = revoked?.includes(identityId) !== true
    const word =
      revoked === null
        ? 'undecided'
        : kept
          ? 'kept'
          : await wordOf(deps, { identityId, pageId: caseId })
    state[identityId] = `owned by ${owner}, ${word}`
  }
  return state
}

async function wordOf(
  deps: ExecutionDeps,
  of: { readonly identityId: string; readonly pageId: string },
): Promise<string> {
  const revocation = await revocationOf(deps.db, of)
  return revocation === null ? 'revoked: no case yet' : `revoked: ${inWords(revocation)}`
}

const inWords = ({ caseId, is }: Revocation): string => `${is} in ${caseId}`

/** Each revoked identity has its deprovision afterwards, but for those whose request was refused, which is observed. */
export async function openRevocations(doing: Omit<Doing<never, RecordsWork>, 'op'>): Promise<Seen> {
  const revocations = await revocationsOf(doing)
  if (revocations === null) return refused('QUORUM_MISSING', { decided: 'by nobody' })
  return done(observedOf(revocations), ['page-decided'])
}

/** Looks once and never waits: whoever signs sees in the gate's pre-state how far each revocation is. */
export async function proveRevocations(
  doing: Omit<Doing<never, RecordsWork>, 'op'>,
): Promise<Seen> {
  const revocations = await revocationsOf(doing)
  if (revocations === null) return refused('QUORUM_MISSING', { decided: 'by nobody' })
  const observed = observedOf(revocations)
  const isProved = (one: Revocation | Refusal) => !isRefusal(one) && one.is === 'proved'
  return [...revocations.values()].every(isProved)
    ? done(observed, ['revocations-proved'])
    : refused('DEATH_UNPROVED', observed)
}

type Revocations = ReadonlyMap<string, Revocation | Refusal>

async function revocationsOf({
  deps,
  work,
  grantId,
}: Omit<Doing<never, RecordsWork>, 'op'>): Promise<Revocations | null> {
  const { caseId: pageId, opened } = work
  const revoked = revokedIn((await readCase(deps, pageId)).recorded)
  if (revoked === null) return null
  const companyId = opened.executor
  const revocations = new Map<string, Revocation | Refusal>()
  for (const identityId of revoked)
    revocations.set(
      identityId,
      await ensureRevocation(deps, { identityId, pageId, grantId, companyId }),
    )
  return revocations
}

const observedOf = (revocations: Revocations): Record<string, string> =>
  Object.fromEntries(
    [...revocations].map(([identityId, one]) => [
      identityId,
      isRefusal(one) ? `${one.refused}: ${one.detail}`.slice(0, 400) : inWords(one),
    ]),
  )
