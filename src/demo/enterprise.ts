/** The demonstration enterprise in statements: persons, companies, ownership, contract, policy reference. */

import { personCommitment } from '../domain/bytes/commitment.js'
import type {
  Acknowledgement,
  Contract,
  Identity,
  Person,
  PersonKey,
  PublicKey,
} from '../domain/shapes/authority.js'
import type { Envelope, PayloadKind } from '../domain/shapes/envelope.js'
import type { LoadedKey } from '../keys/keystore.js'
import { signEnvelope } from '../keys/sign.js'
import { type PackFiles, packHash } from '../packs/load.js'

export const ENTERPRISE = 'ent_nordbank'
export const SYSTEM = 'sys_payments'
export const PARTNER = 'com_acme'
export const LOG_ORIGIN = 'nordbank.example/countersign'

/** Who is who in the demonstration; the names live in the side store only. */
export const PEOPLE = {
  per_ana: { name: 'Ana Ruiz', company: 'com_nordbank', duties: [] },
  per_ben: { name: 'Ben Okafor', company: 'com_nordbank', duties: [] },
  per_cleo: { name: 'Cleo Brandt', company: 'com_nordbank', duties: ['duty-person', 'risk-owner'] },
  per_dora: { name: 'Dora Lind', company: 'com_nordbank', duties: ['officer'] },
  per_eve: { name: 'Eve Tanaka', company: 'com_nordbank', duties: ['duty-person'] },
  per_zed: { name: 'Zed Moreau', company: 'com_acme', duties: [] },
} as const satisfies Record<
  string,
  { name: string; company: string; duties: readonly Person['duties'][number][] }
>
export type DemoPerson = keyof typeof PEOPLE

/** The partners, each with its machine's profile and client, its keys, and its contract. */
export const PARTNERS = {
  com_acme: {
    ...{ profile: 'partner', client: 'acme-automation' },
    ...{ claimKey: 'key_acme-claims', loginKey: 'key_acme-login' },
    contract: { id: 'con_msa-17', reference: 'MSA-2026-017', lei: '5299000J2N45DDNE4Y28' },
  },
  com_zeta: {
    ...{ profile: 'partner-zeta', client: 'zeta-automation' },
    ...{ claimKey: 'key_zeta-claims', loginKey: 'key_zeta-login' },
    contract: { id: 'con_msa-23', reference: 'MSA-2026-023', lei: '529900ZETA00SERVIC17' },
  },
} as const
export type DemoPartner = keyof typeof PARTNERS
/** Whose profile somebody acts with. */
export type Party = DemoPerson | `${DemoPerson}-second` | (typeof PARTNERS)[DemoPartner]['profile']

/** The account that no partner keeps: a login for emergencies, and for nothing else. */
export const EMERGENCY = 'emergency'

interface About {
  readonly custodian: DemoPartner | null
  readonly need: string
  readonly canary?: true
}

/** An account that nothing else is said of is com_acme's, for payments. */
const ORDINARY: About = { custodian: PARTNER, need: 'NEED-2041' }
const ABOUT: Readonly<Record<string, Partial<About> | undefined>> = {
  ledger: { need: 'NEED-2042' },
  archive: { custodian: 'com_zeta', need: 'NEED-2043' },
  intake: { need: 'NEED-2044' },
  reports: { custodian: 'com_zeta' },
  vault: { custodian: 'com_zeta', need: 'NEED-2045' },
  canary: { need: 'NEED-2046', canary: true },
  [EMERGENCY]: { custodian: null, need: 'NEED-2047' },
}

/** One service account of the demonstration. */
export interface DemoIdentity {
  readonly name: string
  readonly identityId: string
  readonly sealTo: string
  readonly privateKeyPem: string
}

export interface SignAuthority {
  readonly version: number
  readonly issuer: string
  readonly pack: { readonly files: PackFiles; readonly packId: string; readonly version: number }
  /** Persons whose decision keys are revoked in this version. */
  readonly revoked?: readonly DemoPerson[]
}

