/**
 * anAuthority: a real, signed authority bundle with fresh keys. com_bank is the enterprise: per_ana owns the
 * identities, per_ben the control outcomes, per_cleo is duty person and risk owner, per_dora officer.
 * com_acme is custodian of nhi_billing, nhi_ledger and nhi_intake (which is on no target yet), com_zeta of nhi_reports. Everything is in force from
 * 2020 to 2099, so that it holds at the database's clock. `change` edits what a section says before it is signed.
 */
import { generateKeyPairSync } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { type Authority, verifyAuthority } from '../../src/domain/authority/authority.js'
import { toBase64 } from '../../src/domain/bytes/base64.js'
import { type Digest, digest, digestOf } from '../../src/domain/bytes/digest.js'
import { isRefusal, type Refusal } from '../../src/domain/refusal.js'
import type {
  AuthorityBundle,
  ContractsSection,
  OwnershipSection,
  PackReference,
  PeopleSection,
  Person,
  PersonKey,
  PolicySection,
  PublicKey,
  Trust,
} from '../../src/domain/shapes/authority.js'
import { CaseKind } from '../../src/domain/shapes/basic.js'
import type { Delegation, Envelope } from '../../src/domain/shapes/envelope.js'
import { decodePayload } from '../../src/domain/signed/envelope.js'
import { generateX25519 } from '../../src/keys/seal.js'
import { type Signer, signEnvelope, signerFromKey } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { packHash, parsePack, readPack } from '../../src/packs/load.js'

export const SPAN = { notBefore: '2020-01-01T00:00:00.000Z', notAfter: '2099-01-01T00:00:00.000Z' }
export const AT = '2026-06-01T12:00:00.000Z'
export const ENTERPRISE = 'ent_bank'
export const RELYING_PARTY = { id: 'console.bank.test', origins: ['https://console.bank.test'] }
export const DEFAULT_PACK = fileURLToPath(new URL('../../policies/default', import.meta.url))

export interface TestKey extends PublicKey {
  readonly signer: Signer
  /** PKCS#8 PEM. */
  readonly privateKeyPem: string
}

export function aKey(keyId: string, alg: PublicKey['alg'] = 'ed25519'): TestKey {
  const { privateKey } =
    alg === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signer = signerFromKey(privateKey)
  const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { keyId, alg, publicKey: toBase64(signer.publicKey), signer, privateKeyPem }
}

const PERSONS = {
  per_ana: { companyId: 'com_bank', duties: [] },
  per_ben: { companyId: 'com_bank', duties: [] },
  per_cleo: { companyId: 'com_bank', duties: ['duty-person', 'risk-owner'] },
  per_dora: { companyId: 'com_bank', duties: ['officer'] },
  per_zed: { companyId: 'com_acme', duties: [] },
} as const
export type TestPerson = keyof typeof PERSONS
export const ISSUER = 'https://issuer.bank.test'

export interface Keys {
  /** Everybody's Ed25519 key, assurance `key`. */
  readonly persons: Readonly<Record<TestPerson, TestKey>>
  /** Everybody's P-256 passkey of RELYING_PARTY, whose private half the test holds. */
  readonly passkeys: Readonly<Record<TestPerson, TestKey>>
  readonly claims: { readonly com_acme: TestKey; readonly com_zeta: TestKey }
  readonly root: TestKey
  /** The root key of a second officer. */
  readonly officer: TestKey
  /** Signs every section and the manifest. */
  readonly signer: TestKey
  readonly connector: TestKey
  readonly log: TestKey
  readonly consumers: {
    readonly cns_billing: { readonly publicKey: string; readonly privateKeyPem: string }
  }
}

const forEachPerson = <T>(make: (personId: TestPerson) => T): Record<TestPerson, T> => ({
  per_ana: make('per_ana'),
  per_ben: make('per_ben'),
  per_cleo: make('per_cleo'),
  per_dora: make('per_dora'),
  per_zed: make('per_zed'),
})

const nameOf = (personId: string): string => personId.slice('per_'.length)

export const someKeys = (): Keys => ({
  persons: forEachPerson((personId) => aKey(`key_${nameOf(personId)}`)),
  passkeys: forEachPerson((personId) => aKey(`key_${nameOf(personId)}-passkey`, 'es256')),
  claims: { com_acme: aKey('key_acme-claims'), com_zeta: aKey('key_zeta-claims') },
  root: aKey('key_root'),
  officer: aKey('key_root-2'),
  signer: aKey('key_signer'),
  connector: aKey('key_connector'),
  log: aKey('key_log'),
  consumers: { cns_billing: generateX25519() },
})

