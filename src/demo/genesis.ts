/**
 * Genesis of a demonstration enterprise: a root key, delegated signers, persons, companies, owner,
 * control objective, contract and policy pack, as a signed authority bundle, with every private key
 * in its own file. Packets made with these keys say so on their first screen.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { digest, digestOf } from '../domain/digest.js'
import { decodePayload } from '../domain/envelope.js'
import { isRefusal } from '../domain/refusal.js'
import type {
  Acknowledgement,
  AuthorityBundle,
  Contract,
  Identity,
  Manifest,
  Person,
  PersonKey,
  PublicKey,
  Root,
  Trust,
} from '../domain/shapes/authority.js'
import type { Envelope, PayloadKind } from '../domain/shapes/envelope.js'
import { createKey, type LoadedKey, loadKey } from '../keys/keystore.js'
import { generateX25519 } from '../keys/seal.js'
import { signEnvelope } from '../keys/sign.js'
import type { PackFiles } from '../packs/load.js'
import { packHash } from '../packs/load.js'

export const ENTERPRISE = 'ent_nordbank'
export const SYSTEM = 'sys_payments'
export const PARTNER = 'com_acme'
export const LOG_ORIGIN = 'nordbank.example/countersign'

/** Who is who in the demonstration; the names live in the side store only. */
export const PEOPLE = {
  per_ana: { name: 'Ana Ruiz', company: 'com_nordbank', duties: [] },
  per_ben: { name: 'Ben Okafor', company: 'com_nordbank', duties: [] },
  per_cleo: { name: 'Cleo Brandt', company: 'com_nordbank', duties: ['duty-person', 'risk-owner'] },
  per_zed: { name: 'Zed Moreau', company: 'com_acme', duties: [] },
} as const satisfies Record<
  string,
  { name: string; company: string; duties: readonly Person['duties'][number][] }
>
export type DemoPerson = keyof typeof PEOPLE

/** One service account of the demonstration. */
export interface DemoIdentity {
  readonly name: string
  readonly identityId: string
  readonly sealTo: string
  readonly privateKeyPem: string
}

export interface Genesis {
  readonly keysDir: string
  readonly trust: Trust
  readonly identities: readonly DemoIdentity[]
  /** Signs a new version of the authority bundle; `change` edits what is signed. */
  readonly sign: (input: SignAuthority) => Promise<AuthorityBundle>
  readonly key: (keyId: string) => Promise<LoadedKey>
  readonly keyFile: (keyId: string) => string
}

export interface SignAuthority {
  readonly version: number
  readonly issuer: string
  readonly pack: { readonly files: PackFiles; readonly packId: string; readonly version: number }
  /** Persons whose decision keys are revoked in this version. */
  readonly revoked?: readonly DemoPerson[]
}

const KEY_IDS = [
  'key_root',
  'key_people',
  'key_ownership',
  'key_contracts',
  'key_policy',
  'key_connector',
  'key_log',
  'key_acme-claims',
  'key_acme-login',
  ...Object.keys(PEOPLE).flatMap((person) => [
    `key_${person.slice(4)}`,
    `key_${person.slice(4)}-login`,
  ]),
]

/** Reads the keys of this folder, or makes them when it is new. */
export async function genesis(input: {
  readonly dir: string
  readonly names: readonly string[]
}): Promise<Genesis> {
  const keysDir = join(input.dir, 'keys')
  await mkdir(keysDir, { recursive: true, mode: 0o700 })
  const keyFile = (keyId: string) => join(keysDir, `${keyId}.pem`)
  const key = async (keyId: string) => {
    if (!existsSync(keyFile(keyId))) await createKey({ dir: keysDir, keyId })
    return loadKey(keyFile(keyId))
  }
  for (const keyId of KEY_IDS) await key(keyId)
  const identities = await Promise.all(input.names.map((name) => demoIdentity({ keysDir, name })))
  const root = await key('key_root')
  const trust: Trust = {
    enterprise: ENTERPRISE,
    rootKeys: [publicPart(root)],
    threshold: 1,
    minimumRootVersion: 1,
    minimumBundleVersion: 1,
  }
  return {
    keysDir,
    trust,
    identities,
    key,
    keyFile,
    sign: (request) => signBundle({ key, identities, request }),
  }
}

