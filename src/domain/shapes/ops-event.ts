/** The entries of the stream `ops`: who looked after the system, who took evidence away, who was erased, what is held and what was purged. They change no case. */
import { z } from 'zod'
import {
  Attestation,
  AuthorityReference,
  CaseId,
  CaseKind,
  CompanyId,
  Count,
  DigestText,
  IdentityId,
  ObjectiveId,
  Origin,
  PersonId,
  SystemId,
  Time,
  Ulid,
} from './basic.js'
import { Envelope, HoldScope } from './envelope.js'
import { MAX_SHORTER, ShorterStream } from './successor-log.js'

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
  /** Cases of the query that policy had let go before, if any: they are not in it. */
  purged: Count.optional(),
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

export const HoldPlaced = z.strictObject({
  type: z.literal('HoldPlaced'),
  holdId: Ulid,
  scope: HoldScope,
  envelope: Envelope,
  authority: AuthorityReference,
})
export type HoldPlaced = z.infer<typeof HoldPlaced>

export const HoldReleased = z.strictObject({
  type: z.literal('HoldReleased'),
  holdId: Ulid,
  envelope: Envelope,
  authority: AuthorityReference,
})
export type HoldReleased = z.infer<typeof HoldReleased>

/** Of which case, when and with which entry it closed, and the rules by which it was let go. */
export const PurgedCase = z.strictObject({
  caseId: CaseId,
  closedAt: Time,
  closing: DigestText,
  rules: z.array(z.string().max(64)).min(1).max(20),
  keptMs: z.int().min(0),
})
export type PurgedCase = z.infer<typeof PurgedCase>

/** Purged in one go: what an entry holds. */
export const MOST_PURGED = 100

/** What could be erased of these cases is gone, by the rules of this pack; it says nothing of what it was. */
export const CasesPurged = z.strictObject({
  type: z.literal('CasesPurged'),
  cases: z.array(PurgedCase).min(1).max(MOST_PURGED),
  pack: DigestText,
  removed: z.strictObject({
    ...{ reasons: Count, documents: Count, deliveries: Count, secrets: Count },
  }),
  by: PersonId,
  authority: AuthorityReference,
})
export type CasesPurged = z.infer<typeof CasesPurged>

/** More than this needs another backup, or a fence around systems. */
export const MAX_UNKNOWN = 150

/** What a target shows of an identity that the store does not: it is stopped before the log goes on. */
export const Unknown = z.strictObject({
  identityId: IdentityId,
  /** `grant`: done under a grant that no entry gives. `outcome`: under one whose outcome no entry tells. `change`: by no case at all. */
  what: z.enum(['grant', 'outcome', 'change']),
  detail: z.string().max(160),
})
export type Unknown = z.infer<typeof Unknown>

/** After a restore: a connector looked at every identity's target and into its own memory. */
export const TargetsReconciled = z.strictObject({
  type: z.literal('TargetsReconciled'),
  /** Of the log as it was found. */
  log: z.strictObject({ origin: Origin, size: Count }),
  /** The systems on which it saw every identity. */
  systems: z.array(SystemId).max(200),
  unknown: z.array(Unknown).max(MAX_UNKNOWN),
  shorter: z.array(ShorterStream).max(MAX_SHORTER),
  /** The newest bundle that the connector has believed, where the store has an older one. */
  newerAuthority: AuthorityReference.nullable(),
  attestation: Attestation,
})
export type TargetsReconciled = z.infer<typeof TargetsReconciled>
