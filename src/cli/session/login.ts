/**
 * Signing in: OAuth client credentials with private_key_jwt (RFC 7523). The assertion is a JWS (RFC 7515) made
 * by the signer, so the private key never leaves it. A token is kept until shortly before it ends.
 */

import { ulid } from 'ulid'
import { z } from 'zod'
import type { LoadedKey } from '../../keys/keystore.js'
import { ApiFault } from './fault.js'
import type { Profile } from './profile.js'

export type Login = Pick<Profile, 'issuer' | 'audience' | 'clientId'>

const WITHIN_MS = 10_000
const ASSERTION_LIVES_S = 60
const RENEW_BEFORE_MS = 30_000

const Metadata = z.object({ issuer: z.string(), token_endpoint: z.url({ protocol: /^https?$/ }) })
const Token = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() })

/** The header and claims of a client assertion, signed. Exact bytes: base64url(header).base64url(claims). */
export function clientAssertion(input: {
  readonly clientId: string
  readonly issuer: string
  readonly key: LoadedKey
  /** Claims to replace, for whoever tries what an issuer accepts. */
  readonly claims?: Readonly<Record<string, unknown>>
}): string {
  const { clientId, issuer, key } = input
  const at = Math.floor(Date.now() / 1000)
  const alg = key.alg === 'ed25519' ? 'EdDSA' : 'ES256'
  const claims = {
    ...{ iss: clientId, sub: clientId, aud: issuer, jti: ulid() },
    ...{ iat: at, exp: at + ASSERTION_LIVES_S },
    ...input.claims,
  }
  const text = `${part({ alg, typ: 'JWT' })}.${part(claims)}`
  const signature = key.signer.sign(Buffer.from(text, 'ascii'))
  return `${text}.${Buffer.from(signature).toString('base64url')}`
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Gives a valid access token; rejects with ApiFault while the issuer cannot be reached or gives none. */
export function tokenSource(login: Login, key: LoadedKey): () => Promise<string> {
  let kept: { readonly token: string; readonly until: number } | null = null
  return async () => {
    if (kept !== null && kept.until > performance.now()) return kept.token
    const { access_token, expires_in } = await askToken(login, key)
    kept = {
      token: access_token,
      until: performance.now() + expires_in * 1000 - RENEW_BEFORE_MS,
    }
    return access_token
  }
}

async function askToken(login: Login, key: LoadedKey): Promise<z.infer<typeof Token>> {
  const { issuer, audience, clientId } = login
  const metadata = Metadata.parse(
    await jsonFrom(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`),
  )
  if (metadata.issuer !== issuer) throw new ApiFault('the issuer has another name than the profile')
  return Token.parse(
    await jsonFrom(metadata.token_endpoint, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        resource: audience,
        client_id: clientId,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: clientAssertion({ clientId, issuer, key }),
      }),
    }),
  )
}

async function jsonFrom(url: string, request: RequestInit = {}): Promise<unknown> {
  const response = await fetch(url, {
    ...request,
    redirect: 'error',
    signal: AbortSignal.timeout(WITHIN_MS),
  }).catch((cause: unknown) => {
    throw new ApiFault(`the issuer at ${new URL(url).origin} cannot be reached; is it running?`, {
      cause,
    })
  })
  if (response.ok) return response.json()
  await response.body?.cancel()
  throw new ApiFault(
    `the issuer gives no token (HTTP ${response.status}); does it know the client and the login key of this profile?`,
  )
}
