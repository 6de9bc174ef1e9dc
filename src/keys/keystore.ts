/**
 * A *key file* is a private key in PKCS#8 PEM that only its owner can read; its *sidecar*, beside it, is
 * JSON that says which key it is. Creating never replaces a file, and a crash leaves each whole or absent.
 * With a passphrase the file is PBES2 with AES-256-CBC, which protects a backup, not a running host.
 */
import { createPrivateKey } from 'node:crypto'
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ulid } from 'ulid'
import { toBase64 } from '../domain/bytes/base64.js'
import { isRefusal } from '../domain/refusal.js'
import { PublicKey } from '../domain/shapes/authority.js'
import { KeyId } from '../domain/shapes/basic.js'
import { parseAs } from '../domain/shapes/parse.js'
import { generateEd25519, type Signer, signerFromPem } from './sign.js'

/** A key file that is absent, open to others, unreadable, or not the key that its sidecar names. No key text in it. */
export class KeyFileFault extends Error {
  override readonly name = 'KeyFileFault'
}

export interface LoadedKey extends PublicKey {
  readonly signer: Signer
}

export interface KeyPlace {
  readonly dir: string
  readonly keyId: string
  readonly passphrase?: string
}

/** Mode bits that let group or others do anything. */
const OTHERS = 0o077

const sidecarOf = (path: string): string => `${path.replace(/\.pem$/, '')}.json`

/** Makes `<keyId>.pem` (mode 0600) and `<keyId>.json`. Throws KeyFileFault when the key is there already. */
export async function createKey(place: KeyPlace): Promise<PublicKey & { readonly path: string }> {
  if (!KeyId.safeParse(place.keyId).success) throw new TypeError('not a key id')
  const { publicKey, privateKeyPem } = generateEd25519()
  const path = join(place.dir, `${place.keyId}.pem`)
  const about: PublicKey = { keyId: place.keyId, alg: 'ed25519', publicKey }
  await mkdir(place.dir, { recursive: true, mode: 0o700 })
  await writeOnce({ path, text: encrypted(privateKeyPem, place.passphrase), mode: 0o600 })
  await writeOnce({ path: sidecarOf(path), text: `${JSON.stringify(about)}\n`, mode: 0o644 })
  return { ...about, path }
}

function encrypted(pem: string, passphrase: string | undefined): string {
  if (passphrase === undefined) return pem
  const form = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase } as const
  return createPrivateKey(pem).export(form).toString()
}

/** Afterwards the file exists, whole and on disk, and nothing that had its name was touched. */
async function writeOnce(file: { path: string; text: string; mode: number }): Promise<void> {
  const draft = join(dirname(file.path), `.${ulid()}.draft`)
  const handle = await open(draft, 'wx', file.mode)
  try {
    await handle.writeFile(file.text)
    await handle.sync()
    await link(draft, file.path)
  } catch (cause) {
    throw new KeyFileFault(`cannot create ${file.path}`, { cause })
  } finally {
    await handle.close()
    await unlink(draft)
  }
  await syncDirectory(dirname(file.path))
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r')
  await handle.sync().finally(() => handle.close())
}

/** `path` names the PEM file. Throws KeyFileFault. */
export async function loadKey(
  path: string,
  options: { readonly passphrase?: string } = {},
): Promise<LoadedKey> {
  const about = await readSidecar(path)
  const signer = readSigner({ path, pem: await readPrivate(path), ...options })
  if (signer.alg !== about.alg || toBase64(signer.publicKey) !== about.publicKey)
    throw new KeyFileFault(`${path} is not the key that its sidecar names`)
  return { ...about, signer }
}

function readSigner(file: { path: string; pem: string; passphrase?: string }): Signer {
  try {
    return signerFromPem(file.pem, file.passphrase)
  } catch (cause) {
    throw new KeyFileFault(`${file.path} cannot be used`, { cause })
  }
}

/** The mode is that of the open file, so it cannot change between the check and the reading. */
async function readPrivate(path: string): Promise<string> {
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw new KeyFileFault(`cannot open ${path}`, { cause })
  })
  try {
    const { mode } = await handle.stat()
    if ((mode & OTHERS) !== 0) throw new KeyFileFault(`${path} is open to others; chmod 600 it`)
    return await handle.readFile('utf8')
  } finally {
    await handle.close()
  }
}

async function readSidecar(path: string): Promise<PublicKey> {
  const sidecar = sidecarOf(path)
  try {
    const about = parseAs(PublicKey)(JSON.parse(await readFile(sidecar, 'utf8')))
    if (!isRefusal(about)) return about
    throw new TypeError(`${about.refused} at ${about.where}`)
  } catch (cause) {
    throw new KeyFileFault(`cannot read ${sidecar}`, { cause })
  }
}
