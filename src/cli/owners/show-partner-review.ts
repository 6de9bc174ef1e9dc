/** The review of a partner as its owner reads it: what was judged, what changed, whose clock ran, what is found. */
import type { Plan } from '../../domain/shapes/plan.js'
import type { ServiceLevel } from '../../domain/shapes/review.js'

export function partnerReviewLines({ about }: Plan): readonly string[] {
  if (about.kind !== 'partner-review') return []
  const { judged, changes, clock, demands, sources, levels, findings, findingsBeyond } = about
  const { partner, enterprise, system, window } = clock.sum
  return [
    `period        ${about.from} until ${about.until}`,
    `drawn from    ${sources.count} case(s), as of ${about.logSize} entries of the log`,
    `since         ${about.previous ?? 'never reviewed before: the first look compares with the last case of each identity'}`,
    `judged again  ${judged.reproduced} of ${judged.count} case(s) are what the policy then in force gives`,
    `changes       ${changes.explained} of ${changes.count} on the targets are explained by a case`,
    `whose clock   partner ${seconds(partner)}, enterprise ${seconds(enterprise)}, system ${seconds(system)}, window ${seconds(window)}`,
    ...levels.map(levelLine),
    `demands       ${demands.asked} asked, ${demands.late} late, ${demands.missing} missing, ${demands.rejected} rejected`,
    ...findings.map(
      ({ finding, about: what, detail }, place) =>
        `FINDING ${String(place + 1).padEnd(6)}${finding}: ${what}: ${detail}`,
    ),
    ...(findingsBeyond === 0 ? [] : [`FINDINGS      ${findingsBeyond} more`]),
  ]
}

const levelLine = (level: ServiceLevel): string =>
  [
    `clause        ${level.contractId} ${level.clauseId}: ${level.tasks} task(s),`,
    `${seconds(level.partnerMs)} with the partner, longest ${seconds(level.longestMs)}`,
    `(${level.respondWithinMs === null ? 'no time is given' : `${seconds(level.respondWithinMs)} each`});`,
    `${level.late} late, ${level.lapsed} lapsed, ${level.contradicted} contradicted, ${level.leasesMissed} lease(s) missed`,
  ].join(' ')

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`
