/**
 * The authority: what is believed about persons, keys, companies, owners, contracts and policy packs
 * once the authority bundle has been verified down from the root keys. Nothing is believed because a
 * row says so; a bundle that does not verify is a refusal, never a smaller authority.
 */
import { type Digest, digestOf } from '../bytes/digest.js'
import { isRefusal, type Refusal, refuse } from '../refusal.js'
import {
  Acknowledgement,
  type AuthorityBundle,
  type Company,
  type Contract,
  ContractsSection,
  type Identity,
  Manifest,
  type Objective,
  OwnershipSection,
  type PackReference,
  PeopleSection,
  type Person,
  type PersonKey,
  PolicySection,
  type PublicKey,
  Root,
  type SectionName,
  type System,
  type Trust,
} from '../shapes/authority.js'
import { Delegation, type Envelope } from '../shapes/envelope.js'
import { parseAs } from '../shapes/parse.js'
import { decodePayload, openEnvelope, type Verify, verifySignature } from '../signed/envelope.js'

export interface Authority {
  readonly enterprise: string
  readonly version: number
  /** Digest of the manifest's exact bytes: names this bundle in entries. */
  readonly hash: Digest
  readonly root: Root
  /** When the root, the manifest or the last signer of any part ends, whichever is first. */
  readonly expiresAt: string
  /** When the last signer of any part began; with `expiresAt`, the times at which a bundle of single signatures verifies. */
  readonly signedFrom: string
  readonly persons: ReadonlyMap<string, Person>
  readonly personKeys: ReadonlyMap<string, { readonly person: Person; readonly key: PersonKey }>
  readonly companies: ReadonlyMap<string, Company>
  readonly systems: ReadonlyMap<string, System>
  readonly objectives: ReadonlyMap<string, Objective>
  readonly identities: ReadonlyMap<string, Identity>
  readonly contracts: readonly Contract[]
  readonly acknowledged: ReadonlySet<string>
  readonly packs: readonly PackReference[]
  readonly connectorKeys: ReadonlyMap<string, PublicKey>
  readonly delegations: readonly SignedDelegation[]
}

/** A delegation lasts no longer than the key that signed it: whoever uses it asks whether that is in force. */
export interface SignedDelegation extends Delegation {
  readonly key: PersonKey
}

/** A key in force: within its validity, and not revoked. */
export const inForce = (
  key: { notBefore: string; notAfter: string; revokedAt: string | null },
  at: string,
): boolean => within(key, at) && (key.revokedAt === null || at < key.revokedAt)

/** Tests whether `at` lies in the half-open interval [notBefore, notAfter). */
export const within = (span: { notBefore: string; notAfter: string }, at: string): boolean =>
  span.notBefore <= at && at < span.notAfter

interface Check {
  readonly bundle: AuthorityBundle
  readonly trust: Trust
  readonly verify: Verify
  /** ISO time at which the bundle has to be in force. */
  readonly at: string
}

/** UNTRUSTED: the bundle comes from the database or a packet. Afterwards every statement in the result was signed under the root. */
export function verifyAuthority(check: Check): Authority | Refusal {
  const root = openRoot(check)
  if (isRefusal(root)) return root
  const manifest = openSigned({
    ...check,
    root,
    envelope: check.bundle.manifest,
    scope: 'manifest',
  })
  if (isRefusal(manifest)) return manifest
  const body = parseAs(Manifest)(manifest.value)
  if (isRefusal(body)) return at('/manifest', body)
  const wrong = manifestProblem({ ...check, root, body })
  if (wrong !== null) return wrong
  const sections = openSections({ ...check, root, body })
  if (isRefusal(sections)) return sections
  const { spans, ...opened } = sections
  const signed = [manifest.span, ...spans]
  const ends = signed.map(({ notAfter }) => notAfter)
  const expiresAt = earliest([root.expiresAt, body.expiresAt, ...ends])
  const signedFrom = latest(signed.map(({ notBefore }) => notBefore))
  const { digest: hash } = manifest
  return assemble({ ...check, root, manifest: body, hash, expiresAt, signedFrom, sections: opened })
}

const earliest = (times: readonly string[]): string => times.toSorted()[0] ?? ''
const latest = (times: readonly string[]): string => times.toSorted().at(-1) ?? ''

const at = (where: string, refusal: Refusal): Refusal =>
  refuse('AUTHORITY_INVALID', where + refusal.where, refusal.detail)

