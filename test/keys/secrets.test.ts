import { randomBytes } from 'node:crypto'
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { fromBase64, toBase64 } from '../../src/domain/bytes/base64.js'
import { generateX25519, openSealed, sealSecret } from '../../src/keys/seal.js'
import { closeBox, openBox } from '../../src/keys/secret-box.js'

const secret = 'pässword-of-32-characters-€uro'
const sealedFor = {
  consumerId: 'cns_billing',
  caseId: 'rotate:com_msp:nhi_billing:01JD0000000000000000000000',
  grantId: '01JD0000000000000000000001',
}

describe('a sealed secret', () => {
  const consumer = generateX25519()
  const seal = () => sealSecret({ secret, publicKey: consumer.publicKey, sealedFor })
  const open = (jwe: string, { privateKeyPem } = consumer) => openSealed({ jwe, privateKeyPem })

  it('opens for its consumer, and says for which case and grant it was made', async () => {
    expect(consumer.publicKey).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(await open(await seal())).toEqual({ secret, sealedFor })
  })

  it('opens for nobody else', async () => {
    expect(await open(await seal(), generateX25519())).toMatchObject({
      refused: 'SECRET_UNREADABLE',
    })
  })

  it('is never twice the same, and shows no secret', async () => {
    const [one, two] = [await seal(), await seal()]
    expect(one).not.toBe(two)
    expect(Buffer.from(one, 'base64url').toString('latin1')).not.toContain('pässword')
  })

  it('does not open when any part of it is changed, cut or moved from another', async () => {
    const [jwe, other] = [(await seal()).split('.'), (await seal()).split('.')]
    for (const [index, part] of jwe.entries()) {
      const swapped = jwe.with(index, other[index] ?? '').join('.')
      if (part !== other[index])
        expect(await open(swapped)).toMatchObject({ refused: 'SECRET_UNREADABLE' })
      const flipped = `${part.startsWith('A') ? 'B' : 'A'}${part.slice(1)}`
      expect(await open(jwe.with(index, flipped).join('.'))).toMatchObject({
        refused: 'SECRET_UNREADABLE',
      })
    }
    expect(await open(jwe.slice(0, 4).join('.'))).toMatchObject({ refused: 'SECRET_UNREADABLE' })
  })

  it('cannot be relabelled for another case: the header is authenticated', async () => {
    const [header = '', ...rest] = (await seal()).split('.')
    const claims = JSON.parse(Buffer.from(header, 'base64url').toString())
    const bent = { ...claims, cs: { ...sealedFor, grantId: '01JD0000000000000000000002' } }
    const relabelled = Buffer.from(JSON.stringify(bent)).toString('base64url')
    expect(await open([relabelled, ...rest].join('.'))).toMatchObject({
      refused: 'SECRET_UNREADABLE',
    })
  })

  it('is not made for a public key of small order', async () => {
    for (const bytes of [Buffer.alloc(32), Buffer.concat([Buffer.of(1), Buffer.alloc(31)])]) {
      const publicKey = bytes.toString('base64url')
      await expect(sealSecret({ secret, publicKey, sealedFor })).rejects.toThrow()
    }
  })

  test.prop([
    fc.oneof(
      fc.string(),
      fc.array(fc.base64String()).map((parts) => parts.join('.')),
    ),
  ])('of any text gets an answer', async (text) => {
    expect(await open(text)).toMatchObject({ refused: 'SECRET_UNREADABLE' })
  })
})

describe('a secret box', () => {
  const older = { kid: 'k1', key: randomBytes(32) }
  const newer = { kid: 'k2', key: randomBytes(32) }
  const boundTo = { caseId: sealedFor.caseId, credential: 'billing_b' }
  const box = closeBox({ keys: [older], secret, boundTo })

  it('opens with its key and for what it was made', () => {
    expect(openBox({ keys: [older], box, boundTo })).toEqual({ secret })
  })

  it('opens after the key was rotated; new ones are closed with the newest', () => {
    const keys = [newer, older]
    expect(openBox({ keys, box, boundTo })).toEqual({ secret })
    expect(closeBox({ keys, secret, boundTo }).kid).toBe('k2')
  })

  it('stays shut in another row', () => {
    for (const other of [{ ...boundTo, credential: 'billing_a' }, {}, { ...boundTo, more: '' }])
      expect(openBox({ keys: [older], box, boundTo: other })).toMatchObject({
        refused: 'SECRET_UNREADABLE',
      })
  })

  it('stays shut under an unknown or relabelled key', () => {
    expect(openBox({ keys: [newer], box, boundTo })).toMatchObject({ refused: 'KEY_UNKNOWN' })
    const twice = [older, { ...older, kid: 'k3' }]
    expect(openBox({ keys: twice, box: { ...box, kid: 'k3' }, boundTo })).toMatchObject({
      refused: 'SECRET_UNREADABLE',
    })
  })

  it.each(['iv', 'tag', 'ct'] as const)('stays shut with any bit of its %s changed', (part) => {
    const genuine = fromBase64(box[part]) ?? new Uint8Array()
    for (const index of genuine.keys()) {
      const bent = genuine.slice()
      bent[index] = (bent[index] ?? 0) ^ 1
      const opened = openBox({ keys: [older], box: { ...box, [part]: toBase64(bent) }, boundTo })
      expect(opened).toMatchObject({ refused: 'SECRET_UNREADABLE' })
    }
  })

  it.each([0, 4, 8, 12, 15])('stays shut with a tag cut to %i bytes', (length) => {
    const tag = toBase64((fromBase64(box.tag) ?? new Uint8Array()).subarray(0, length))
    expect(openBox({ keys: [older], box: { ...box, tag }, boundTo })).toMatchObject({
      refused: 'SECRET_UNREADABLE',
    })
  })

  it.each([
    ['no key', []],
    ['a short key', [{ kid: 'k', key: randomBytes(16) }]],
    ['one id twice', [older, { ...newer, kid: 'k1' }]],
    ['an empty id', [{ ...older, kid: '' }]],
  ])('is not closed with a ring of %s', (_name, keys) => {
    expect(() => closeBox({ keys, secret, boundTo })).toThrow(TypeError)
  })
})