const publicPart = ({ keyId, alg, publicKey }: TestKey): PublicKey => ({ keyId, alg, publicKey })
const inForce = (key: TestKey) => ({ ...publicPart(key), ...SPAN, revokedAt: null })

const personKeys = (keys: Keys, personId: TestPerson): PersonKey[] => [
  { ...inForce(keys.persons[personId]), assurance: 'key', relyingParty: null },
  { ...inForce(keys.passkeys[personId]), assurance: 'passkey', relyingParty: RELYING_PARTY },
]

const head = <Name extends string>(section: Name) => ({
  ...({ type: 'section', v: 1 } as const),
  section,
  ...{ enterprise: ENTERPRISE, version: 1, issuedAt: SPAN.notBefore },
})

const peopleSection = (keys: Keys): PeopleSection => ({
  ...head('people'),
  persons: Object.values(
    forEachPerson((personId): Person => {
      const { companyId, duties } = PERSONS[personId]
      return {
        ...{ personId, companyId, duties: [...duties], status: 'active' },
        commitment: digest({ person: personId }),
        keys: personKeys(keys, personId),
        accounts: [{ issuer: ISSUER, subject: nameOf(personId) }],
      }
    }),
  ),
  companies: [
    { companyId: 'com_bank', kind: 'enterprise', claimKeys: [], clients: [] },
    ...(['com_acme', 'com_zeta'] as const).map((companyId) => ({
      ...{ companyId, kind: 'partner' as const },
      claimKeys: [inForce(keys.claims[companyId])],
      clients: [{ issuer: ISSUER, subject: companyId.slice('com_'.length) }],
    })),
  ],
})

const identity = (name: string, keys: Keys): OwnershipSection['identities'][number] => ({
  ...{ identityId: `nhi_${name}`, systemId: 'sys_billing', tier: 'tier1' },
  ...{ ownerId: 'per_ana', objectiveId: 'obj_access', custodian: 'com_acme', control: 'enforced' },
  need: { reference: 'NEED-1', until: SPAN.notAfter },
  ...{ group: `${name}_app`, credentials: [`${name}_a`, `${name}_b`] },
  consumers: [
    {
      consumerId: `cns_${name}`,
      sealTo: keys.consumers.cns_billing.publicKey,
      appears: `${name}-service`,
    },
  ],
})

const ownershipSection = (keys: Keys): OwnershipSection => ({
  ...head('ownership'),
  systems: [{ systemId: 'sys_billing', kind: 'postgresql', connectorKeyId: keys.connector.keyId }],
  objectives: [
    {
      ...{
        objectiveId: 'obj_access',
        title: 'Access of services is current',
        frameworks: ['NIST CSF 2.0'],
      },
      owners: {
        ...{ provisioning: 'per_ben', deprovisioning: 'per_ben', rotation: 'per_ben' },
        ...{ recertification: 'per_ben', exceptions: 'per_cleo', incidents: 'per_cleo' },
      },
    },
  ],
  identities: [
    identity('billing', keys),
    identity('intake', keys),
    identity('ledger', keys),
    { ...identity('reports', keys), custodian: 'com_zeta' },
    { ...identity('vault', keys), tier: 'tier0' },
  ],
})

const RESERVED = ['approval', 'policy-intent', 'residual-risk'] as const

/** The partner's signature under the reserved matters of its contract. */
export function acknowledge(input: {
  readonly key: TestKey
  readonly contractId: string
  readonly companyId: string
}): Envelope {
  const { key, contractId, companyId } = input
  const payload = {
    ...{ type: 'acknowledgement', v: 1, enterprise: ENTERPRISE, contractId, companyId },
    ...{ reservedMatters: [...RESERVED], at: SPAN.notBefore },
  }
  return signEnvelope({ keyId: key.keyId, signer: key.signer, kind: 'acknowledgement', payload })
}

function contract(name: 'acme' | 'zeta', keys: Keys): ContractsSection['contracts'][number] {
  const companyId = `com_${name}` as const
  const contractId = `con_${name}`
  return {
    ...{ contractId, companyId, reference: `MSA-${name.toUpperCase()}-1`, ownerId: 'per_ana' },
    ...{ lei: null, subcontractorRank: 0, ...SPAN },
    clauses: [
      {
        ...{
          clauseId: '4.2',
          kinds: [...CaseKind.options],
          systems: ['sys_billing'],
          identities: null,
        },
        ...{ askedBy: ['partner', 'enterprise'], ...SPAN, respondWithinMs: 3_600_000 },
      },
    ],
    reservedMatters: [...RESERVED],
    acknowledgement: acknowledge({ key: keys.claims[companyId], contractId, companyId }),
  }
}

const contractsSection = (keys: Keys): ContractsSection => ({
  ...head('contracts'),
  contracts: [contract('acme', keys), contract('zeta', keys)],
})