/** Afterwards at least `threshold` distinct root keys signed the root statement, and it is no older than the configured minimum. */
function openRoot({ bundle, trust, verify, at: now }: Check): Root | Refusal {
  const signed = new Set<string>()
  for (const [index, signature] of bundle.root.signatures.entries()) {
    const key = trust.rootKeys.find((candidate) => candidate.keyId === signature.keyid)
    if (key === undefined) continue
    if (verifySignature({ envelope: bundle.root, index, key, verify }) === true)
      signed.add(key.publicKey)
  }
  if (signed.size < trust.threshold)
    return refuse(
      'AUTHORITY_INVALID',
      '/root',
      `signed by ${signed.size} of ${trust.threshold} root keys`,
    )
  const opened = openEnvelope({ envelope: bundle.root, kind: 'root', parse: parseAs(Root) })
  if (isRefusal(opened)) return at('/root', opened)
  const root = opened.payload
  if (root.enterprise !== trust.enterprise) return refuse('WRONG_ENTERPRISE', '/root/enterprise')
  if (root.version < trust.minimumRootVersion) return refuse('AUTHORITY_ROLLBACK', '/root/version')
  if (now >= root.expiresAt) return refuse('AUTHORITY_EXPIRED', '/root/expiresAt')
  return root
}

/** When a signer is in force, in ISO times. */
type Span = Parameters<typeof within>[0]

interface Signed {
  readonly value: unknown
  readonly digest: Digest
  /** Of its signers, the one in force for longest. */
  readonly span: Span
}

/** Afterwards a signer that the root delegated to for this scope, and whose delegation is in force, signed these bytes. */
function openSigned(
  check: Check & { root: Root; envelope: Envelope; scope: SectionName | 'manifest' },
): Signed | Refusal {
  const { root, envelope, scope, verify } = check
  const where = `/${scope}`
  const spans = envelope.signatures.flatMap((signature, index) => {
    const key = root.signers.find((signer) => signer.keyId === signature.keyid)
    if (key === undefined || !key.scopes.includes(scope) || !within(key, check.at)) return []
    return verifySignature({ envelope, index, key, verify }) === true ? [key] : []
  })
  const [span] = spans.toSorted((left, right) => (left.notAfter < right.notAfter ? 1 : -1))
  if (span === undefined)
    return refuse('AUTHORITY_INVALID', where, 'not signed by a signer of this scope')
  const kind = scope === 'manifest' ? 'manifest' : 'section'
  const opened = openEnvelope({ envelope, kind, parse: (value) => ({ value }) })
  if (isRefusal(opened)) return at(where, opened)
  return { value: opened.payload.value, digest: digestOf(opened.payloadBytes), span }
}

function manifestProblem(check: Check & { root: Root; body: Manifest }): Refusal | null {
  const { body, trust, bundle } = check
  if (body.enterprise !== trust.enterprise)
    return refuse('WRONG_ENTERPRISE', '/manifest/enterprise')
  if (body.version < trust.minimumBundleVersion)
    return refuse('AUTHORITY_ROLLBACK', '/manifest/version')
  const rootBytes = decodePayload(bundle.root)
  if (isRefusal(rootBytes)) return rootBytes
  if (digestOf(rootBytes) !== body.rootHash)
    return refuse('AUTHORITY_INVALID', '/manifest/rootHash', 'the manifest is for another root')
  if (check.at >= body.expiresAt) return refuse('AUTHORITY_EXPIRED', '/manifest/expiresAt')
  return null
}

interface Sections {
  readonly people: PeopleSection
  readonly ownership: OwnershipSection
  readonly contracts: ContractsSection
  readonly policy: PolicySection
}

function openSections(
  check: Check & { root: Root; body: Manifest },
): (Sections & { readonly spans: readonly Span[] }) | Refusal {
  const spans: Span[] = []
  const one = <T extends { enterprise: string }>(
    name: SectionName,
    parse: (value: unknown) => T | Refusal,
  ): T | Refusal => {
    const signed = openSigned({ ...check, envelope: check.bundle.sections[name], scope: name })
    if (isRefusal(signed)) return signed
    if (signed.digest !== check.body.sections[name])
      return refuse('AUTHORITY_INVALID', `/${name}`, 'not the section that the manifest names')
    const parsed = parse(signed.value)
    if (isRefusal(parsed)) return at(`/${name}`, parsed)
    spans.push(signed.span)
    return parsed.enterprise === check.trust.enterprise
      ? parsed
      : refuse('WRONG_ENTERPRISE', `/${name}/enterprise`)
  }
  const people = one('people', parseAs(PeopleSection))
  if (isRefusal(people)) return people
  const ownership = one('ownership', parseAs(OwnershipSection))
  if (isRefusal(ownership)) return ownership
  const contracts = one('contracts', parseAs(ContractsSection))
  if (isRefusal(contracts)) return contracts
  const policy = one('policy', parseAs(PolicySection))
  if (isRefusal(policy)) return policy
  return { people, ownership, contracts, policy, spans }
}

interface Parts extends Check {
  readonly root: Root
  readonly manifest: Manifest
  readonly hash: Digest
  readonly expiresAt: string
  readonly signedFrom: string
  readonly sections: Sections
}