const publicPart = ({ keyId, alg, publicKey }: PublicKey): PublicKey => ({ keyId, alg, publicKey })

async function demoIdentity(input: { keysDir: string; name: string }): Promise<DemoIdentity> {
  const { name } = input
  const file = join(input.keysDir, `consumer-${name}.json`)
  const known = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  const keys =
    known === null ? generateX25519() : (JSON.parse(known) as ReturnType<typeof generateX25519>)
  if (known === null) await writeFile(file, JSON.stringify(keys), { mode: 0o600 })
  return {
    name,
    identityId: `nhi_${name}`,
    sealTo: keys.publicKey,
    privateKeyPem: keys.privateKeyPem,
  }
}

interface Signing {
  readonly key: (keyId: string) => Promise<LoadedKey>
  readonly identities: readonly DemoIdentity[]
  readonly request: SignAuthority
}

const DAY_MS = 86_400_000
const span = () => ({
  notBefore: new Date(Date.now() - DAY_MS).toISOString(),
  notAfter: new Date(Date.now() + 365 * DAY_MS).toISOString(),
})

async function signBundle(signing: Signing): Promise<AuthorityBundle> {
  const root = await signWith(signing, {
    keyId: 'key_root',
    kind: 'root',
    payload: await rootOf(signing),
  })
  const sections = {
    people: await section(signing, { name: 'people', body: await people(signing) }),
    ownership: await section(signing, { name: 'ownership', body: ownership(signing) }),
    contracts: await section(signing, {
      name: 'contracts',
      body: { contracts: [await contract(signing)] },
    }),
    policy: await section(signing, { name: 'policy', body: { packs: [packReference(signing)] } }),
  }
  const { notBefore, notAfter } = span()
  const manifest: Manifest = {
    type: 'manifest',
    v: 1,
    enterprise: ENTERPRISE,
    version: signing.request.version,
    rootHash: hashOf(root),
    issuedAt: notBefore,
    expiresAt: notAfter,
    sections: {
      people: hashOf(sections.people),
      ownership: hashOf(sections.ownership),
      contracts: hashOf(sections.contracts),
      policy: hashOf(sections.policy),
    },
  }
  return {
    root,
    manifest: await signWith(signing, { keyId: 'key_people', kind: 'manifest', payload: manifest }),
    sections,
    delegations: [],
  }
}

function hashOf(envelope: Envelope) {
  const bytes = decodePayload(envelope)
  if (isRefusal(bytes)) throw new TypeError(bytes.detail)
  return digestOf(bytes)
}

async function signWith(
  signing: Signing,
  input: { keyId: string; kind: PayloadKind; payload: unknown },
): Promise<Envelope> {
  const { keyId, signer } = await signing.key(input.keyId)
  return signEnvelope({ kind: input.kind, payload: input.payload, keyId, signer })
}

const section = (signing: Signing, input: { name: string; body: object }): Promise<Envelope> =>
  signWith(signing, {
    keyId: `key_${input.name}`,
    kind: 'section',
    payload: {
      type: 'section',
      v: 1,
      section: input.name,
      enterprise: ENTERPRISE,
      version: signing.request.version,
      issuedAt: span().notBefore,
      ...input.body,
    },
  })

async function rootOf({ key }: Signing): Promise<Root> {
  const { notBefore, notAfter } = span()
  const signers = await Promise.all(
    (['people', 'ownership', 'contracts', 'policy'] as const).map(async (scope) => ({
      ...publicPart(await key(`key_${scope}`)),
      scopes: scope === 'people' ? (['people', 'manifest'] as const).slice() : [scope],
      ...span(),
    })),
  )
  return {
    type: 'root',
    v: 1,
    enterprise: ENTERPRISE,
    version: 1,
    issuedAt: notBefore,
    expiresAt: notAfter,
    purpose: 'demonstration',
    signers,
    connectors: [publicPart(await key('key_connector'))],
    log: { origin: LOG_ORIGIN, key: publicPart(await key('key_log')) },
  }
}