/** The reference by which a bundle names the pack in this folder. */
export function packReference(dir: string = DEFAULT_PACK): PackReference {
  const { files } = readPack(dir)
  const { id: packId, version } = must(parsePack(files))
  return { packId, version, effectiveFrom: SPAN.notBefore, hash: packHash(files) }
}

const policySection = (pack: PackReference): PolicySection => ({ ...head('policy'), packs: [pack] })

type Change<Section> = (section: Section) => Section

export interface Overrides {
  readonly keys?: Keys
  readonly pack?: PackReference
  /** Version of the manifest; the trust's minimum stays 1. */
  readonly version?: number
  readonly at?: string
  /** When the manifest ends; far away unless given. */
  readonly expiresAt?: string
  readonly change?: {
    readonly people?: Change<PeopleSection>
    readonly ownership?: Change<OwnershipSection>
    readonly contracts?: Change<ContractsSection>
    readonly policy?: Change<PolicySection>
  }
  /** Signed with the key of whom they delegate from. */
  readonly delegations?: readonly (Omit<Delegation, 'from'> & { readonly from: TestPerson })[]
}

export interface TestAuthority {
  readonly bundle: AuthorityBundle
  readonly trust: Trust
  readonly authority: Authority
  readonly keys: Keys
}

/** Throws when the bundle does not verify. Pass the first one's `keys` to make a second version of it. */
export function anAuthority(overrides: Overrides = {}): TestAuthority {
  const keys = overrides.keys ?? someKeys()
  const bundle = signBundle(keys, overrides)
  const trust: Trust = {
    ...{ enterprise: ENTERPRISE, threshold: 1 },
    rootKeys: [publicPart(keys.root), publicPart(keys.officer)],
    ...{ minimumRootVersion: 1, minimumBundleVersion: 1 },
  }
  const authority = verifyAuthority({ bundle, trust, verify: nodeVerify, at: overrides.at ?? AT })
  return { bundle, trust, authority: must(authority), keys }
}

/** The value, or an error that names the refusal. */
export function must<T>(value: T | Refusal): T {
  if (isRefusal(value)) throw new Error(`${value.refused} at ${value.where}: ${value.detail}`)
  return value
}

function signBundle(keys: Keys, overrides: Overrides): AuthorityBundle {
  const { change = {}, delegations = [] } = overrides
  const same = <Section>(section: Section) => section
  const sign = (kind: 'manifest' | 'section', payload: unknown) =>
    signEnvelope({ keyId: keys.signer.keyId, signer: keys.signer.signer, kind, payload })
  const root = signRoot(keys)
  const sections = {
    people: sign('section', (change.people ?? same)(peopleSection(keys))),
    ownership: sign('section', (change.ownership ?? same)(ownershipSection(keys))),
    contracts: sign('section', (change.contracts ?? same)(contractsSection(keys))),
    policy: sign(
      'section',
      (change.policy ?? same)(policySection(overrides.pack ?? packReference())),
    ),
  }
  const manifest = sign('manifest', {
    ...{ type: 'manifest', v: 1, enterprise: ENTERPRISE, version: overrides.version ?? 1 },
    ...{ rootHash: hashOf(root), issuedAt: SPAN.notBefore },
    expiresAt: overrides.expiresAt ?? SPAN.notAfter,
    sections: Object.fromEntries(
      Object.entries(sections).map(([name, envelope]) => [name, hashOf(envelope)]),
    ),
  })
  return {
    root,
    manifest,
    sections,
    delegations: delegations.map((payload) => delegate(keys, payload)),
  }
}

const hashOf = (envelope: Envelope): Digest => digestOf(must(decodePayload(envelope)))

const delegate = (
  keys: Keys,
  payload: Omit<Delegation, 'from'> & { from: TestPerson },
): Envelope => {
  const { keyId, signer } = keys.persons[payload.from]
  return signEnvelope({ keyId, signer, kind: 'delegation', payload })
}

function signRoot(keys: Keys): Envelope {
  const scopes = ['people', 'ownership', 'contracts', 'policy', 'manifest']
  const payload = {
    ...{ type: 'root', v: 1, enterprise: ENTERPRISE, version: 1, purpose: 'demonstration' },
    ...{ issuedAt: SPAN.notBefore, expiresAt: SPAN.notAfter },
    signers: [{ ...publicPart(keys.signer), scopes, ...SPAN }],
    connectors: [publicPart(keys.connector)],
    log: { origin: 'bank.test/log', key: publicPart(keys.log) },
  }
  return signEnvelope({ keyId: keys.root.keyId, signer: keys.root.signer, kind: 'root', payload })
}
