/**
 * The review of a partner: its targets are looked at and what was seen is recorded; then, as of one signed size of
 * the log, its cases are judged again by the verifier's own replay and the review is drawn.
 */

import type { Connector } from '../../connectors/connector.js'
import type { Recorded } from '../../domain/case/case.js'
import { due } from '../../domain/case/due.js'
import { planPartnerReview, unreviewable } from '../../domain/plans/partner-review.js'
import type { AskedOf } from '../../domain/plans/planning.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { type Covered, coveredBy, reviewOf } from '../../domain/review/review.js'
import type { AttestedEvent, EventOf } from '../../domain/shapes/event.js'
import type { Plan, TargetState } from '../../domain/shapes/plan.js'
import { openCheckpoint } from '../../ledger/checkpoint.js'
import { believe } from '../../packet/bundles.js'
import { collectBundles, collectPacks } from '../../packet/export/collect.js'
import { placedEntries, recordedOf, reviewStreams } from '../../packet/export/collect-review.js'
import { rejudging } from '../../packet/verify/rejudge.js'
import { awaitProofs } from '../../store/log/proof.js'
import { logStream } from '../../store/log/successors.js'
import { type ExecutionDeps, ExecutionFault, readCase, record, type Setting } from '../deps.js'

/** More than one review can hold. */
const MAX_IDENTITIES = 500

export async function planReview(
  deps: ExecutionDeps,
  setting: Setting,
  asked: AskedOf<'partner-review'>,
): Promise<Plan | Refusal> {
  const { caseId, opened, authority, at } = setting
  const wrong = unreviewable(asked, at)
  if (wrong !== null) return wrong
  const partnerId = opened.scope.id
  const covered = coveredBy(authority, partnerId)
  if (covered.identities.length > MAX_IDENTITIES)
    return refuse('TARGET_UNSUITABLE', '/scope', `${covered.identities.length} identities at once`)
  const own = await looked(deps, { caseId, covered })
  const logSize = await sizeOver(deps, own)
  if (isRefusal(logSize)) return logSize
  const identities = covered.identities.map(({ identityId }) => identityId)
  const { from, until } = asked
  const scope = { caseId, partnerId, from, until, logSize, identities }
  const evidence = await evidenceOf(deps, { scope, own })
  if (isRefusal(evidence)) return evidence
  const { sources, judge, respondWithinMs, problems, placed } = evidence
  const [problem] = problems
  if (problem !== undefined) return problem
  const review = reviewOf({
    ...{ from, until, partnerId, authority, logSize, own: placed, others: sources },
    ...{ judge, respondWithinMs },
  })
  return planPartnerReview({ ...setting, review }, asked)
}

/** The case's entries, with a look at everything that is covered. It is looked once. */
async function looked(
  deps: ExecutionDeps,
  of: { readonly caseId: string; readonly covered: Covered },
): Promise<readonly Recorded[]> {
  const { caseId, covered } = of
  const { recorded } = await readCase(deps, caseId)
  if (recorded.some(({ event }) => event.type === 'TargetSeen')) return recorded
  const seen = await lookAtAll(deps, covered)
  const attest = deps.attestFor(caseId)
  return record(deps, {
    caseId,
    decide: ({ state, recorded: now }) =>
      due(state).kind !== 'plan' || now.some(({ event }) => event.type === 'TargetSeen')
        ? refuse('NOT_DUE', '/plan')
        : seen.map((event): AttestedEvent => attest(event)),
  })
}

type Look = Omit<EventOf<'TargetSeen'>, 'attestation'>

/** Throws when this process has no connector for one of the systems: another one has. */
async function lookAtAll(
  { connectorOf }: ExecutionDeps,
  { systems, identities }: Covered,
): Promise<readonly Look[]> {
  const looks: Look[] = []
  const look = (of: Omit<Look, 'type'>): number => looks.push({ type: 'TargetSeen', ...of })
  for (const systemId of systems) {
    const connector = connectorOf(systemId)
    if (connector === undefined) throw new ExecutionFault('NO_CONNECTOR')
    look({ systemId, identityId: null, state: await rolesOn(connector) })
    for (const { identityId, group, credentials } of identities.filter(
      (identity) => identity.systemId === systemId,
    ))
      look({ systemId, identityId, state: await connector.state({ group, credentials }) })
  }
  return looks
}

/** Every role that is there, and whether it may log in. */
const rolesOn = async (connector: Connector): Promise<TargetState> =>
  Object.fromEntries((await connector.roles()).map(({ role, login }) => [role, login]))

/** The size of the signed log that holds these entries. */
async function sizeOver(deps: ExecutionDeps, own: readonly Recorded[]): Promise<number | Refusal> {
  const { db, log, published, proofWithinMs: withinMs } = deps
  const hashes = own.map(({ hash }) => hash)
  const proofs = await awaitProofs(db, { hashes, log, published, withinMs, said: 'not yet' })
  if (isRefusal(proofs)) throw new ExecutionFault(proofs.refused)
  const opened = openCheckpoint({ note: proofs[0]?.checkpoint ?? '', ...log })
  return isRefusal(opened) ? opened : opened.checkpoint.size
}

async function evidenceOf(
  deps: ExecutionDeps,
  of: {
    readonly scope: Parameters<typeof reviewStreams>[1]
    readonly own: readonly Recorded[]
  },
) {
  const { db, verify } = deps
  const { scope, own } = of
  const { caseId, logSize } = scope
  const streams = await reviewStreams(db, scope)
  if (isRefusal(streams)) return streams
  const logs = logStream(deps.authority.trust.enterprise)
  const entries = await placedEntries(db, { streams: [...streams, logs], logSize })
  const mine = await placedEntries(db, { streams: [caseId], logSize })
  const used = [...entries.values()].flatMap((one) => {
    const recorded = recordedOf(one)
    return isRefusal(recorded) ? [] : recorded
  })
  const sides = [...entries].flatMap(([stream, list]) =>
    list.map(({ stored }) => ({ stream, seq: stored.entry.seq, bytes: stored.bytes })),
  )
  const all = [...used, ...own]
  const bundles = await collectBundles(db, { recorded: all, sides })
  const packs = await collectPacks(db, { bundles, recorded: all })
  const believed = believe({ bundles, packs, trust: deps.authority.trust, verify })
  const recorded = own.map((item, place) => ({
    ...item,
    index: mine.get(caseId)?.[place]?.index ?? -1,
  }))
  return { ...rejudging({ entries }, { believed, verify }), placed: { caseId, recorded } }
}
