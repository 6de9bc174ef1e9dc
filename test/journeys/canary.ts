/**
 * The canary: every secret that the system holds, known to the test, with one more that is presented at
 * every door as an access token. None may be found in what the system leaves behind.
 */
import { createPrivateKey, randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { System } from '../../src/demo/system.js'
import { parseAs } from '../../src/domain/shapes/parse.js'
import { openBox, SecretBox } from '../../src/keys/secret-box.js'
import { openDb } from '../../src/store/db.js'
import type { Artefact } from './artefacts.js'
import { accepted } from './parties.js'
import { createFinder, needlesOf, type Secret, secretText } from './spellings.js'

/** Presented as an access token and in requests: it must go nowhere. */
const TOKEN = `token-${randomBytes(24).toString('base64url')}`

/** Requests with a secret wherever a client could put one by mistake; the bodies and headers of all answers. */
export async function provoke(system: System): Promise<Artefact> {
  const authorization = [`Bearer ${TOKEN}`, `DPoP ${TOKEN}`, `Basic ${TOKEN}`]
  const requests: { path: string; init: RequestInit }[] = [
    ...authorization.map((value) => ({
      path: '/v1/cases',
      init: { headers: { authorization: value, dpop: TOKEN } },
    })),
    { path: `/v1/cases/${TOKEN}`, init: {} },
    { path: '/v1/cases', init: { method: 'POST', body: `{"secret":"${TOKEN}"` } },
    { path: '/token', init: { method: 'POST', body: `client_secret=${TOKEN}` } },
    { path: '/decode', init: { method: 'POST', body: `{"payloads":"${TOKEN}"}` } },
  ]
  const { api, issuer, codec } = system.addresses
  const bodies: string[] = []
  for (const base of [api, issuer, codec])
    for (const { path, init } of requests) {
      const headers = { 'content-type': 'application/json', ...init.headers }
      const response = await fetch(`${base}${path}`, { ...init, headers })
      bodies.push(JSON.stringify([...response.headers]), await response.text())
    }
  return { name: 'answers to bad requests', bytes: Buffer.from(bodies.join('\n')) }
}

export async function allSecrets(system: System): Promise<Secret[]> {
  const { accounts, roles, admin, superuser, targetSuperuser } = system.secrets
  const { codecKey, secretKey, fingerprintKey } = system.secrets
  const key = (label: string, text: string): Secret => ({ label, bytes: Buffer.from(text, 'base64') })
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
    secretText('access token', TOKEN),
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
    return secretText(`stored ${ref}`, accepted(openBox({ keys, box: parsed, boundTo: { ref } })).secret)
  })
}

/** The 32 secret bytes of each Ed25519 and X25519 key (RFC 8410), without the part all such files share. */
async function privateKeys(system: System): Promise<Secret[]> {
  const names = (await readdir(system.genesis.keysDir)).filter((name) => name.endsWith('.pem'))
  const pems = await Promise.all(
    names.map(async (name) => [name, await readFile(join(system.genesis.keysDir, name), 'utf8')] as const),
  )
  const consumers = system.genesis.identities.map((item) => [item.name, item.privateKeyPem] as const)
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
