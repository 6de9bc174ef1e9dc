/**
 * The canary: every secret that the system holds, known to the test, with access tokens, passphrases and
 * one stray secret that is sent to every door. None may be found in what the system leaves behind.
 */
import { createPrivateKey, randomBytes } from 'node:crypto'
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tokenSource } from '../../src/cli/session/login.js'
import { keyOf, readProfile } from '../../src/cli/session/profile.js'
import type { System } from '../../src/demo/system.js'
import { parseAs } from '../../src/domain/shapes/parse.js'
import { openBox, SecretBox } from '../../src/keys/secret-box.js'
import { openDb } from '../../src/store/db.js'
import type { Artefact } from './artefacts.js'
import { accepted } from './parties.js'
import type { Running } from './running-system.js'
import { createFinder, needlesOf, type Secret, secretText } from './spellings.js'

/** Sent where a client could put a secret by mistake: it must go nowhere. */
const STRAY = `stray-${randomBytes(24).toString('base64url')}`

/** What only the doors and the start of a process see. */
export interface Shown {
  readonly tokens: readonly Secret[]
  readonly answers: Artefact
}

/** The log key under a passphrase: the keeper is refused with a wrong one, then started with the right one. */
export async function lockLogKey(running: Running): Promise<readonly Secret[]> {
  const { system, env } = running
  const [right, wrong] = [passphrase(), passphrase()]
  const open = system.genesis.keyFile('key_log')
  const locked = join(system.dir, 'log-key.pem')
  const form = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: right } as const
  const key = createPrivateKey(await readFile(open, 'utf8'))
  await writeFile(locked, key.export(form), { mode: 0o600 })
  await copyFile(open.replace(/pem$/, 'json'), locked.replace(/pem$/, 'json'))
  await system.process('keeper').stop()
  const start = (COUNTERSIGN_LOG_KEY_PASSPHRASE: string) => {
    env['keeper'] = { COUNTERSIGN_LOG_KEY: locked, COUNTERSIGN_LOG_KEY_PASSPHRASE }
    return system.startProcess('keeper')
  }
  const refused = await start(wrong).then(
    () => 'started',
    () => 'refused',
  )
  if (refused !== 'refused') throw new Error('a keeper started with a wrong passphrase')
  await start(right)
  return [secretText('passphrase', right), secretText('wrong passphrase', wrong)]
}

const passphrase = (): string => `pass ${randomBytes(18).toString('base64')}`

/** Asks every door with real tokens, with tokens that are none, and with a secret in every wrong place. */
export async function knock(system: System): Promise<Shown> {
  const tokens = await Promise.all(
    (['partner', 'per_ana', 'per_zed'] as const).map(async (who) => {
      const profile = await readProfile(system.profile(who))
      return tokenSource(profile, await keyOf(profile, 'loginKey'))()
    }),
  )
  const { api, issuer, codec } = system.addresses
  const asked = await Promise.all([
    ...tokens.flatMap((token) =>
      ['/v1/cases', '/v1/inbox', '/v1/tasks', '/v1/cases/unknown'].map((path) =>
        ask(`${api}${path}`, { headers: { authorization: `Bearer ${token}` } }),
      ),
    ),
    ...[api, issuer, codec].flatMap((base) =>
      strayRequests.map(({ path, init }) => ask(`${base}${path}`, init)),
    ),
  ])
  return {
    tokens: tokens.map((token) => secretText('access token', token)),
    answers: { name: 'answers at the doors', bytes: Buffer.from(asked.join('\n')) },
  }
}

const strayRequests: readonly { readonly path: string; readonly init: RequestInit }[] = [
  ...['Bearer', 'DPoP', 'Basic'].map((scheme) => ({
    path: '/v1/cases',
    init: { headers: { authorization: `${scheme} ${STRAY}`, dpop: STRAY, cookie: STRAY } },
  })),
  { path: `/v1/cases/${STRAY}?token=${STRAY}`, init: {} },
  { path: '/v1/cases', init: { method: 'POST', body: `{"secret":"${STRAY}"` } },
  { path: '/v1/claims', init: { method: 'POST', body: JSON.stringify({ secret: STRAY }) } },
  { path: '/token', init: { method: 'POST', body: `client_secret=${STRAY}` } },
  { path: '/decode', init: { method: 'POST', body: JSON.stringify({ payloads: STRAY }) } },
]

async function ask(url: string, init: RequestInit): Promise<string> {
  const response = await fetch(url, {
    ...init,
    headers: { 'content-type': 'application/json', ...init.headers },
  })
  return JSON.stringify([response.status, ...response.headers, await response.text()])
}

export async function allSecrets(system: System): Promise<Secret[]> {
  const { accounts, roles, admin, superuser, targetSuperuser } = system.secrets
  const { codecKey, secretKey, fingerprintKey } = system.secrets
  const key = (label: string, text: string): Secret => ({
    label,
    bytes: Buffer.from(text, 'base64'),
  })
  return [
    ...Object.entries(accounts).map(([name, text]) => secretText(`secret of ${name}_a`, text)),
    ...(await stagedSecrets(system)),
    secretText('admin secret of the target', admin),
    secretText('superuser of the store', superuser),
    secretText('superuser of the target', targetSuperuser),
    ...Object.entries(roles).map(([role, text]) => secretText(`database role ${role}`, text)),
    key('codec key', codecKey),
    key('secret-box key', secretKey),
    key('fingerprint key', fingerprintKey),
    ...(await privateKeys(system)),
    secretText('stray secret', STRAY),
  ]
}

/** What the connector generated: only the key ring of the secret box opens it. */
async function stagedSecrets(system: System): Promise<Secret[]> {
  const keys = [{ kid: 'box-1', key: Buffer.from(system.secrets.secretKey, 'base64') }]
  const db = openDb(system.databaseUrl('cs_connector'), { name: 'canary', max: 1 })
  const { rows } = await db.query<{ ref: string; box: unknown }>('select ref, box from secrets')
  await db.end()
  return rows.map(({ ref, box }) => {
    const parsed = accepted(parseAs(SecretBox)(box))
    return secretText(
      `stored ${ref}`,
      accepted(openBox({ keys, box: parsed, boundTo: { ref } })).secret,
    )
  })
}

/** The 32 secret bytes of each Ed25519 and X25519 key (RFC 8410), without the part all such files share. */
async function privateKeys(system: System): Promise<Secret[]> {
  const names = (await readdir(system.genesis.keysDir)).filter((name) => name.endsWith('.pem'))
  const pems = await Promise.all(
    names.map(
      async (name) => [name, await readFile(join(system.genesis.keysDir, name), 'utf8')] as const,
    ),
  )
  const consumers = system.genesis.identities.map(
    (item) => [item.name, item.privateKeyPem] as const,
  )
  return [...pems, ...consumers].map(([name, pem]) => {
    const der = createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' })
    return { label: `private key ${name}`, bytes: der.subarray(-32) }
  })
}

/** Which of these stand where; labels only. */
export const found = (artefacts: readonly Artefact[], wanted: readonly Secret[]): string[] => {
  const find = createFinder(needlesOf(wanted))
  return artefacts.flatMap(({ name, bytes }) => find(bytes).map((label) => `${label} in ${name}`))
}
