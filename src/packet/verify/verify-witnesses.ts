/**
 * Who vouches for the log besides its own key: of the witnesses whom the verifier names, never the packet, those
 * that cosigned its checkpoint, and whether the verifier's own quorum of them is met.
 */

import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import type { Trust } from '../../domain/shapes/authority.js'
import type { Verify } from '../../domain/signed/envelope.js'
import { cosignatureVerifier, cosignedAt } from '../../ledger/cosignature.js'
import type { NoteVerifier } from '../../ledger/note-key.js'
import { isQuorum, parseWitnessPolicy, type WitnessPolicy } from '../../ledger/witness-policy.js'

export interface Witnessed {
  /** `single party` when no witness of the verifier's cosigned. */
  readonly witnesses: 'single party' | `witnessed by ${number} of ${number}`
  /** By name in the verifier's policy; when, by the witness's own clock. */
  readonly cosigned: readonly { readonly name: string; readonly at: string }[]
  readonly quorum: 'met' | 'not met' | 'not asked'
}

export const SINGLE_PARTY: Witnessed = {
  ...{ witnesses: 'single party', cosigned: [], quorum: 'not asked' },
}

const NOBODY: WitnessPolicy = { witnesses: [], quorum: { kind: 'none' } }

/** The witnesses that a trust file names; nobody when it names none. */
export function witnessesIn(trust: Trust): WitnessPolicy | Refusal {
  if (trust.witnesses === undefined) return NOBODY
  const policy = parseWitnessPolicy(trust.witnesses.join('\n'))
  return isRefusal(policy)
    ? refuse(policy.refused, 'trust/witnesses', `${policy.where}: ${policy.detail}`)
    : policy
}

export const verifiersOf = (policy: WitnessPolicy, verify: Verify): readonly NoteVerifier[] =>
  policy.witnesses.map(({ key }) => cosignatureVerifier({ ...key, verify }))

/** `note` was opened with these verifiers: every cosignature of theirs under it is good. */
export function witnessedBy(
  policy: WitnessPolicy,
  opened: { readonly note: string; readonly verifiers: readonly NoteVerifier[] },
): Witnessed {
  const cosigned = policy.witnesses.flatMap(({ name }, index) => {
    const verifier = opened.verifiers[index]
    const seconds = verifier === undefined ? null : cosignedAt(opened.note, verifier)
    return seconds === null ? [] : [{ name, at: isoOf(seconds) }]
  })
  const names = new Set(cosigned.map(({ name }) => name))
  const { witnesses, quorum } = policy
  return {
    witnesses:
      cosigned.length === 0
        ? 'single party'
        : `witnessed by ${cosigned.length} of ${witnesses.length}`,
    cosigned,
    quorum: quorum.kind === 'none' ? 'not asked' : isQuorum(quorum, names) ? 'met' : 'not met',
  }
}

/** As far as a date can say; a witness may claim any second. */
function isoOf(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? `second ${seconds}` : date.toISOString()
}
