/**
 * The review of a partner, drawn from cases as of one size of the log: which of them count, what changed on the
 * targets, whose clock ran, and what is found. The connector draws it, and a verifier draws it again from the packet.
 */
import type { Authority } from '../authority/authority.js'
import { contractsWith } from '../authority/matter.js'
import { digest } from '../bytes/digest.js'
import { fold } from '../case/evolve.js'
import { findingsIn } from '../case/finding.js'
import { isOnTarget } from '../kinds.js'
import type { Refusal } from '../refusal.js'
import type { Identity } from '../shapes/authority.js'
import type { CaseOpened } from '../shapes/event.js'
import type { PartnerReview, ReviewFinding, ServiceLevel } from '../shapes/review.js'
import { addClocks, clockOf, type Period, stretchesOf } from './clock.js'
import { type Served, serviceLevels } from './service.js'
import {
  changesBetween,
  type Placed,
  type Snapshot,
  type Source,
  snapshotsOf,
  type TargetChange,
} from './target-changes.js'

/** What a partner's contracts cover: systems, and the identities on them that it keeps or a clause names. */
export interface Covered {
  readonly systems: readonly string[]
  readonly identities: readonly Identity[]
}

export function coveredBy(authority: Authority, partnerId: string): Covered {
  const clauses = contractsWith(authority, partnerId).flatMap((contract) => contract.clauses)
  const systems = [...new Set(clauses.flatMap((clause) => clause.systems))].sort()
  const isNamed = ({ identityId }: Identity) =>
    clauses.some((clause) => clause.identities?.includes(identityId))
  return {
    systems,
    identities: [...authority.identities.values()]
      .filter(
        (identity) =>
          systems.includes(identity.systemId) &&
          (identity.custodian === partnerId || isNamed(identity)),
      )
      .toSorted((left, right) => (left.identityId < right.identityId ? -1 : 1)),
  }
}

/** A case with what was asked of whom. */
interface Known extends Source {
  readonly opened: CaseOpened
}

export interface Reviewing extends Period {
  readonly partnerId: string
  readonly authority: Authority
  readonly logSize: number
  /** The review's own entries before its plan. */
  readonly own: Source
  /** Every other case that was read, from its first entry. */
  readonly others: readonly Source[]
  /** Why the case is not what the policy in force then gives; null when it is. */
  readonly judge: (source: Source) => Refusal | null
  /** What the clause gives the partner, as the authority of the opening has it. */
  readonly respondWithinMs: (opened: CaseOpened, at: string) => number | null
}

/** What there is of a source as of this size of the log. */
const asOf = ({ caseId, recorded }: Source, logSize: number): Known | null => {
  const own = recorded.filter(({ index }) => index < logSize)
  const opened = own[0]?.event
  return opened?.type === 'CaseOpened' ? { caseId, recorded: own, opened } : null
}

export function reviewOf(reviewing: Reviewing): PartnerReview {
  const { from, until, logSize, own, others, partnerId } = reviewing
  const known = others
    .flatMap((source) => asOf(source, logSize) ?? [])
    .toSorted((left, right) => (left.caseId < right.caseId ? -1 : 1))
  const previous = previousOf(known, partnerId)
  const acted = known.flatMap((source) => inPeriod(source, reviewing) ?? [])
  const judged = acted.map(({ caseId, recorded }) => {
    const refusal = reviewing.judge({ caseId, recorded })
    return { caseId, code: refusal?.refused ?? null, where: refusal?.where ?? null }
  })
  const changes = changesOf(reviewing, { known, previous })
  const clocks = acted.map(({ caseId, recorded }) => ({
    caseId,
    ...clockOf(stretchesOf(caseId, { recorded, from, until })),
  }))
  const levels = serviceLevels(
    acted.map(
      (one): Served => ({
        ...one,
        respondWithinMs: reviewing.respondWithinMs(one.opened, one.recorded[0]?.at ?? ''),
      }),
    ),
    reviewing,
  )
  const strangers = newRoles(reviewing, { own, previous })
  const findings = [
    ...judged.flatMap(notReproduced),
    ...changes.flatMap(unexplained),
    ...strangers.map(newRole),
    ...levels.flatMap(missedLevel),
  ]
  return {
    ...{ from, until, logSize, previous: previous?.caseId ?? null },
    sources: listed(
      known.map(({ caseId, recorded }) => [caseId, recorded.length, recorded.at(-1)?.hash ?? null]),
    ),
    judged: { ...listed(judged), reproduced: judged.filter(({ code }) => code === null).length },
    changes: { ...listed(changes), explained: changes.filter(({ by }) => by !== null).length },
    clock: { ...listed(clocks), sum: addClocks(clocks) },
    levels: levels.slice(0, MAX_LISTED),
    demands: demandsIn(acted, reviewing),
    findings: findings.slice(0, MAX_LISTED),
    findingsBeyond: Math.max(0, findings.length - MAX_LISTED),
  }
}
const MAX_LISTED = 64

const listed = (list: readonly unknown[]) => ({ count: list.length, digest: digest(list) })

