/**
 * verifier: what PostgreSQL keeps instead of a password (RFC 5802, RFC 7677), in the text form that
 * `ALTER ROLE ... PASSWORD` takes as it is: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`.
 *
 * Promises: it is computed here, so a server and its log never see the secret; the salt is fresh
 * for every verifier, so equal secrets have different verifiers.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

const ITERATIONS = 4096
const SALT_BYTES = 16

// SASLprep (RFC 4013) leaves printable ASCII as it is, so both sides normalise to the same bytes.
const PRINTABLE_ASCII = /^[\x20-\x7e]{1,256}$/

/**
 * The verifier of a secret of 1 to 256 printable ASCII characters.
 * Throws TypeError, without the secret, for any other one. `salt` is given only to reproduce one.
 */
export function scramVerifier(secret: string, salt: Uint8Array = randomBytes(SALT_BYTES)): string {
  if (!PRINTABLE_ASCII.test(secret))
    throw new TypeError('a secret is 1 to 256 printable ASCII characters')
  const salted = pbkdf2Sync(secret, salt, ITERATIONS, 32, 'sha256')
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64')
  const serverKey = hmac(salted, 'Server Key').toString('base64')
  const saltText = Buffer.from(salt).toString('base64')
  return `SCRAM-SHA-256$${ITERATIONS}:${saltText}$${storedKey}:${serverKey}`
}

const hmac = (key: Uint8Array, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest()
