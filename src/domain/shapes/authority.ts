/**
 * The authority bundle: who is who, signed. The offline root key delegates to signers with scope and
 * expiry; each signs its section; the manifest binds the sections to one version. Persons are opaque
 * ids with salted commitments; names and addresses live in an erasable side store.
 */
import { z } from 'zod'
import {
  Assurance,
  Base64,
  CaseKind,
  CompanyId,
  ConsumerId,
  ContractId,
  DigestText,
  EnterpriseId,
  IdentityId,
  KeyId,
  Ms,
  ObjectiveId,
  Origin,
  Outcome,
  PackId,
  PersonId,
  Span,
  SystemId,
  TargetName,
  Tier,
  Time,
} from './basic.js'
import { Envelope } from './envelope.js'

/** Raw Ed25519 public key (32 bytes) or uncompressed P-256 point (65 bytes), base64. */
export const PublicKey = z.strictObject({
  keyId: KeyId,
  alg: z.enum(['ed25519', 'es256']),
  publicKey: Base64,
})
export type PublicKey = z.infer<typeof PublicKey>

export const SectionName = z.enum(['people', 'ownership', 'contracts', 'policy'])
export type SectionName = z.infer<typeof SectionName>
const SignerScope = z.enum(['people', 'ownership', 'contracts', 'policy', 'manifest'])

/** Who may verify what: held outside the database, in the connector's and the verifier's configuration. */
export const Trust = z.strictObject({
  enterprise: EnterpriseId,
  rootKeys: z.array(PublicKey).min(1).max(8),
  threshold: z.int().min(1).max(8),
  minimumRootVersion: z.int().min(1),
  minimumBundleVersion: z.int().min(1),
  /** Lines of a C2SP tlog-policy: whose cosignatures count for whoever verifies. Without them the log is single-party. */
  witnesses: z.array(z.string().max(1000)).max(300).optional(),
})
export type Trust = z.infer<typeof Trust>

export const Root = z.strictObject({
  type: z.literal('root'),
  v: z.literal(1),
  enterprise: EnterpriseId,
  version: z.int().min(1),
  issuedAt: Time,
  expiresAt: Time,
  /** Keys made for a demonstration; every packet says so on its first screen. */
  purpose: z.enum(['production', 'demonstration']),
  signers: z
    .array(
      PublicKey.extend({ scopes: z.array(SignerScope).min(1), notBefore: Time, notAfter: Time }),
    )
    .min(1)
    .max(32),
  connectors: z.array(PublicKey).min(1).max(64),
  log: z.strictObject({ origin: Origin, key: PublicKey }),
})
export type Root = z.infer<typeof Root>

export const PersonKey = PublicKey.extend({
  assurance: Assurance,
  /** Present for passkeys: what the WebAuthn assertion must name. */
  relyingParty: z
    .strictObject({ id: z.string().max(253), origins: z.array(z.string().max(300)).min(1) })
    .nullable(),
  notBefore: Time,
  notAfter: Time,
  revokedAt: Time.nullable(),
})
export type PersonKey = z.infer<typeof PersonKey>

export const Person = z
  .strictObject({
    personId: PersonId,
    companyId: CompanyId,
    /** Salted commitment to name and address (the salt is in the side store). */
    commitment: DigestText,
    status: z.enum(['active', 'disabled']),
    duties: z.array(z.enum(['duty-person', 'risk-owner', 'officer', 'operator'])),
    keys: z.array(PersonKey).max(16),
    accounts: z.array(
      z.strictObject({ issuer: z.string().max(300), subject: z.string().max(200) }),
    ),
    /** An auditor: reads cases and takes evidence away within this span, and does nothing else, ever. */
    audit: Span.optional(),
  })
  .refine(
    ({ audit, keys, duties }) => audit === undefined || keys.length + duties.length === 0,
    'an auditor has no keys and no duties',
  )
export type Person = z.infer<typeof Person>

export const Company = z.strictObject({
  companyId: CompanyId,
  kind: z.enum(['enterprise', 'partner']),
  /** Partner: keys for claims; machine clients at the issuer. */
  claimKeys: z.array(
    PublicKey.extend({ notBefore: Time, notAfter: Time, revokedAt: Time.nullable() }),
  ),
  clients: z.array(z.strictObject({ issuer: z.string().max(300), subject: z.string().max(200) })),
})
export type Company = z.infer<typeof Company>

