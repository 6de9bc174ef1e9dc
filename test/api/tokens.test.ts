import { createHash, createHmac, createPublicKey } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { ulid } from 'ulid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tokenChecker } from '../../src/api/token.js'
import { clientAssertion, tokenSource } from '../../src/cli/session/login.js'
import { ConfigFault } from '../../src/config.js'
import { isRefusal } from '../../src/domain/refusal.js'
import { type Issuer, startIssuer } from '../../src/issuer/issuer.js'
import { aKey, type TestKey } from '../support/authority.js'
import { AUDIENCE, anIssuer, jwkOf, loaded } from './rig.js'

let dir: string
let issuer: Issuer
const keys = { acme: aKey('key_acme-login'), zeta: aKey('key_zeta-login', 'es256') }
/** The key of an issuer of the test's own, which signs whatever it is told. */
const signing = aKey('key_test-issuer')
let own: { readonly url: string; readonly close: () => void }

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'countersign-issuer-'))
  issuer = await anIssuer(dir, keys)
  own = await ownIssuer()
})
afterAll(async () => {
  await issuer?.close()
  own?.close()
  await rm(dir, { recursive: true, force: true })
})

/** Publishes metadata and a key set, so that every token can be made by hand. */
async function ownIssuer() {
  const server = createServer((request, response) => {
    const { port } = server.address() as AddressInfo
    const url = `http://127.0.0.1:${port}`
    const body = request.url?.endsWith('/jwks')
      ? { keys: [jwkOf(signing)] }
      : { issuer: url, jwks_uri: `${url}/jwks` }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, close: () => void server.close() }
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const nowS = (): number => Math.floor(Date.now() / 1000)

interface Forging {
  readonly header?: object
  readonly claims?: object
  readonly sign?: (text: string) => Uint8Array
}

/** A token that is right in everything but what is given. */
function token({ header = {}, claims = {}, sign }: Forging = {}): string {
  const text = `${part({ alg: 'EdDSA', typ: 'at+jwt', kid: signing.keyId, ...header })}.${part({
    ...{ iss: own.url, aud: AUDIENCE, sub: 'acme', client_id: 'acme', jti: ulid() },
    ...{ iat: nowS(), exp: nowS() + 300 },
    ...claims,
  })}`
  const signed = (sign ?? ((words) => signing.signer.sign(Buffer.from(words))))(text)
  return `${text}.${Buffer.from(signed).toString('base64url')}`
}

const check = (text: string) =>
  tokenChecker({ issuers: [own.url, issuer.url], audience: AUDIENCE })(text)

describe('an access token', () => {
  it('of a known issuer for this API is accepted', async () => {
    expect(await check(token())).toEqual({ issuer: own.url, subject: 'acme', clientId: 'acme' })
  })

  it.each<[string, () => string]>([
    ['with alg none', () => token({ header: { alg: 'none' }, sign: () => new Uint8Array() })],
    ['with HS256 under the public key', () => hmacToken()],
    [
      'with another key',
      () => token({ sign: (text) => aKey('key_x').signer.sign(Buffer.from(text)) }),
    ],
    ['for another audience', () => token({ claims: { aud: 'urn:another' } })],
    ['of an unknown issuer', () => token({ claims: { iss: 'https://elsewhere.test' } })],
    [
      'of another known issuer than the one that signed',
      () => token({ claims: { iss: issuer.url } }),
    ],
    ['that is expired', () => token({ claims: { iat: nowS() - 900, exp: nowS() - 600 } })],
    ['that is not valid yet', () => token({ claims: { nbf: nowS() + 600 } })],
    ['without an end', () => token({ claims: { exp: undefined } })],
    ['without a subject', () => token({ claims: { sub: undefined } })],
    ['of an id token’s type', () => token({ header: { typ: 'JWT' } })],
    ['without a type', () => token({ header: { typ: undefined } })],
    ['with a critical header that nobody knows', () => token({ header: { crit: ['x'], x: 1 } })],
    ['with its own key in the header', () => embeddedKey()],
    ['with changed claims', () => token().replace(/\.[^.]+\./, `.${part({ iss: own.url })}.`)],
    ['that is no token', () => 'x'],
    ['of 100 kB', () => 'x'.repeat(100_000)],
  ])('%s is refused', async (_, make) => {
    expect(await check(make())).toMatchObject({ refused: 'UNAUTHENTICATED' })
  })

  it('is not judged while its issuer cannot be reached, and is judged once it can', async () => {
    const gone = await ownIssuer()
    gone.close()
    const later = tokenChecker({ issuers: [gone.url], audience: AUDIENCE })
    await expect(later(token({ claims: { iss: gone.url } }))).rejects.toMatchObject({
      name: 'IssuerFault',
    })
  })
})

function hmacToken(): string {
  const pem = createPublicKey({ key: jwkOf(signing), format: 'jwk' }).export({
    ...{ type: 'spki', format: 'pem' },
  })
  return token({
    header: { alg: 'HS256' },
    sign: (text) => createHmac('sha256', pem.toString()).update(text).digest(),
  })
}

function embeddedKey(): string {
  const mine = aKey('key_mine')
  return token({
    header: { jwk: jwkOf(mine), kid: mine.keyId },
    sign: (text) => mine.signer.sign(Buffer.from(text)),
  })
}

describe('the issuer', () => {
  const ask = async (assertion: string, more: Record<string, string> = {}) => {
    const response = await fetch(`${issuer.url}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        resource: AUDIENCE,
        client_id: 'acme',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
        ...more,
      }),
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  const assertion = (claims: Record<string, unknown> = {}, key: TestKey = keys.acme) =>
    clientAssertion({ clientId: 'acme', issuer: issuer.url, key: loaded(key), claims })

  it.each(['acme', 'zeta'] as const)(
    'gives %s a token of five minutes that the API accepts',
    async (clientId) => {
      const login = { issuer: issuer.url, audience: AUDIENCE, clientId }
      const text = await tokenSource(login, loaded(keys[clientId]))()
      const [header = '', claims = ''] = text.split('.')
      expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toMatchObject({
        typ: 'at+jwt',
      })
      const { iat, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<
        string,
        number
      >
      expect((exp ?? 0) - (iat ?? 0)).toBe(300)
      expect(await check(text)).toEqual({ issuer: issuer.url, subject: clientId, clientId })
    },
  )

  it('takes an assertion once', async () => {
    const once = assertion()
    expect((await ask(once)).status).toBe(200)
    expect(await ask(once)).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
  })

  it.each<[string, Record<string, unknown>]>([
    ['for the token endpoint instead of the issuer', { aud: 'x' }],
    ['of another client', { sub: 'zeta' }],
    ['that lives for an hour', { exp: nowS() + 3600 }],
    ['that is expired', { iat: nowS() - 900, exp: nowS() - 600 }],
    ['from before it started', { iat: nowS() - 3600, exp: nowS() + 30 }],
    ['without a time of issue', { iat: undefined }],
    ['without an id', { jti: undefined }],
  ])('takes no assertion %s', async (_, claims) => {
    const { status, body } = await ask(assertion(claims))
    expect([400, 401]).toContain(status)
    expect(body).not.toHaveProperty('access_token')
  })

  it('takes no assertion signed with another client’s key, and no secret', async () => {
    expect((await ask(assertion({}, keys.zeta))).status).toBe(401)
    expect((await ask(assertion({}, aKey('key_acme-login')))).status).toBe(401)
    expect((await ask('', { client_secret: 'secret' })).status).toBeGreaterThanOrEqual(400)
  })

  it('gives tokens for no other audience and by no other flow', async () => {
    expect(await ask(assertion(), { resource: 'urn:another' })).toMatchObject({
      ...{ status: 400, body: { error: 'invalid_target' } },
    })
    const code = await ask(assertion(), { grant_type: 'authorization_code', code: 'x' })
    expect(code).toMatchObject({ status: 400, body: { error: 'unsupported_grant_type' } })
    const pages = await fetch(`${issuer.url}/auth?client_id=acme&response_type=code`, {
      redirect: 'manual',
    })
    expect(pages.status).toBeGreaterThanOrEqual(400)
    expect(await pages.json()).toHaveProperty('error')
  })

  it('keeps its key to itself, and keeps it over a restart', async () => {
    const file = join(dir, 'issuer', 'issuer-key.json')
    expect((await stat(file)).mode & 0o077).toBe(0)
    const before = await (await fetch(`${issuer.url}/jwks`)).text()
    expect(before).not.toContain('"d"')
    const kept = createHash('sha256')
      .update(await readFile(file))
      .digest('hex')
    const again = await anIssuer(dir, keys)
    expect(await (await fetch(`${again.url}/jwks`)).text()).toBe(before)
    await again.close()
    expect(
      createHash('sha256')
        .update(await readFile(file))
        .digest('hex'),
    ).toBe(kept)
  })

  it('starts with no clients file that holds a private key', async () => {
    const clientsFile = join(dir, 'private.json')
    const jwk = { ...jwkOf(keys.acme), d: 'x'.repeat(43) }
    await writeFile(clientsFile, JSON.stringify([{ clientId: 'acme', jwks: { keys: [jwk] } }]))
    const config = { port: 0, host: '127.0.0.1', publicUrl: null, clientsFile, audience: AUDIENCE }
    await expect(
      startIssuer({ ...config, stateDir: dir }, pino({ enabled: false })),
    ).rejects.toBeInstanceOf(ConfigFault)
  })
})

describe('a refusal of the checker', () => {
  it('repeats nothing of the token', async () => {
    const text = token({ claims: { aud: 'urn:another', secret: 'do-not-repeat' } })
    const refused = await check(text)
    expect(isRefusal(refused)).toBe(true)
    expect(JSON.stringify(refused)).not.toContain('do-not-repeat')
  })
})
