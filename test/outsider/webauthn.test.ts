/**
 * What SimpleWebAuthn, which was not written here, says of the assertions by which owners decide, beside what `judge`
 * says. Whatever it refuses, the gate refuses; where the gate refuses more, the reason stands here.
 */
import { createHash } from 'node:crypto'
import { verifyAuthenticationResponse } from '@simplewebauthn/server'
import { describe, expect, it } from 'vitest'
import { fromBase64, toBase64, toBase64Url } from '../../src/domain/bytes/base64.js'
import { isRefusal } from '../../src/domain/refusal.js'
import { Envelope } from '../../src/domain/shapes/envelope.js'
import { parseAs } from '../../src/domain/shapes/parse.js'
import { signedBytes } from '../../src/domain/signed/envelope.js'
import { BENT, FINE } from '../support/assertions.js'
import { type Bend, createPasskey, ED, type Passkey, UP, UV } from '../support/authenticator.js'
import { must } from '../support/authority.js'
import { sends } from '../support/moves.js'
import { passkeyGate } from '../support/passkeys.js'
import { derOf, es256Numbers, ORDER } from '../support/signatures.js'

type Said = 'accepted' | 'refused'

/** Refused by the gate alone, and why. */
const STRICTER: Readonly<Record<string, string>> = {
  'a frame of another origin': 'an approval is never given inside a frame',
  'crossOrigin as text': 'a truth value in another type is no truth value',
  'crossOrigin null': 'the same',
  'client data of 5 kB': 'no browser writes so much',
  'extensions that are no map': 'they are a map (WebAuthn L3 6.1)',
}

/** The one thing that they alone refuse: their reader of CBOR knows no numbers of half precision. */
const HALF_A_FLOAT = 'unsolicited extensions'

const bytesOf = (text: string): Uint8Array => fromBase64(text) ?? new Uint8Array()
const url = (text: string): string => toBase64Url(bytesOf(text))

/** Where a DER signature says what follows and how long it is: they read that leniently, the gate in one spelling only. */
const frameOf = (der: Uint8Array): readonly number[] => {
  const second = 4 + (der[3] ?? 0)
  return [0, 1, 2, 3, second, second + 1]
}

/** RFC 9053: the key as COSE has it. */
function coseOf({ alg, publicKey }: Pick<Passkey, 'alg' | 'publicKey'>): Uint8Array<ArrayBuffer> {
  const raw = Buffer.from(publicKey, 'base64')
  if (alg === 'ed25519')
    return Uint8Array.from([...Buffer.from('a4010103272006215820', 'hex'), ...raw])
  const [x, y] = [raw.subarray(1, 33), raw.subarray(33)]
  return Uint8Array.from([
    ...[...Buffer.from('a5010203262001215820', 'hex'), ...x],
    ...[...Buffer.from('225820', 'hex'), ...y],
  ])
}

/** Of an envelope of one signature: is this an assertion by this passkey over exactly these bytes? */
async function theirs(envelope: Envelope, passkey: Passkey): Promise<Said> {
  const [signature] = envelope.signatures
  const message = signedBytes(envelope)
  if (signature?.webauthn === undefined || isRefusal(message)) return 'refused'
  const { authenticatorData, clientDataJSON } = signature.webauthn
  try {
    const { verified } = await verifyAuthenticationResponse({
      response: {
        ...{ id: 'a2V5', rawId: 'a2V5', type: 'public-key', clientExtensionResults: {} },
        response: {
          authenticatorData: url(authenticatorData),
          clientDataJSON: url(clientDataJSON),
          signature: url(signature.sig),
        },
      },
      expectedChallenge: toBase64Url(createHash('sha256').update(message).digest()),
      expectedOrigin: passkey.relyingParty.origins,
      expectedRPID: passkey.relyingParty.id,
      credential: { id: 'a2V5', publicKey: coseOf(passkey), counter: 0 },
    })
    return verified ? 'accepted' : 'refused'
  } catch {
    return 'refused'
  }
}

