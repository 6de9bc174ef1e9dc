import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createFinder, needlesOf, secretText, spell } from './spellings.js'

describe('the finder of the canary', () => {
  const secret = secretText('planted', `p"\\/ü+${randomBytes(30).toString('base64')}`)
  const find = createFinder(needlesOf([secret]))

  it.each(spell(secret))('finds $label, whole or cut in half, after any bytes', ({ bytes }) => {
    const half = Math.ceil(bytes.length / 2)
    for (let lead = 0; lead < 4; lead += 1) {
      const noise = randomBytes(lead)
      expect(find(Buffer.concat([noise, bytes, noise]))).not.toEqual([])
      expect(find(Buffer.concat([noise, bytes.subarray(0, half)]))).not.toEqual([])
      expect(find(Buffer.concat([noise, bytes.subarray(half - 1)]))).not.toEqual([])
    }
  })

  it('finds base64 of a text that holds the secret anywhere', () => {
    for (let lead = 0; lead < 6; lead += 1) {
      const text = Buffer.concat([randomBytes(lead), secret.bytes, randomBytes(7)])
      expect(find(Buffer.from(text.toString('base64')))).not.toEqual([])
      expect(find(Buffer.from(text.toString('base64url')))).not.toEqual([])
    }
  })

  it('finds nothing in a million random bytes', () => {
    expect(find(randomBytes(1_000_000))).toEqual([])
  })
})