async function people({ key, request }: Signing) {
  const persons = await Promise.all(
    Object.entries(PEOPLE).map(async ([personId, about]): Promise<Person> => {
      const short = personId.slice(4)
      const decisionKey: PersonKey = {
        ...publicPart(await key(`key_${short}`)),
        ...span(),
        assurance: 'key',
        relyingParty: null,
        revokedAt: request.revoked?.some((person) => person === personId)
          ? new Date(0).toISOString()
          : null,
      }
      return {
        personId,
        companyId: about.company,
        commitment: digest({ personId, salt: randomBytes(16).toString('hex'), name: about.name }),
        status: 'active',
        duties: [...about.duties],
        keys: [decisionKey],
        // Two accounts are still one person.
        accounts: [
          { issuer: request.issuer, subject: `${short}-cli` },
          { issuer: request.issuer, subject: `${short}-second` },
        ],
      }
    }),
  )
  const claimKey = { ...publicPart(await key('key_acme-claims')), ...span(), revokedAt: null }
  return {
    persons,
    companies: [
      { companyId: 'com_nordbank', kind: 'enterprise', claimKeys: [], clients: [] },
      {
        companyId: PARTNER,
        kind: 'partner',
        claimKeys: [claimKey],
        clients: [{ issuer: request.issuer, subject: 'acme-automation' }],
      },
    ],
  }
}

function ownership({ identities }: Signing) {
  return {
    systems: [{ systemId: SYSTEM, kind: 'postgresql', connectorKeyId: 'key_connector' }],
    objectives: [
      {
        objectiveId: 'obj_db-ac-2',
        title: 'Credentials of partner-held service accounts are rotated and the old ones are dead',
        owners: {
          provisioning: 'per_ben',
          deprovisioning: 'per_ben',
          rotation: 'per_ben',
          recertification: 'per_ben',
          exceptions: 'per_cleo',
          incidents: 'per_cleo',
        },
        frameworks: [
          'GV.OC-01',
          'GV.RR-02',
          'GV.SC-07',
          'PR.AA-01',
          'PR.AA-05',
          'NHI1:2025',
          'NHI7:2025',
        ],
      },
    ],
    identities: identities.map(
      (item): Identity => ({
        identityId: item.identityId,
        systemId: SYSTEM,
        tier: 'tier1',
        ownerId: 'per_ana',
        objectiveId: 'obj_db-ac-2',
        custodian: PARTNER,
        control: 'enforced',
        need: { reference: 'NEED-2041', until: span().notAfter },
        group: `${item.name}_app`,
        credentials: [`${item.name}_a`, `${item.name}_b`],
        consumers: [
          { consumerId: `cns_${item.name}`, sealTo: item.sealTo, appears: `${item.name}-service` },
        ],
      }),
    ),
  }
}

const RESERVED = ['approval', 'policy-intent', 'residual-risk'] as const

async function contract(signing: Signing): Promise<Contract> {
  const contractId = 'con_msa-17'
  const acknowledgement: Acknowledgement = {
    type: 'acknowledgement',
    v: 1,
    enterprise: ENTERPRISE,
    contractId,
    companyId: PARTNER,
    reservedMatters: [...RESERVED],
    at: span().notBefore,
  }
  return {
    contractId,
    reference: 'MSA-2026-017',
    lei: '5299000J2N45DDNE4Y28',
    subcontractorRank: 1,
    companyId: PARTNER,
    ownerId: 'per_ana',
    ...span(),
    clauses: [
      {
        clauseId: '4.2',
        kinds: ['rotate'],
        systems: [SYSTEM],
        identities: null,
        askedBy: ['partner', 'enterprise'],
        ...span(),
        respondWithinMs: 4 * 3_600_000,
      },
    ],
    reservedMatters: [...RESERVED],
    acknowledgement: await signWith(signing, {
      keyId: 'key_acme-claims',
      kind: 'acknowledgement',
      payload: acknowledgement,
    }),
  }
}

const packReference = ({ request }: Signing) => ({
  packId: request.pack.packId,
  version: request.pack.version,
  hash: packHash(request.pack.files),
  effectiveFrom: span().notBefore,
})
