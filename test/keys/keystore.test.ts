import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fromBase64 } from '../../src/domain/bytes/base64.js'
import { createKey, KeyFileFault, loadKey } from '../../src/keys/keystore.js'
import { generateEd25519, signNoteBytes } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'countersign-keys-'))
})
afterEach(() => rm(dir, { recursive: true }))

const note = Buffer.from('a note\n')

describe('a key file', () => {
  it('is readable by its owner only, and signs for the public key beside it', async () => {
    const made = await createKey({ dir, keyId: 'key_root' })
    expect((await stat(made.path)).mode & 0o777).toBe(0o600)
    const loaded = await loadKey(made.path)
    expect(loaded).toMatchObject({ keyId: 'key_root', alg: 'ed25519', publicKey: made.publicKey })
    const publicKey = fromBase64(made.publicKey) ?? new Uint8Array()
    const signature = signNoteBytes(loaded.signer, note)
    expect(nodeVerify({ alg: 'ed25519', publicKey, message: note, signature })).toBe(true)
  })

  it('leaves no draft behind', async () => {
    await createKey({ dir, keyId: 'key_root' })
    expect((await readdir(dir)).sort()).toEqual(['key_root.json', 'key_root.pem'])
  })

  it.each([0o640, 0o604, 0o660, 0o601, 0o777])('is refused with mode %o', async (mode) => {
    const { path } = await createKey({ dir, keyId: 'key_root' })
    await chmod(path, mode)
    await expect(loadKey(path)).rejects.toThrow(/open to others/)
  })

  it('is never replaced, even by two that create it at once', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, () => createKey({ dir, keyId: 'key_root' })),
    )
    const made = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    const [only] = made
    expect(made).toHaveLength(1)
    expect((await loadKey(only?.path ?? '')).publicKey).toBe(only?.publicKey)
    await expect(createKey({ dir, keyId: 'key_root' })).rejects.toThrow(KeyFileFault)
  })

  it('with a passphrase opens with that passphrase only, and does not tell it', async () => {
    const { path, publicKey } = await createKey({ dir, keyId: 'key_root', passphrase: 'hunter2' })
    expect(await readFile(path, 'utf8')).toContain('ENCRYPTED PRIVATE KEY')
    expect((await loadKey(path, { passphrase: 'hunter2' })).publicKey).toBe(publicKey)
    for (const options of [{}, { passphrase: 'hunter3' }, { passphrase: '' }])
      await expect(loadKey(path, options)).rejects.toThrow(KeyFileFault)
  })

  it('is refused when it is not the key that its sidecar names', async () => {
    const { path } = await createKey({ dir, keyId: 'key_root' })
    await writeFile(path, generateEd25519().privateKeyPem)
    await expect(loadKey(path)).rejects.toThrow(/not the key/)
  })

  it('is refused without a sidecar, with a bent one, and when it is not there', async () => {
    const { path } = await createKey({ dir, keyId: 'key_root' })
    const sidecar = join(dir, 'key_root.json')
    for (const bent of ['', '{}', '{"keyId":"../x","alg":"ed25519","publicKey":""}']) {
      await writeFile(sidecar, bent)
      await expect(loadKey(path)).rejects.toThrow(KeyFileFault)
    }
    await rm(sidecar)
    await expect(loadKey(path)).rejects.toThrow(KeyFileFault)
    await expect(loadKey(join(dir, 'key_other.pem'))).rejects.toThrow(KeyFileFault)
  })

  it('that cannot be read is not quoted in the error', async () => {
    const { path } = await createKey({ dir, keyId: 'key_root' })
    await writeFile(path, 'hunter2 is not PEM')
    const error: unknown = await loadKey(path).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(KeyFileFault)
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('hunter2')
  })

  it('has a key id for a name, not a path', async () => {
    for (const keyId of ['../key_root', 'key_/x', 'root', ''])
      await expect(createKey({ dir, keyId })).rejects.toThrow(TypeError)
  })
})

describe('a signer of notes', () => {
  it('never signs bytes that an envelope’s signature could be over', async () => {
    const { path } = await createKey({ dir, keyId: 'key_log' })
    const { signer } = await loadKey(path)
    expect(() => signNoteBytes(signer, Buffer.from('DSSEv1 1 a 1 b'))).toThrow(TypeError)
  })
})