describe.each(['es256', 'ed25519'] as const)('a decision by a passkey (%s)', (alg) => {
  const { passkeys, touched, atRetire } = passkeyGate(alg)
  const person = 'per_ana'
  const passkey = passkeys[person]
  const bent = (bend: Bend = {}) => touched(atRetire, { person, stepId: 'retire', bend })
  /** As the API takes it: the envelope's shape, and then the judgement. */
  const ours = (sent: unknown): Said => {
    const envelope = parseAs(Envelope)(sent)
    const refused = isRefusal(envelope) || isRefusal(sends(envelope)(atRetire))
    return refused ? 'refused' : 'accepted'
  }

  const both = async (envelope: Envelope) => [ours(envelope), await theirs(envelope, passkey)]
  /** The same decision with another signature or assertion beside it. */
  const beside = (
    envelope: Envelope,
    change: (signature: Envelope['signatures'][number]) => Partial<typeof signature>,
  ): Envelope => ({
    ...envelope,
    signatures: envelope.signatures.map((one) => ({ ...one, ...change(one) })),
  })

  it.each(FINE)('is accepted by both: %s', async (name, bend) => {
    const they = name === HALF_A_FLOAT ? 'refused' : 'accepted'
    expect(await both(bent(bend))).toEqual(['accepted', they])
  })

  it('is accepted by both with extensions of plain values', async () => {
    const tail = Buffer.from('a1616bf5', 'hex')
    expect(await both(bent({ flags: UP | UV | ED, tail }))).toEqual(['accepted', 'accepted'])
  })

  it.each(BENT)(
    'is refused by both, or by the gate alone for a reason: %s',
    async (name, _, bend) => {
      const alone = Object.hasOwn(STRICTER, name) ? 'accepted' : 'refused'
      expect(await both(bent(bend))).toEqual(['refused', alone])
    },
  )

  it('is refused by both with any byte of the signature, or of what it is over, changed', async () => {
    const genuine = bent()
    const [signature] = genuine.signatures
    if (signature?.webauthn === undefined) throw new Error('no assertion')
    const flipped = (text: string, at: number): string =>
      toBase64(bytesOf(text).map((byte, index) => (index === at ? byte ^ 1 : byte)))
    const frame = alg === 'es256' ? frameOf(bytesOf(signature.sig)) : []
    for (const at of bytesOf(signature.sig).keys()) {
      const [our, their] = await both(beside(genuine, ({ sig }) => ({ sig: flipped(sig, at) })))
      expect({ at, our }).toEqual({ at, our: 'refused' })
      if (!frame.includes(at)) expect({ at, their }).toEqual({ at, their: 'refused' })
    }
    const { authenticatorData, clientDataJSON } = signature.webauthn
    for (const at of bytesOf(authenticatorData).keys()) {
      const webauthn = { clientDataJSON, authenticatorData: flipped(authenticatorData, at) }
      expect(await both(beside(genuine, () => ({ webauthn })))).toEqual(['refused', 'refused'])
    }
    for (const at of bytesOf(clientDataJSON).keys()) {
      const webauthn = { authenticatorData, clientDataJSON: flipped(clientDataJSON, at) }
      expect(await both(beside(genuine, () => ({ webauthn })))).toEqual(['refused', 'refused'])
    }
  })

  it('is refused by both around another payload, for another key, and under the other algorithm', async () => {
    const genuine = bent()
    const other = bent()
    expect(await both({ ...genuine, payload: other.payload })).toEqual(['refused', 'refused'])
    const stranger = createPasskey(alg, passkey.relyingParty.id)
    expect(await theirs(genuine, stranger)).toBe('refused')
    const crossed = createPasskey(alg === 'es256' ? 'ed25519' : 'es256', passkey.relyingParty.id)
    const message = must(signedBytes(genuine))
    const made = crossed.assert(createHash('sha256').update(message).digest())
    expect(await both(beside(genuine, () => made))).toEqual(['refused', 'refused'])
  })

  it('cannot say by which algorithm it is to be checked: that is what the authority says of the key', () => {
    const genuine = bent()
    for (const field of [
      { alg: 'none' },
      { alg: 'HS256' },
      { jwk: { kty: 'oct', k: '' } },
      { kid: 'x' },
    ])
      expect(ours(beside(genuine, () => field as object))).toBe('refused')
    expect(ours({ ...genuine, protected: 'eyJhbGciOiJub25lIn0' })).toBe('refused')
    for (const sig of ['', toBase64(Buffer.alloc(64)), passkey.publicKey])
      expect(ours(beside(genuine, () => ({ sig })))).toBe('refused')
  })
})

describe('the numbers of an ES256 signature', () => {
  const { passkeys, touched, atRetire } = passkeyGate('es256')
  const genuine = touched(atRetire, { person: 'per_ana', stepId: 'retire' })
  const numbers = es256Numbers(bytesOf(genuine.signatures[0]?.sig ?? ''))
  const with_ = (sig: Uint8Array): Envelope => ({
    ...genuine,
    signatures: genuine.signatures.map((one) => ({ ...one, sig: toBase64(sig) })),
  })
  const both = async (envelope: Envelope) => [
    isRefusal(sends(envelope)(atRetire)) ? 'refused' : 'accepted',
    await theirs(envelope, passkeys.per_ana),
  ]

  it('are accepted by both with either S', async () => {
    const { r, s } = numbers
    for (const one of [s, ORDER - s])
      expect(await both(with_(derOf({ r, s: one })))).toEqual(['accepted', 'accepted'])
  })

  it.each([
    ['r = 0', { ...numbers, r: 0n }],
    ['s = 0', { ...numbers, s: 0n }],
    ['s + n', { ...numbers, s: numbers.s + ORDER }],
    ['r and s swapped', { r: numbers.s, s: numbers.r }],
  ])('are refused by both with %s', async (_name, bent) => {
    expect(await both(with_(derOf(bent)))).toEqual(['refused', 'refused'])
  })
})
