import { createHash, createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { scramVerifier } from '../../src/connectors/scram.js'

const RFC_SALT = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
const RFC_AUTH_MESSAGE =
  'n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'

const keysOf = (verifier: string) => {
  const [storedKey = '', serverKey = ''] = verifier.split('$')[2]?.split(':') ?? []
  return [Buffer.from(storedKey, 'base64'), Buffer.from(serverKey, 'base64')] as const
}

describe('a SCRAM verifier', () => {
  const verifier = scramVerifier('pencil', RFC_SALT)
  const [storedKey, serverKey] = keysOf(verifier)

  it('gives the server signature of the example in RFC 7677', () => {
    expect(createHmac('sha256', serverKey).update(RFC_AUTH_MESSAGE).digest('base64')).toBe(
      '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
    )
  })

  it('accepts the client proof of the example in RFC 7677', () => {
    const proof = Buffer.from('dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=', 'base64')
    const signature = createHmac('sha256', storedKey).update(RFC_AUTH_MESSAGE).digest()
    const clientKey = Buffer.from(proof.map((byte, n) => byte ^ (signature[n] ?? 0)))
    expect(createHash('sha256').update(clientKey).digest()).toEqual(storedKey)
  })

  it('has the form that PostgreSQL stores as it is', () => {
    expect(verifier).toMatch(
      /^SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$/,
    )
  })

  it('differs each time for the same secret', () => {
    expect(scramVerifier('pencil')).not.toBe(scramVerifier('pencil'))
  })

  it.each(['', 'pass\u00adword', 'schlüssel', 'tab\tinside', 'zero\0byte'])(
    'refuses a secret that SASLprep would change or forbid, without repeating it (%j)',
    (secret) => {
      expect(() => scramVerifier(secret)).toThrow(
        new TypeError('a secret is 1 to 256 printable ASCII characters'),
      )
    },
  )
})
