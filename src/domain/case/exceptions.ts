/**
 * Exceptions as they stand: which are in force, and which attestations are to be asked for. A completed case of
 * kind exception *is* the exception; a completed case of kind attest is one attestation of it.
 */
import type { AttestTerms, ExceptionTerms } from '../shapes/asked.js'
import type { Deviation } from '../shapes/basic.js'

export interface AcceptedException {
  readonly exceptionId: string
  readonly identityId: string
  readonly terms: ExceptionTerms
  /** ISO time. */
  readonly acceptedAt: string
  readonly attestations: readonly (Omit<AttestTerms, 'exceptionId'> & {
    readonly said: 'yes' | 'no'
  })[]
}

/** Not over, never denied by one who attests it, and every attestation that was due so far is there. */
export const exceptionsInForce = (
  exceptions: readonly AcceptedException[],
  at: string,
): readonly AcceptedException[] =>
  exceptions.filter(
    (exception) =>
      at < exception.terms.until &&
      !isDenied(exception) &&
      attestersOf(exception).every((person) => firstMissing(exception, person) > at),
  )

/** Whether this identity may deviate from this rule at this time. */
export const isExcepted = (
  exceptions: readonly AcceptedException[],
  of: { readonly identityId: string; readonly deviation: Deviation; readonly at: string },
): boolean =>
  exceptionsInForce(exceptions, of.at).some(
    ({ identityId, terms }) => identityId === of.identityId && terms.deviation === of.deviation,
  )

type Owed = AttestTerms & { readonly identityId: string }

/** The oldest attestation that each person still owes, from some time before it is due. A late one ends the suspension. */
export const attestationsToAsk = (
  exceptions: readonly AcceptedException[],
  at: string,
): readonly Owed[] =>
  owed(exceptions, at)
    .filter(({ dueAt, terms }) => dueAt < terms.until && shifted(dueAt, -leadOf(terms)) <= at)
    .map(({ terms: _, ...asked }) => asked)

/** Those that are due, and were not given. */
export const attestationsMissed = (
  exceptions: readonly AcceptedException[],
  at: string,
): readonly Owed[] =>
  owed(exceptions, at)
    .filter(({ dueAt, terms }) => dueAt < terms.until && dueAt <= at)
    .map(({ terms: _, ...asked }) => asked)

/** The oldest that each person has not given, of exceptions that are not over and were never denied. */
const owed = (
  exceptions: readonly AcceptedException[],
  at: string,
): readonly (Owed & { readonly terms: ExceptionTerms })[] =>
  exceptions
    .filter((exception) => at < exception.terms.until && !isDenied(exception))
    .flatMap((exception) =>
      attestersOf(exception).map((attestedBy) => ({
        ...{ exceptionId: exception.exceptionId, identityId: exception.identityId },
        ...{ attestedBy, dueAt: firstMissing(exception, attestedBy) },
        terms: exception.terms,
      })),
    )

/** The compensating controls that this person attests. */
export const controlsOf = ({ terms }: AcceptedException, attestedBy: string): readonly string[] =>
  terms.controls.filter((control) => control.attestedBy === attestedBy).map((c) => c.controlId)

/** Tests whether an attestation falls due at this time. */
export function isDueDate({ acceptedAt, terms }: AcceptedException, dueAt: string): boolean {
  const since = Date.parse(dueAt) - Date.parse(acceptedAt)
  return since > 0 && since % terms.attestEveryMs === 0 && dueAt < terms.until
}

const MAX_LEAD_MS = 7 * 86_400_000
const leadOf = ({ attestEveryMs }: ExceptionTerms): number =>
  Math.min(Math.ceil(attestEveryMs / 2), MAX_LEAD_MS)

const isDenied = ({ attestations }: AcceptedException): boolean =>
  attestations.some(({ said }) => said === 'no')

const attestersOf = ({ terms }: AcceptedException): readonly string[] =>
  [...new Set(terms.controls.map(({ attestedBy }) => attestedBy))].sort()

function firstMissing(exception: AcceptedException, person: string): string {
  const { acceptedAt, terms, attestations } = exception
  const given = new Set(
    attestations.filter(({ attestedBy }) => attestedBy === person).map(({ dueAt }) => dueAt),
  )
  let dueAt = shifted(acceptedAt, terms.attestEveryMs)
  while (given.has(dueAt)) dueAt = shifted(dueAt, terms.attestEveryMs)
  return dueAt
}

const shifted = (at: string, ms: number): string => new Date(Date.parse(at) + ms).toISOString()
