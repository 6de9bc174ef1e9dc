/**
 * An *access token* is a JWT (RFC 9068) from one of the configured issuers for this API. Afterwards issuer,
 * audience, signature under the issuer's published keys, algorithm, type and validity hold. A *KeySource* is
 * the published key set of one issuer, found by its metadata (RFC 8414) and asked only when needed, so that
 * the API starts and goes on without the issuer.
 */
import { createRemoteJWKSet, decodeJwt, errors, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { z } from 'zod'
import { type Refusal, refuse } from '../domain/refusal.js'

export interface TokenSubject {
  readonly issuer: string
  readonly subject: string
  /** The client that the token was issued to. */
  readonly clientId: string
}

/** The issuer's keys cannot be had now; the token was not judged. */
export class IssuerFault extends Error {
  override readonly name = 'IssuerFault'
}

export type CheckToken = (token: string) => Promise<TokenSubject | Refusal>

/** Asymmetric only: `none` and HMAC under a public key are no algorithms here. */
const ALGORITHMS = ['EdDSA', 'Ed25519', 'ES256']
const MAX_TOKEN_CHARACTERS = 8192
const ISSUER_WITHIN_MS = 5000

const Claims = z.object({ sub: z.string().min(1).max(200), client_id: z.string().min(1).max(200) })

export function tokenChecker(input: {
  readonly issuers: readonly string[]
  readonly audience: string
}): CheckToken {
  const keys = new Map(input.issuers.map((issuer) => [issuer, keySource(issuer)]))
  return async (token) => {
    const issuer = token.length > MAX_TOKEN_CHARACTERS ? undefined : claimedIssuer(token)
    const source = issuer === undefined ? undefined : keys.get(issuer)
    if (issuer === undefined || source === undefined) return bad('not from a known issuer')
    return verify({ token, issuer, audience: input.audience, source })
  }
}

const bad = (detail: string): Refusal => refuse('UNAUTHENTICATED', '/Authorization', detail)

/** UNTRUSTED: only a hint for which key set to ask. */
function claimedIssuer(token: string): string | undefined {
  try {
    return decodeJwt(token).iss
  } catch {
    return undefined
  }
}

async function verify(input: {
  readonly token: string
  readonly issuer: string
  readonly audience: string
  readonly source: JWTVerifyGetKey
}): Promise<TokenSubject | Refusal> {
  const { token, issuer, audience, source } = input
  try {
    const { payload } = await jwtVerify(token, source, {
      ...{ issuer, audience, typ: 'at+jwt', algorithms: ALGORITHMS, clockTolerance: 5 },
      requiredClaims: ['sub', 'client_id', 'iat', 'exp', 'jti'],
    })
    const claims = Claims.safeParse(payload)
    if (!claims.success) return bad('the token does not say for whom it is')
    return { issuer, subject: claims.data.sub, clientId: claims.data.client_id }
  } catch (error) {
    if (error instanceof errors.JWTExpired) return bad('the token is expired')
    if (isAboutToken(error)) return bad('the token is not valid for this API')
    throw new IssuerFault('the keys of the issuer cannot be had', { cause: error })
  }
}

const isAboutToken = (error: unknown): boolean =>
  error instanceof errors.JOSEError &&
  !(error instanceof errors.JWKSTimeout) &&
  !(error instanceof errors.JWKSInvalid) &&
  error.code !== 'ERR_JOSE_GENERIC'

const Metadata = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) })

function keySource(issuer: string): JWTVerifyGetKey {
  let found: Promise<JWTVerifyGetKey> | null = null
  return async (header, token) => {
    found ??= discover(issuer).catch((error: unknown) => {
      found = null
      throw error
    })
    return (await found)(header, token)
  }
}

/** RFC 8414 §3.3: metadata counts only when it names the issuer that was asked. */
async function discover(issuer: string): Promise<JWTVerifyGetKey> {
  const response = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
    redirect: 'error',
    signal: AbortSignal.timeout(ISSUER_WITHIN_MS),
  })
  const metadata = Metadata.parse(await response.json())
  if (metadata.issuer !== issuer) throw new TypeError('the metadata names another issuer')
  return createRemoteJWKSet(new URL(metadata.jwks_uri), { timeoutDuration: ISSUER_WITHIN_MS })
}