/** The newest review of this partner that its owner signed. */
const previousOf = (known: readonly Known[], partnerId: string): Known | null =>
  known
    .filter(
      ({ caseId, opened, recorded }) =>
        opened.asked.kind === 'partner-review' &&
        opened.scope.id === partnerId &&
        fold(caseId, recorded).outcome === 'completed',
    )
    .toSorted((left, right) => (left.caseId.slice(-26) < right.caseId.slice(-26) ? -1 : 1))
    .at(-1) ?? null

/** What the partner asked for or carried out, up to the end of the period; null when nothing of it is in the period. */
function inPeriod(source: Known, { partnerId, from, until }: Reviewing): Known | null {
  const { opened } = source
  if (opened.executor !== partnerId && opened.requester.companyId !== partnerId) return null
  const recorded = source.recorded.filter(({ at }) => at < until)
  return recorded.some(({ at }) => from <= at) ? { ...source, recorded } : null
}

/** Since the look of the review before, or else since the last look before the period; the first look of all changes nothing. */
function changesOf(
  { authority, partnerId, own, from }: Reviewing,
  { known, previous }: { readonly known: readonly Known[]; readonly previous: Known | null },
): readonly TargetChange[] {
  const targets = known.filter(({ opened }) => isOnTarget(opened.asked))
  const sources = [...targets, ...(previous === null ? [] : [previous]), own]
  return coveredBy(authority, partnerId).identities.flatMap((identity) => {
    const { identityId } = identity
    const all = snapshotsOf(sources, identityId)
    const lookIn = (source: Source | null): Snapshot | undefined =>
      source === null ? undefined : snapshotsOf([source], identityId).at(-1)
    const before = lookIn(previous) ?? all.findLast(({ at }) => at < from) ?? all[0]
    const now = lookIn(own)
    const since = all.filter(
      ({ index }) => index >= (before?.index ?? 0) && index <= (now?.index ?? 0),
    )
    return changesBetween(since, { identity, sources: targets })
  })
}

interface Stranger {
  readonly systemId: string
  readonly role: string
}

/** Roles that were not there at the look of the review before, and are no registered identity's. */
function newRoles(
  { authority }: Reviewing,
  looks: { readonly own: Source; readonly previous: Known | null },
): readonly Stranger[] {
  const rolesIn = (recorded: readonly Placed[]) =>
    new Map(
      recorded.flatMap(({ event }) =>
        event.type === 'TargetSeen' && event.identityId === null
          ? [[event.systemId, event.state] as const]
          : [],
      ),
    )
  const before = rolesIn(looks.previous?.recorded ?? [])
  const registered = new Set(
    [...authority.identities.values()].flatMap(({ systemId, group, credentials }) =>
      [group, ...credentials].map((role) => `${systemId} ${role}`),
    ),
  )
  return [...rolesIn(looks.own.recorded)].flatMap(([systemId, roles]) => {
    const known = before.get(systemId)
    if (known === undefined) return []
    return Object.keys(roles)
      .filter((role) => known[role] === undefined && !registered.has(`${systemId} ${role}`))
      .sort()
      .map((role) => ({ systemId, role }))
  })
}

function demandsIn(acted: readonly Known[], { from, until }: Period): PartnerReview['demands'] {
  const demands = acted.filter(({ opened }) => opened.asked.kind === 'demand')
  const found = demands.flatMap(({ caseId, recorded }) =>
    findingsIn(caseId, recorded)
      .filter(({ at }) => from <= at && at < until)
      .map(({ finding }) => finding),
  )
  const count = (kind: string): number => found.filter((finding) => finding === kind).length
  return {
    asked: demands.length,
    ...{ late: count('late'), missing: count('missing'), rejected: count('rejected') },
  }
}

const finding = (of: ReviewFinding): ReviewFinding => ({
  ...of,
  about: of.about.slice(0, 200),
  detail: of.detail.slice(0, 300).toWellFormed(),
})

const notReproduced = (of: {
  readonly caseId: string
  readonly code: string | null
  readonly where: string | null
}): readonly ReviewFinding[] =>
  of.code === null
    ? []
    : [
        finding({
          finding: 'not-reproduced',
          about: of.caseId,
          detail: `${of.code} at ${of.where}`,
        }),
      ]

const unexplained = ({ identityId, role, attributes, between, by }: TargetChange) =>
  by === null
    ? [
        finding({
          finding: 'unexplained-change',
          about: `${role} of ${identityId}`,
          detail: `${attributes.join(', ')} changed between ${between[0]} and ${between[1]}`,
        }),
      ]
    : []

const newRole = ({ systemId, role }: Stranger): ReviewFinding =>
  finding({
    ...{ finding: 'unexplained-change', about: `${role} on ${systemId}` },
    detail: 'the role was not there at the last review, and is no registered identity’s',
  })

const missedLevel = (level: ServiceLevel): readonly ReviewFinding[] => {
  const { contractId, clauseId, tasks, late, lapsed, contradicted, leasesMissed } = level
  return late + lapsed + contradicted + leasesMissed === 0
    ? []
    : [
        finding({
          ...{ finding: 'service-level', about: `${contractId} ${clauseId}` },
          detail: `of ${tasks} tasks ${late} late, ${lapsed} lapsed; ${contradicted} claims contradicted, ${leasesMissed} leases missed`,
        }),
      ]
}
