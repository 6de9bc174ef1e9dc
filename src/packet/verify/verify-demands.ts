/**
 * The demands in a packet: the documents that were handed in, and the demand or review that a dispute is about. Its
 * entries are proved and read strictly, and what follows from them is found again; that each of them was due is
 * said by its own packet.
 */

import { digestOf } from '../../domain/bytes/digest.js'
import type { Recorded } from '../../domain/case/case.js'
import { type Finding, findingsIn } from '../../domain/case/finding.js'
import { documentsNamed } from '../../domain/plans/demand.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import type { Files } from '../archive.js'
import { documentNamed, sideEntryFile } from '../files.js'
import { readRecorded } from '../told.js'
import type { Sides } from './verify-sides.js'

/** What follows from each demand and review of the packet, and where in the log that is final. */
export type Findings = ReadonlyMap<string, readonly (Finding & { readonly index: number })[]>

const FINDING = ['demand:', 'partner-review:']

export function verifyDemands(sides: Pick<Sides, 'entries'>): {
  readonly findings: Findings
  readonly problems: readonly Refusal[]
} {
  const findings = new Map<string, readonly (Finding & { readonly index: number })[]>()
  const problems: Refusal[] = []
  for (const [stream, entries] of sides.entries) {
    if (!FINDING.some((kind) => stream.startsWith(kind))) continue
    const recorded: Recorded[] = []
    for (const { stored } of entries) {
      const one = readRecorded(stored)
      if (isRefusal(one))
        problems.push(refuse('EVIDENCE_TAMPERED', sideEntryFile(stream, stored.entry.seq)))
      else recorded.push(one)
    }
    const found = findingsIn(stream, recorded)
    const closed = entries.find(({ stored }) => stored.entry.body.type === 'CaseClosed')
    if (closed !== undefined)
      findings.set(
        stream,
        found.map((one) => ({ ...one, index: closed.index })),
      )
  }
  return { findings, problems }
}

/** Afterwards each document of the packet is, byte for byte, one that a claim of the case signs. One that was erased is absent. */
export function documentProblems(files: Files, recorded: readonly Recorded[]): readonly Refusal[] {
  const named = documentsNamed(recorded)
  return [...files].flatMap(([name, bytes]) => {
    const stated = documentNamed(name)
    if (stated === null || (named.includes(stated) && digestOf(bytes) === stated)) return []
    return [refuse('PACKET_INVALID', name, 'not a document that a claim of the case hands in')]
  })
}