export interface Signing {
  /** One for each person, kept with the keys: the commitments stay the same over versions. */
  readonly salts: Readonly<Record<string, string>>
  readonly key: (keyId: string) => Promise<LoadedKey>
  readonly identities: readonly DemoIdentity[]
  readonly request: SignAuthority
}

const DAY_MS = 86_400_000
export const span = () => ({
  notBefore: new Date(Date.now() - DAY_MS).toISOString(),
  notAfter: new Date(Date.now() + 365 * DAY_MS).toISOString(),
})

export const publicPart = ({ keyId, alg, publicKey }: PublicKey): PublicKey => ({
  keyId,
  alg,
  publicKey,
})

export async function signWith(
  signing: Signing,
  input: { keyId: string; kind: PayloadKind; payload: unknown },
): Promise<Envelope> {
  const { keyId, signer } = await signing.key(input.keyId)
  return signEnvelope({ kind: input.kind, payload: input.payload, keyId, signer })
}

export async function people({ key, request, salts }: Signing) {
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
        commitment: personCommitment({ personId, salt: salts[personId] ?? '', name: about.name }),
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
  const partners = await Promise.all(
    Object.entries(PARTNERS).map(async ([companyId, { claimKey, client }]) => ({
      ...{ companyId, kind: 'partner' },
      claimKeys: [{ ...publicPart(await key(claimKey)), ...span(), revokedAt: null }],
      clients: [{ issuer: request.issuer, subject: client }],
    })),
  )
  const enterprise = { companyId: 'com_nordbank', kind: 'enterprise', claimKeys: [], clients: [] }
  return { persons, companies: [enterprise, ...partners] }
}

export function ownership({ identities }: Signing) {
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
    identities: identities.map(registered),
  }
}

function registered({ name, identityId, sealTo }: DemoIdentity): Identity {
  const { custodian, need, ...marks } = { ...ORDINARY, ...ABOUT[name] }
  return {
    identityId,
    systemId: SYSTEM,
    tier: 'tier1',
    ownerId: 'per_ana',
    objectiveId: 'obj_db-ac-2',
    custodian,
    control: 'enforced',
    need: { reference: need, until: span().notAfter },
    ...marks,
    group: `${name}_app`,
    credentials: [`${name}_a`, `${name}_b`],
    consumers: [{ consumerId: `cns_${name}`, sealTo, appears: `${name}-service` }],
  }
}

const RESERVED = ['approval', 'policy-intent', 'residual-risk'] as const

export async function contract(signing: Signing, companyId: DemoPartner): Promise<Contract> {
  const { contract: of, claimKey } = PARTNERS[companyId]
  const contractId = of.id
  const acknowledgement: Acknowledgement = {
    type: 'acknowledgement',
    v: 1,
    enterprise: ENTERPRISE,
    contractId,
    companyId,
    reservedMatters: [...RESERVED],
    at: span().notBefore,
  }
  return {
    contractId,
    ...{ reference: of.reference, lei: of.lei },
    subcontractorRank: 1,
    companyId,
    ownerId: 'per_ana',
    ...span(),
    clauses: [
      {
        clauseId: '4.2',
        kinds: ['rotate', 'provision', 'deprovision', 'reinstate'],
        systems: [SYSTEM],
        identities: null,
        askedBy: ['partner', 'enterprise'],
        ...span(),
        respondWithinMs: 4 * 3_600_000,
      },
    ],
    reservedMatters: [...RESERVED],
    acknowledgement: await signWith(signing, {
      keyId: claimKey,
      kind: 'acknowledgement',
      payload: acknowledgement,
    }),
  }
}

export const packReference = ({ request }: Signing) => ({
  packId: request.pack.packId,
  version: request.pack.version,
  hash: packHash(request.pack.files),
  effectiveFrom: span().notBefore,
})
