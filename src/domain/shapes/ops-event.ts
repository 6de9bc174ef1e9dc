/** The entries of the stream `ops`: who looked after the system, who took evidence away, and who was erased, when and what for. They change nothing. */
import { z } from 'zod'
import {
  AuthorityReference,
  CaseId,
  CaseKind,
  CompanyId,
  Count,
  DigestText,
  IdentityId,
  ObjectiveId,
  PersonId,
  Time,
} from './basic.js'

export const OPERATIONS = [
  'list-stuck',
  'who',
  'drain',
  'why',
  'nudge',
  'reattach',
  'processes',
] as const

export const OperatorActed = z.strictObject({
  type: z.literal('OperatorActed'),
  act: z.enum(OPERATIONS),
  /** Null for what is asked about all cases. */
  caseId: CaseId.nullable(),
  personId: PersonId,
  authority: AuthorityReference,
})
export type OperatorActed = z.infer<typeof OperatorActed>

/** Which cases evidence is asked for; null asks for any. A case is of a period in which it was open at some moment. */
export const EvidenceQuery = z.strictObject({
  identity: IdentityId.nullable(),
  partner: CompanyId.nullable(),
  objective: ObjectiveId.nullable(),
  /** Sorted. */
  kinds: z.array(CaseKind).min(1).nullable(),
  from: Time.nullable(),
  until: Time.nullable(),
  /** By whose calendar the period was meant; `from` and `until` are instants all the same. */
  zone: z.string().regex(/^[A-Za-z0-9_+/-]{1,64}$/),
})
export type EvidenceQuery = z.infer<typeof EvidenceQuery>

/** Who took the evidence of which cases away, and how far each had come: what is dropped from it later is missed. */
export const EvidenceExported = z.strictObject({
  type: z.literal('EvidenceExported'),
  query: EvidenceQuery,
  cases: Count,
  /** Digest of the list of cases, each with its number of entries and the hash of the last. */
  population: DigestText,
  personId: PersonId,
  authority: AuthorityReference,
})
export type EvidenceExported = z.infer<typeof EvidenceExported>

/** Whose name, address and reasons were erased, and by whom. It says nothing of what they were. */
export const PersonErased = z.strictObject({
  type: z.literal('PersonErased'),
  personId: PersonId,
  name: z.enum(['erased', 'none']),
  reasons: Count,
  by: PersonId,
  authority: AuthorityReference,
})
export type PersonErased = z.infer<typeof PersonErased>
