/**
 * anApi: the real API on a real port, over a real evidence store with a signed authority, and the real issuer
 * that its accounts sign in at. Clients: `ana`, `ben`, `cleo`, `dora` of the bank, `zed` of the partner, the
 * machines `acme` and `zeta`, and `nobody`, whom the issuer knows and the authority does not.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { startApi } from '../../src/api/server.js'
import { type ApiClient, clientOf } from '../../src/cli/session/client.js'
import { tokenSource } from '../../src/cli/session/login.js'
import type { OwnershipSection, PeopleSection } from '../../src/domain/shapes/authority.js'
import { type Issuer, startIssuer } from '../../src/issuer/issuer.js'
import type { LoadedKey } from '../../src/keys/keystore.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { type PackFiles, packHash } from '../../src/packs/load.js'
import { installAuthority } from '../../src/store/authority/authority.js'
import { aKey, anAuthority, ISSUER, must, SPAN, type TestKey } from '../support/authority.js'
import { aWorld, quickPack, type World } from '../support/world.js'

export const AUDIENCE = 'urn:countersign:test-api'
export const WHO = ['ana', 'ben', 'cleo', 'dora', 'zed', 'acme', 'zeta', 'nobody'] as const
export type Who = (typeof WHO)[number]

export interface ApiRig {
  readonly world: World
  readonly url: string
  readonly issuer: Issuer
  /** The keys with which the clients sign in. */
  readonly loginKeys: Readonly<Record<Who, TestKey>>
  readonly client: (who: Who) => ApiClient
  /** Without a token: as when the issuer cannot be reached. */
  readonly anonymous: ApiClient
  readonly token: (who: Who) => Promise<string>
  /** What the API logged, line by line. */
  readonly logged: readonly string[]
  /** Installs version two of the authority, or this version that ends then, with these people. */
  readonly amend: (
    people: (section: PeopleSection) => PeopleSection,
    otherwise?: { readonly version: number; readonly expiresAt?: string },
  ) => Promise<void>
  readonly stop: () => Promise<void>
}

export const loaded = ({ keyId, alg, publicKey, signer }: TestKey): LoadedKey => ({
  ...{ keyId, alg, publicKey, signer },
})

/** Ed25519 for all but `zeta`, which signs in with ES256. */
const loginKeysFor = (): Record<Who, TestKey> => ({
  ana: aKey('key_ana-login'),
  ben: aKey('key_ben-login'),
  cleo: aKey('key_cleo-login'),
  dora: aKey('key_dora-login'),
  zed: aKey('key_zed-login'),
  acme: aKey('key_acme-login'),
  zeta: aKey('key_zeta-login', 'es256'),
  nobody: aKey('key_nobody-login'),
})

export function jwkOf({ alg, publicKey, keyId }: TestKey) {
  const raw = Buffer.from(publicKey, 'base64')
  const about = { kid: keyId, use: 'sig' }
  return alg === 'ed25519'
    ? { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url'), alg: 'EdDSA', ...about }
    : {
        ...{ kty: 'EC', crv: 'P-256', alg: 'ES256', ...about },
        x: raw.subarray(1, 33).toString('base64url'),
        y: raw.subarray(33).toString('base64url'),
      }
}

export async function anIssuer(
  dir: string,
  keys: Readonly<Record<string, TestKey>>,
): Promise<Issuer> {
  const clientsFile = join(dir, 'clients.json')
  const clients = Object.entries(keys).map(([clientId, key]) => ({
    clientId,
    jwks: { keys: [jwkOf(key)] },
  }))
  await writeFile(clientsFile, JSON.stringify(clients))
  const config = { port: 0, host: '127.0.0.1', publicUrl: null, clientsFile, audience: AUDIENCE }
  return startIssuer({ ...config, stateDir: join(dir, 'issuer') }, pino({ enabled: false }))
}

/** The same accounts, at the issuer that runs here. */
const movedTo =
  (url: string) =>
  (people: PeopleSection): PeopleSection => {
    const move = <A extends { issuer: string }>(accounts: A[]): A[] =>
      accounts.map((account) => (account.issuer === ISSUER ? { ...account, issuer: url } : account))
    return {
      ...people,
      persons: people.persons.map((item) => ({ ...item, accounts: move(item.accounts) })),
      companies: people.companies.map((item) => ({ ...item, clients: move(item.clients) })),
    }
  }

export async function anApi(
  people: (section: PeopleSection) => PeopleSection = (section) => section,
  ownership: (section: OwnershipSection) => OwnershipSection = (section) => section,
  pack?: PackFiles,
): Promise<ApiRig> {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-api-'))
  const loginKeys = loginKeysFor()
  const issuer = await anIssuer(dir, loginKeys)
  const change = {
    people: (section: PeopleSection) => people(movedTo(issuer.url)(section)),
    ownership,
  }
  const world = await aWorld({ change }, pack)
  const logged: string[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(line) })
  const api = await startApi(
    {
      ...{ databaseUrl: world.url('cs_api'), trust: world.authority.trust },
      ...{ port: 0, host: '127.0.0.1', publicUrl: null, metrics: null },
      ...{ issuers: [issuer.url], audience: AUDIENCE },
    },
    log,
  )
  const login = (who: Who) => ({ issuer: issuer.url, audience: AUDIENCE, clientId: who })
  const tokens = new Map(
    WHO.map((who) => [who, tokenSource(login(who), loaded(loginKeys[who]))] as const),
  )
  const token = (who: Who) => tokens.get(who)?.() ?? Promise.reject(new TypeError(who))
  return {
    ...{ world, url: api.url, issuer, loginKeys, logged, token },
    client: (who) => clientOf({ api: api.url, token: () => token(who) }),
    anonymous: clientOf({ api: api.url, token: null }),
    amend: async (people, otherwise = { version: 2 }) => {
      const { bundle, trust } = anAuthority({
        ...{ keys: world.authority.keys, ...otherwise },
        pack: {
          packId: 'demo',
          version: 1,
          effectiveFrom: SPAN.notBefore,
          hash: packHash(quickPack()),
        },
        change: { people: (section) => people(movedTo(issuer.url)(section)) },
      })
      must(await installAuthority(world.db('owner'), { bundle, trust, verify: nodeVerify }))
    },
    stop: async () => {
      await api.stop()
      await issuer.close()
      await world.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
