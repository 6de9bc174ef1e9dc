/**
 * A *statement* is an in-toto Statement v1: what a connector attests of one event of a case, in the form that tools
 * for attestations read. Its subjects are the digests of what it speaks of; its predicate is the event itself.
 */
import { canonicalBytes, type Digest, digest } from '../bytes/digest.js'

export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1'
/** The schema of the predicate is in docs/statements.md. */
export const PREDICATE_TYPE = 'urn:countersign:attestation:v1'

/** What an event names by digest, and how its statement calls that. */
const NAMED = {
  plan: 'planHash',
  requirement: 'requirementHash',
  'pre-state': 'preStateHash',
} as const

interface Subject {
  readonly name: string
  readonly digest: { readonly sha256: string }
}

const subject = (name: string, hash: Digest): Subject => ({
  name,
  digest: { sha256: hash.slice('sha256:'.length) },
})

/** The event is meant without its attestation. */
export function statementOf({
  caseId,
  event,
}: {
  readonly caseId: string
  readonly event: object
}) {
  const fields = new Map<string, unknown>(Object.entries(event))
  const named = Object.entries(NAMED).flatMap(([name, field]) => {
    const hash = fields.get(field)
    return isDigest(hash) ? [subject(name, hash)] : []
  })
  return {
    _type: STATEMENT_TYPE,
    subject: [subject('event', digest(event)), ...named],
    predicateType: PREDICATE_TYPE,
    predicate: { caseId, event },
  }
}

export const statementBytes = (of: Parameters<typeof statementOf>[0]): Uint8Array =>
  canonicalBytes(statementOf(of))

const isDigest = (value: unknown): value is Digest =>
  typeof value === 'string' && value.startsWith('sha256:')
