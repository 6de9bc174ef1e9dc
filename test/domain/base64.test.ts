import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { fromBase64, toBase64 } from '../../src/domain/bytes/base64.js'

describe('base64', () => {
  test.prop([fc.uint8Array()])('is what node writes, and reads back', (bytes) => {
    expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'))
    expect(Buffer.from(fromBase64(toBase64(bytes)) ?? [])).toEqual(Buffer.from(bytes))
  })

  test.prop([
    fc.oneof(fc.string(), fc.base64String(), fc.stringMatching(/^[A-Za-z0-9+/=]{0,12}$/)),
  ])('that is accepted has no other spelling', (value) => {
    const bytes = fromBase64(value)
    if (bytes !== null) expect(toBase64(bytes)).toBe(value)
  })
})
