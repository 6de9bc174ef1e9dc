/** A corpus of assertions by a genuine passkey: some fine, and some in which one thing is wrong though it was signed so. */
import { createHash } from 'node:crypto'
import { toBase64, toBase64Url } from '../../src/domain/bytes/base64.js'
import { AT, BE, type Bend, BS, ED, UP, UV } from './authenticator.js'

export const challenge = createHash('sha256').update('the bytes an owner signs').digest()

const text = (value: string): Uint8Array => Buffer.from(value)
const said = { type: 'webauthn.get', challenge: toBase64Url(challenge) }
const origin = 'https://console.example'
const json = (value: unknown): Uint8Array => text(JSON.stringify(value))
const clientData = { ...said, origin, crossOrigin: false }

/** Signed by the genuine passkey; only the named field is wrong. */
export const BENT: readonly [name: string, where: string, bend: Bend][] = [
  ['an attestation', 'clientDataJSON/type', { clientData: { type: 'webauthn.create' } }],
  ['a payment', 'clientDataJSON/type', { clientData: { type: 'payment.get' } }],
  ['no type', 'clientDataJSON/type', { clientData: { type: undefined } }],
  ['no challenge', 'clientDataJSON/challenge', { clientData: { challenge: undefined } }],
  ['an empty challenge', 'clientDataJSON/challenge', { clientData: { challenge: '' } }],
  [
    'the challenge of other bytes',
    'clientDataJSON/challenge',
    { clientData: { challenge: toBase64Url(Buffer.alloc(32, 7)) } },
  ],
  [
    'the challenge in padded base64',
    'clientDataJSON/challenge',
    { clientData: { challenge: toBase64(challenge) } },
  ],
  [
    'the challenge cut short',
    'clientDataJSON/challenge',
    { clientData: { challenge: said.challenge.slice(0, -2) } },
  ],
  [
    'a challenge that is a list',
    'clientDataJSON/challenge',
    { clientData: { challenge: [said.challenge] } },
  ],
  ['no origin', 'clientDataJSON/origin', { clientData: { origin: undefined } }],
  ['a foreign origin', 'clientDataJSON/origin', { clientData: { origin: 'https://evil.example' } }],
  [
    'an origin over http',
    'clientDataJSON/origin',
    { clientData: { origin: 'http://console.example' } },
  ],
  ['another port', 'clientDataJSON/origin', { clientData: { origin: `${origin}:8443` } }],
  ['a subdomain', 'clientDataJSON/origin', { clientData: { origin: 'https://x.console.example' } }],
  ['a longer host', 'clientDataJSON/origin', { clientData: { origin: `${origin}.evil.example` } }],
  ['an origin with a slash', 'clientDataJSON/origin', { clientData: { origin: `${origin}/` } }],
  [
    'an origin in capitals',
    'clientDataJSON/origin',
    { clientData: { origin: origin.toUpperCase() } },
  ],
  [
    'a frame of another origin',
    'clientDataJSON/crossOrigin',
    { clientData: { crossOrigin: true } },
  ],
  ['crossOrigin as text', 'clientDataJSON/crossOrigin', { clientData: { crossOrigin: 'false' } }],
  ['crossOrigin null', 'clientDataJSON/crossOrigin', { clientData: { crossOrigin: null } }],
  ['a top origin', 'clientDataJSON/topOrigin', { clientData: { topOrigin: origin } }],
  ['client data that is no JSON', 'clientDataJSON', { clientDataBytes: text('{"type":') }],
  ['client data that is a list', 'clientDataJSON', { clientDataBytes: json([clientData]) }],
  ['client data null', 'clientDataJSON', { clientDataBytes: text('null') }],
  [
    'client data with a byte-order mark',
    'clientDataJSON',
    { clientDataBytes: text(`\uFEFF${JSON.stringify(clientData)}`) },
  ],
  [
    'client data that is not UTF-8',
    'clientDataJSON',
    { clientDataBytes: Buffer.from([0x7b, 0xff, 0x7d]) },
  ],
  ['client data of 5 kB', 'clientDataJSON', { clientData: { pad: 'x'.repeat(5000) } }],
  ['another relying party', 'authenticatorData/rpIdHash', { rpId: 'evil.example' }],
  ['the parent domain', 'authenticatorData/rpIdHash', { rpId: 'example' }],
  ['no user present', 'authenticatorData/flags', { flags: UV }],
  ['no user verified', 'authenticatorData/flags', { flags: UP }],
  ['no flags', 'authenticatorData/flags', { flags: 0 }],
  ['backed up but not eligible', 'authenticatorData/flags', { flags: UP | UV | BS }],
  [
    'attested credential data',
    'authenticatorData/flags',
    { flags: UP | UV | AT, tail: Buffer.alloc(60) },
  ],
  ['extensions announced, none there', 'authenticatorData/extensions', { flags: UP | UV | ED }],
  [
    'extensions that are no map',
    'authenticatorData/extensions',
    { flags: UP | UV | ED, tail: Buffer.of(0x80) },
  ],
  [
    'extensions cut short',
    'authenticatorData/extensions',
    { flags: UP | UV | ED, tail: Buffer.of(0xa1, 0x61) },
  ],
  [
    'bytes after the extensions',
    'authenticatorData/extensions',
    { flags: UP | UV | ED, tail: Buffer.of(0xa0, 0x00) },
  ],
  ['bytes nobody announced', 'authenticatorData/extensions', { tail: Buffer.of(0xa0) }],
  ['authenticator data of 36 bytes', 'authenticatorData', { authenticatorData: Buffer.alloc(36) }],
  ['no authenticator data', 'authenticatorData', { authenticatorData: Buffer.alloc(0) }],
]

/** `{"x": [1, h'00', "a", true, -1.5 (float16), 0 (tagged as CBOR)]}` */
const EXTENSIONS = Buffer.from('a16178860141006161f5f9be00d9d9f700', 'hex')

export const FINE: readonly [name: string, bend: Bend][] = [
  ['a passkey bound to its device', {}],
  ['a synced passkey', { flags: UP | UV | BE | BS }],
  ['a passkey that may be synced', { flags: UP | UV | BE }],
  ['no crossOrigin', { clientData: { crossOrigin: undefined } }],
  ['a field of a newer client', { clientData: { other_keys_can_be_added_here: 'x' } }],
  ['a counter', { counter: 0xffffffff }],
  ['reserved flag bits', { flags: UP | UV | 0x22 }],
  ['unsolicited extensions', { flags: UP | UV | ED, tail: EXTENSIONS }],
]