export const Identity = z.strictObject({
  identityId: IdentityId,
  systemId: SystemId,
  tier: Tier,
  ownerId: PersonId,
  objectiveId: ObjectiveId,
  custodian: CompanyId.nullable(),
  /** It is there to be cut: drills of the three rights are done on it. */
  canary: z.literal(true).optional(),
  /** Who could change it unseen: nobody, the partner (seen by the probe), or the partner (unseen). */
  control: z.enum(['enforced', 'detected', 'declared']),
  need: z.strictObject({ reference: z.string().max(64), until: Time }),
  /** Names on the target: the role that owns the privileges and the login credentials, two of them. */
  group: TargetName,
  credentials: z.array(TargetName).min(2).max(2),
  consumers: z.array(
    z.strictObject({
      consumerId: ConsumerId,
      /** X25519 public key, base64url (RFC 8037), to which a new secret is sealed. */
      sealTo: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
      /** `application_name` by which the probe knows the consumer's sessions. */
      appears: z.string().regex(/^[a-z0-9_-]{1,63}$/),
    }),
  ),
})
export type Identity = z.infer<typeof Identity>

export const Objective = z.strictObject({
  objectiveId: ObjectiveId,
  title: z.string().max(200),
  owners: z.record(Outcome, PersonId),
  frameworks: z.array(z.string().max(40)),
})
export type Objective = z.infer<typeof Objective>

export const System = z.strictObject({
  systemId: SystemId,
  kind: z.enum(['postgresql']),
  connectorKeyId: KeyId,
})
export type System = z.infer<typeof System>

export const Clause = z.strictObject({
  clauseId: z.string().regex(/^[0-9A-Za-z.-]{1,16}$/),
  kinds: z.array(CaseKind).min(1),
  systems: z.array(SystemId).min(1),
  identities: z.array(IdentityId).nullable(),
  askedBy: z.array(z.enum(['partner', 'enterprise'])).min(1),
  notBefore: Time,
  notAfter: Time,
  respondWithinMs: Ms,
})
export type Clause = z.infer<typeof Clause>

export const Contract = z.strictObject({
  contractId: ContractId,
  reference: z.string().max(64),
  lei: z
    .string()
    .regex(/^[A-Z0-9]{20}$/)
    .nullable(),
  subcontractorRank: z.int().min(0).max(9),
  companyId: CompanyId,
  ownerId: PersonId,
  notBefore: Time,
  notAfter: Time,
  clauses: z.array(Clause).min(1),
  /** Approval, policy intent and residual risk stay with the enterprise; signed by the partner's claim key. */
  reservedMatters: z.array(z.enum(['approval', 'policy-intent', 'residual-risk'])),
  acknowledgement: Envelope.nullable(),
})
export type Contract = z.infer<typeof Contract>

/** The partner's own signature under the reserved matters of one contract. */
export const Acknowledgement = z.strictObject({
  type: z.literal('acknowledgement'),
  v: z.literal(1),
  enterprise: EnterpriseId,
  contractId: ContractId,
  companyId: CompanyId,
  reservedMatters: z.array(z.enum(['approval', 'policy-intent', 'residual-risk'])).min(1),
  at: Time,
})
export type Acknowledgement = z.infer<typeof Acknowledgement>

export const PackReference = z.strictObject({
  packId: PackId,
  version: z.int().min(1),
  hash: DigestText,
  effectiveFrom: Time,
})
export type PackReference = z.infer<typeof PackReference>

const sectionOf = <Name extends SectionName, Body extends z.ZodRawShape>(name: Name, body: Body) =>
  z.strictObject({
    type: z.literal('section'),
    v: z.literal(1),
    section: z.literal(name),
    enterprise: EnterpriseId,
    version: z.int().min(1),
    issuedAt: Time,
    ...body,
  })

export const PeopleSection = sectionOf('people', {
  persons: z.array(Person),
  companies: z.array(Company),
})
export type PeopleSection = z.infer<typeof PeopleSection>
export const OwnershipSection = sectionOf('ownership', {
  systems: z.array(System),
  objectives: z.array(Objective),
  identities: z.array(Identity),
})
export type OwnershipSection = z.infer<typeof OwnershipSection>
export const ContractsSection = sectionOf('contracts', { contracts: z.array(Contract) })
export type ContractsSection = z.infer<typeof ContractsSection>
export const PolicySection = sectionOf('policy', { packs: z.array(PackReference).min(1) })
export type PolicySection = z.infer<typeof PolicySection>

export const Manifest = z.strictObject({
  type: z.literal('manifest'),
  v: z.literal(1),
  enterprise: EnterpriseId,
  version: z.int().min(1),
  rootHash: DigestText,
  issuedAt: Time,
  expiresAt: Time,
  sections: z.record(SectionName, DigestText),
})
export type Manifest = z.infer<typeof Manifest>

/** What is stored and carried in a packet; nothing in it is believed before `verifyAuthority`. */
export const AuthorityBundle = z.strictObject({
  root: Envelope,
  manifest: Envelope,
  sections: z.record(SectionName, Envelope),
  delegations: z.array(Envelope).max(1000),
})
export type AuthorityBundle = z.infer<typeof AuthorityBundle>