function assemble(parts: Parts): Authority | Refusal {
  const { sections, root } = parts
  const { persons, companies } = sections.people
  const personMap = index(persons, (person) => person.personId)
  const companyMap = index(companies, (company) => company.companyId)
  if (isRefusal(personMap)) return personMap
  if (isRefusal(companyMap)) return companyMap
  const personKeys = keysOf(persons)
  if (isRefusal(personKeys)) return personKeys
  const systems = index(sections.ownership.systems, (system) => system.systemId)
  if (isRefusal(systems)) return systems
  const objectives = index(sections.ownership.objectives, (objective) => objective.objectiveId)
  if (isRefusal(objectives)) return objectives
  const identities = index(sections.ownership.identities, (identity) => identity.identityId)
  if (isRefusal(identities)) return identities
  const { contracts } = sections.contracts
  const acknowledged = new Set(
    contracts
      .filter((contract) => isAcknowledged({ contract, companies: companyMap, parts }))
      .map((contract) => contract.contractId),
  )
  return {
    enterprise: root.enterprise,
    version: parts.manifest.version,
    hash: parts.hash,
    root,
    expiresAt: parts.expiresAt,
    signedFrom: parts.signedFrom,
    persons: personMap,
    personKeys,
    companies: companyMap,
    systems,
    objectives,
    identities,
    contracts,
    acknowledged,
    packs: sections.policy.packs,
    connectorKeys: new Map(root.connectors.map((key) => [key.keyId, key])),
    delegations: openDelegations({ parts, personKeys }),
  }
}

function index<T>(items: readonly T[], idOf: (item: T) => string): Map<string, T> | Refusal {
  const map = new Map(items.map((item) => [idOf(item), item]))
  return map.size === items.length
    ? map
    : refuse('AUTHORITY_INVALID', '/sections', 'an id appears twice')
}

/** Afterwards every key belongs to exactly one person: one person's second account is still that person. */
function keysOf(persons: readonly Person[]): Authority['personKeys'] | Refusal {
  const map = new Map<string, { person: Person; key: PersonKey }>()
  const material = new Set<string>()
  for (const person of persons) {
    for (const key of person.keys) {
      if (map.has(key.keyId) || material.has(key.publicKey))
        return refuse('AUTHORITY_INVALID', '/people/persons', `key ${key.keyId} is enrolled twice`)
      map.set(key.keyId, { person, key })
      material.add(key.publicKey)
    }
  }
  return map
}

/** Afterwards the partner itself signed, with a claim key not yet revoked or expired, that the reserved matters stay with the enterprise. */
function isAcknowledged(input: {
  contract: Contract
  companies: ReadonlyMap<string, Company>
  parts: Parts
}): boolean {
  const { contract, companies, parts } = input
  const envelope = contract.acknowledgement
  const company = companies.get(contract.companyId)
  if (envelope === null || company === undefined) return false
  const key = company.claimKeys.find((item) => item.keyId === envelope.signatures[0]?.keyid)
  if (key === undefined) return false
  if (verifySignature({ envelope, index: 0, key, verify: parts.verify }) !== true) return false
  const opened = openEnvelope({
    envelope,
    kind: 'acknowledgement',
    parse: parseAs(Acknowledgement),
  })
  if (isRefusal(opened)) return false
  const { payload } = opened
  return (
    payload.enterprise === parts.trust.enterprise &&
    payload.at < key.notAfter &&
    (key.revokedAt === null || payload.at < key.revokedAt) &&
    payload.contractId === contract.contractId &&
    payload.companyId === contract.companyId &&
    contract.reservedMatters.every((matter) => payload.reservedMatters.includes(matter)) &&
    (['approval', 'policy-intent', 'residual-risk'] as const).every((matter) =>
      payload.reservedMatters.includes(matter),
    )
  )
}

/**
 * Afterwards each delegation was signed by the person it delegates from, to another person. It lends that
 * person's own vote and no borrowed one, so it is one level deep whatever else is delegated by whom.
 */
function openDelegations(input: {
  parts: Parts
  personKeys: Authority['personKeys']
}): readonly SignedDelegation[] {
  return input.parts.bundle.delegations.flatMap(
    (envelope) => openDelegation({ ...input, envelope }) ?? [],
  )
}

function openDelegation(input: {
  parts: Parts
  personKeys: Authority['personKeys']
  envelope: Envelope
}): SignedDelegation | null {
  const { envelope, personKeys, parts } = input
  const holder = personKeys.get(envelope.signatures[0]?.keyid ?? '')
  if (holder === undefined) return null
  const { key, person } = holder
  if (verifySignature({ envelope, index: 0, key, verify: parts.verify }) !== true) return null
  const opened = openEnvelope({ envelope, kind: 'delegation', parse: parseAs(Delegation) })
  if (isRefusal(opened)) return null
  const { from, to, enterprise } = opened.payload
  const sound = from === person.personId && to !== from && enterprise === parts.trust.enterprise
  return sound ? { ...opened.payload, key } : null
}
