/**
 * The issuer's own signing key, made at the first start and kept in its state folder (mode 0600). Nobody
 * else's: the API learns its public half by the issuer's published key set.
 */
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exportJWK, importPKCS8, type JWK } from 'jose'
import { z } from 'zod'
import { isRefusal } from '../domain/refusal.js'
import { parseAs } from '../domain/shapes/parse.js'

const KeyFile = z.strictObject({ kid: z.string().min(1).max(64), pem: z.string().max(2000) })

/** A private JWK (Ed25519). Throws when the file is there and is not such a key. */
export async function issuerKey(stateDir: string): Promise<JWK> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 })
  const path = join(stateDir, 'issuer-key.json')
  const known = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  const file = parseAs(KeyFile)(JSON.parse(known ?? (await makeKey(path))))
  if (isRefusal(file)) throw new TypeError(`${path} is not an issuer key`)
  const key = await importPKCS8(file.pem, 'EdDSA', { extractable: true })
  if (createPublicKey(file.pem).asymmetricKeyType !== 'ed25519')
    throw new TypeError(`${path} is not an Ed25519 key`)
  return { ...(await exportJWK(key)), kid: file.kid, use: 'sig', alg: 'EdDSA' }
}

async function makeKey(path: string): Promise<string> {
  const { privateKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const text = JSON.stringify({ kid: `iss_${randomBytes(9).toString('base64url')}`, pem })
  const handle = await open(path, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  return text
}
