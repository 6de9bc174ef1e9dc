/**
 * Genesis of a demonstration enterprise: a root key, delegated signers, persons, companies, owner,
 * control objective, contract and policy pack, as a signed authority bundle, with every private key
 * in its own file. Packets made with these keys say so on their first screen.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '../domain/bytes/digest.js'
import { isRefusal } from '../domain/refusal.js'
import type { AuthorityBundle, Manifest, Root, Trust } from '../domain/shapes/authority.js'
import type { Envelope } from '../domain/shapes/envelope.js'
import { decodePayload } from '../domain/signed/envelope.js'
import { createKey, type LoadedKey, loadKey } from '../keys/keystore.js'
import { generateX25519 } from '../keys/seal.js'
import {
  contract,
  type DemoIdentity,
  type DemoPartner,
  ENTERPRISE,
  LOG_ORIGIN,
  ownership,
  PARTNERS,
  PEOPLE,
  packReference,
  people,
  publicPart,
  type SignAuthority,
  type Signing,
  signWith,
  span,
} from './enterprise.js'

export interface Genesis {
  readonly keysDir: string
  readonly trust: Trust
  readonly identities: readonly DemoIdentity[]
  /** The salt of each person's commitment, for the side store. */
  readonly salts: Readonly<Record<string, string>>
  /** Signs a new version of the authority bundle; `change` edits what is signed. */
  readonly sign: (input: SignAuthority) => Promise<AuthorityBundle>
  readonly key: (keyId: string) => Promise<LoadedKey>
  readonly keyFile: (keyId: string) => string
}

const KEY_IDS = [
  'key_root',
  'key_people',
  'key_ownership',
  'key_contracts',
  'key_policy',
  'key_connector',
  'key_log',
  ...Object.values(PARTNERS).flatMap(({ claimKey, loginKey }) => [claimKey, loginKey]),
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
  const salts = await keptSalts(join(keysDir, 'salts.json'))
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
    salts,
    sign: (request) => signBundle({ key, identities, salts, request }),
  }
}

async function demoIdentity(input: { keysDir: string; name: string }): Promise<DemoIdentity> {
  const { keysDir, name } = input
  const keys = await kept(join(keysDir, `consumer-${name}.json`), generateX25519)
  return {
    name,
    identityId: `nhi_${name}`,
    sealTo: keys.publicKey,
    privateKeyPem: keys.privateKeyPem,
  }
}

const newSalts = (): Record<string, string> =>
  Object.fromEntries(Object.keys(PEOPLE).map((person) => [person, randomBytes(16).toString('hex')]))

/** Those of the file, and new ones for persons who came since. */
async function keptSalts(file: string): Promise<Record<string, string>> {
  const salts = { ...newSalts(), ...(await kept(file, newSalts)) }
  await writeFile(file, JSON.stringify(salts), { mode: 0o600 })
  return salts
}

/** What the file holds, or what is made now and written there, mode 0600. */
async function kept<Value>(file: string, make: () => Value): Promise<Value> {
  if (existsSync(file)) return JSON.parse(await readFile(file, 'utf8')) as Value
  const made = make()
  await writeFile(file, JSON.stringify(made), { mode: 0o600 })
  return made
}

const partners = Object.keys(PARTNERS) as DemoPartner[]

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
      body: { contracts: await Promise.all(partners.map((id) => contract(signing, id))) },
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

export function hashOf(envelope: Envelope) {
  const bytes = decodePayload(envelope)
  if (isRefusal(bytes)) throw new TypeError(bytes.detail)
  return digestOf(bytes)
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
