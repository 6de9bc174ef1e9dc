/**
 * The *issuer* of the embedded system: a standard OAuth authorization server as a process of its own. It knows
 * one flow, client credentials with private_key_jwt (RFC 7523), and issues JWT access tokens (RFC 9068) for
 * one audience that live five minutes. An enterprise uses its own identity provider in its place; the API
 * is a resource server either way and trusts no more than the published keys.
 */
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { z } from 'zod'
import { ConfigFault, type IssuerConfig } from '../config.js'
import { isRefusal } from '../domain/refusal.js'
import { parseAs } from '../domain/shapes/parse.js'
import { memoryAdapter } from './adapter.js'
import { issuerKey } from './keys.js'
import { loadLibrary } from './library.js'

const TOKEN_LIVES_S = 300
/** A client assertion is used at once or not at all. */
const ASSERTION_LIVES_S = 120

const PublicJwk = z.union([
  z.strictObject({
    kty: z.literal('OKP'),
    crv: z.literal('Ed25519'),
    x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
    kid: z.string().max(64).optional(),
    use: z.literal('sig').optional(),
    alg: z.enum(['EdDSA', 'Ed25519']).optional(),
  }),
  z.strictObject({
    kty: z.literal('EC'),
    crv: z.literal('P-256'),
    x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
    y: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
    kid: z.string().max(64).optional(),
    use: z.literal('sig').optional(),
    alg: z.literal('ES256').optional(),
  }),
])
/** Public keys only: a private member is an unknown field, and refuses the file. */
const ClientsFile = z
  .array(
    z.strictObject({
      clientId: z.string().regex(/^[A-Za-z0-9._-]{1,100}$/),
      jwks: z.strictObject({ keys: z.array(PublicJwk).min(1).max(8) }),
    }),
  )
  .min(1)
type Clients = z.infer<typeof ClientsFile>

export interface Issuer {
  /** The issuer identifier, as it stands in tokens. */
  readonly url: string
  readonly port: number
  readonly close: () => Promise<void>
}

/** Resolves when it serves. Throws ConfigFault for a clients file that is missing or wrong. */
export async function startIssuer(
  config: IssuerConfig,
  log: Pick<Logger, 'warn' | 'error'>,
): Promise<Issuer> {
  const clients = await readClients(config.clientsFile)
  const server = createServer()
  await listen(server, config)
  const { port } = server.address() as AddressInfo
  const url = config.publicUrl ?? `http://${config.host}:${port}`
  const { Provider, errors } = await loadLibrary()
  const startedS = Math.floor(Date.now() / 1000)
  const provider = new Provider(url, {
    ...flows({ audience: config.audience, InvalidTarget: errors.InvalidTarget }),
    adapter: memoryAdapter,
    jwks: { keys: [await issuerKey(config.stateDir)] },
    clients: clients.map(clientOf),
    assertJwtClientAuthClaimsAndHeader: (_: unknown, claims: Readonly<Record<string, unknown>>) => {
      const wrong = wrongAssertion({ claims, issuer: url, startedS })
      if (wrong !== null) throw new errors.InvalidClientAuth(wrong)
    },
  })
  provider.on('server_error', (...values) => log.error({ fault: faultName(values[1]) }, 'issuer'))
  provider.on('grant.error', (...values) => log.warn({ refused: faultName(values[1]) }, 'no token'))
  server.on('request', provider.callback())
  return { url, port, close: () => close(server) }
}

/** FAPI 2.0: the audience of an assertion is the issuer and nothing else; it is fresh, short, and of this run. */
function wrongAssertion(input: {
  readonly claims: Readonly<Record<string, unknown>>
  readonly issuer: string
  readonly startedS: number
}): string | null {
  const { aud, iat, exp, sub, iss } = input.claims
  if (aud !== input.issuer) return 'audience must be the issuer'
  if (sub !== iss) return 'subject must be the client'
  if (typeof iat !== 'number' || typeof exp !== 'number') return 'iat and exp are needed'
  if (exp - iat > ASSERTION_LIVES_S) return `an assertion lives at most ${ASSERTION_LIVES_S} s`
  return iat < input.startedS ? 'made before this issuer started' : null
}

interface Flows {
  readonly audience: string
  readonly InvalidTarget: new () => Error
}

const flows = (input: Flows) => ({
  clientAuthMethods: ['private_key_jwt'],
  enabledJWA: { clientAuthSigningAlgValues: ['EdDSA', 'Ed25519', 'ES256'] },
  responseTypes: [],
  scopes: [],
  clockTolerance: 5,
  ttl: { ClientCredentials: TOKEN_LIVES_S },
  clientDefaults: {
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    token_endpoint_auth_method: 'private_key_jwt',
    id_token_signed_response_alg: 'EdDSA',
  },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    userinfo: { enabled: false },
    rpInitiatedLogout: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    dPoP: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => input.audience,
      useGrantedResource: () => true,
      getResourceServerInfo: (_: unknown, resource: string) => resourceServer(input, resource),
    },
  },
  routes: { token: '/token', jwks: '/jwks' },
  /** There are no pages here: an error is its code. */
  renderError: (context: { type: string; body: unknown }, out: { readonly error: string }) => {
    context.type = 'application/json'
    context.body = { error: out.error }
  },
})

/** RFC 8707: a token is for the API; any other audience is an invalid target. */
async function resourceServer({ audience, InvalidTarget }: Flows, resource: string) {
  if (resource !== audience) throw new InvalidTarget()
  return {
    scope: '',
    audience,
    accessTokenFormat: 'jwt',
    accessTokenTTL: TOKEN_LIVES_S,
    jwt: { sign: { alg: 'EdDSA' } },
  }
}

const clientOf = ({ clientId, jwks }: Clients[number]) => ({ client_id: clientId, jwks })

async function readClients(path: string): Promise<Clients> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new ConfigFault('ISSUER_CLIENTS', `${path} cannot be read`)
  })
  const clients = parseAs(ClientsFile)(jsonOrNull(text))
  if (isRefusal(clients))
    throw new ConfigFault('ISSUER_CLIENTS', `${path} is wrong at ${clients.where || '/'}`)
  return clients
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Names of errors only: their texts can quote what was sent. */
const faultName = (error: unknown): string => (error instanceof Error ? error.name : 'unknown')

const listen = (server: Server, at: { host: string; port: number }): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: at.host, port: at.port }, () => {
      server.off('error', reject)
      resolve()
    })
  })

const close = (server: Server): Promise<void> =>
  new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()))
    server.closeIdleConnections()
  })
