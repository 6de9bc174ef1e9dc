import { randomBytes } from 'node:crypto'
import { fc, test } from '@fast-check/vitest'
import { ApplicationFailure, defaultPayloadConverter, type Payload } from '@temporalio/common'
import {
  decodeOptionalFailureToOptionalError,
  decodeUserMetadata,
  encodeErrorToFailure,
  encodeUserMetadata,
  loadDataConverter,
} from '@temporalio/common/lib/internal-non-workflow/index.js'
import { describe, expect, it } from 'vitest'
import { dataConverter } from '../../src/codec/data-converter.js'
import { createPayloadCodec, isStandIn } from '../../src/codec/payload-codec.js'
import { isUnreadable, unreadable } from '../../src/codec/unreadable.js'

const older = { kid: 'k1', key: randomBytes(32) }
const newer = { kid: 'k2', key: randomBytes(32) }
const codec = createPayloadCodec({ keys: [older] })
const plain = (value: unknown): Payload => defaultPayloadConverter.toPayload(value)
const inClear = (payload: Payload): unknown => defaultPayloadConverter.fromPayload(payload)

async function one(payloads: Promise<Payload[]>): Promise<Payload> {
  const [payload, ...others] = await payloads
  if (payload === undefined || others.length > 0) throw new Error('not exactly one payload')
  return payload
}
const encrypted = (value: unknown) => one(codec.encode([plain(value)]))
const read = async (payload: Payload, by = codec) => inClear(await one(by.decode([payload])))
const text = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString('latin1')

describe('the payload codec', () => {
  it.each([
    ['an object', { caseId: 'rotate:…', n: 1 }],
    ['null', null],
    ['nothing', undefined],
    ['text', 'ü€'],
    ['bytes', Uint8Array.of(0, 255)],
  ])('gives back %s as it was', async (_name, value) => {
    expect(await read(await encrypted(value))).toEqual(value)
  })

  it('keeps number and order of payloads, also of none', async () => {
    expect(await codec.encode([])).toEqual([])
    const many = await codec.decode(await codec.encode([1, 2, 3].map(plain)))
    expect(many.map(inClear)).toEqual([1, 2, 3])
  })

  it('shows neither value nor inner encoding, and names its key and cipher', async () => {
    const payload = await encrypted({ secret: 'hunter2' })
    expect(text(payload.data)).not.toMatch(/hunter2|json/)
    expect(text(payload.metadata?.encoding)).toBe('binary/encrypted')
    expect(text(payload.metadata?.['encryption-key-id'])).toBe('k1')
    expect(text(payload.metadata?.['encryption-cipher'])).toBe('AES-256-GCM')
  })

  it('never encrypts twice to the same bytes', async () => {
    expect(text((await encrypted(1)).data)).not.toBe(text((await encrypted(1)).data))
  })

  it('reads what older keys wrote and writes with the newest', async () => {
    const rotated = createPayloadCodec({ keys: [newer, older] })
    expect(await read(await encrypted('before'), rotated)).toBe('before')
    const after = await one(rotated.encode([plain('after')]))
    expect(text(after.metadata?.['encryption-key-id'])).toBe('k2')
    expect(await read(after)).toEqual(unreadable('KEY_UNKNOWN'))
  })
})

describe('a payload that is not ours', () => {
  it('in plain JSON, as the server and the temporal CLI write it, is unreadable: no downgrade', async () => {
    for (const value of [{ approved: true }, null, undefined, 'text', Uint8Array.of(1)])
      expect(await read(plain(value))).toEqual(unreadable('NOT_ENCRYPTED'))
    expect(await read({})).toEqual(unreadable('NOT_ENCRYPTED'))
    expect(await read({ metadata: null, data: null })).toEqual(unreadable('NOT_ENCRYPTED'))
  })

  it('under a relabelled key is unreadable, even if both ids have the same key', async () => {
    const twice = createPayloadCodec({ keys: [older, { ...older, kid: 'k3' }] })
    const payload = await encrypted(1)
    const metadata = { ...payload.metadata, 'encryption-key-id': Buffer.from('k3') }
    expect(await read({ ...payload, metadata }, twice)).toEqual(unreadable('TAMPERED'))
  })

  it('with the data of one and the metadata of another key is unreadable', async () => {
    const both = createPayloadCodec({ keys: [newer, older] })
    const [mine, theirs] = [await encrypted(1), await one(both.encode([plain(2)]))]
    const transplant = { metadata: theirs.metadata ?? null, data: mine.data ?? null }
    expect(await read(transplant, both)).toEqual(unreadable('TAMPERED'))
  })

  it('with another or no cipher is unreadable', async () => {
    const payload = await encrypted(1)
    for (const cipher of ['AES-128-GCM', 'none', ''])
      expect(
        await read({
          ...payload,
          metadata: { ...payload.metadata, 'encryption-cipher': Buffer.from(cipher) },
        }),
      ).toEqual(unreadable('MALFORMED'))
  })

  it('cut at any length is unreadable', async () => {
    const payload = await encrypted({ a: 1 })
    const data = payload.data ?? new Uint8Array()
    for (let length = 0; length < data.length; length += 1)
      expect(await read({ ...payload, data: data.subarray(0, length) })).toEqual(
        unreadable(length < 28 ? 'MALFORMED' : 'TAMPERED'),
      )
  })

  it('with any one byte changed is unreadable', async () => {
    const payload = await encrypted({ a: 1 })
    const data = Uint8Array.from(payload.data ?? [])
    for (const index of data.keys()) {
      const bent = Uint8Array.from(data)
      bent[index] = (bent[index] ?? 0) ^ 1
      expect(await read({ ...payload, data: bent })).toEqual(unreadable('TAMPERED'))
    }
  })

  const bytes = fc.option(fc.uint8Array({ maxLength: 100 }), { nil: null })
  const encoding = fc.constantFrom('binary/encrypted', 'json/plain', 'binary/null', '')
  test.prop([encoding, fc.constantFrom('k1', 'k9', ''), bytes, fc.dictionary(fc.string(), bytes)])(
    'of any bytes becomes a well-formed stand-in, never an exception',
    async (name, kid, data, more) => {
      const extra = Object.entries(more).flatMap(([key, value]) => (value ? [[key, value]] : []))
      const metadata = {
        ...Object.fromEntries(extra),
        encoding: Buffer.from(name),
        'encryption-key-id': Buffer.from(kid),
        'encryption-cipher': Buffer.from('AES-256-GCM'),
      }
      const decoded = await one(codec.decode([{ metadata, data }]))
      expect(isStandIn(decoded)).toBe(true)
      expect(isUnreadable(inClear(decoded))).toBe(true)
    },
  )
})

describe('the data converter', () => {
  const converter = loadDataConverter(dataConverter({ keys: [older] }))

  it('encrypts the messages and stacks of errors, and of their causes', async () => {
    const cause = new Error('hunter2 is the cause')
    const error = ApplicationFailure.create({
      message: 'hunter2 leaked',
      cause,
      details: ['hunter2'],
    })
    const failure = await encodeErrorToFailure(converter, error)
    const seen = JSON.stringify(failure, (_key, value: unknown) =>
      value instanceof Uint8Array ? text(value) : value,
    )
    expect(seen).not.toMatch(/hunter2|payload-codec\.test/)
    const back = await decodeOptionalFailureToOptionalError(converter, failure)
    expect(back?.message).toBe('hunter2 leaked')
    expect(back?.cause).toMatchObject({ message: 'hunter2 is the cause' })
    expect(back).toMatchObject({ details: ['hunter2'] })
  })

  it('reads a failure that somebody else wrote in plain text, without its details', async () => {
    const details = { payloads: [plain('forged')] }
    const failure = {
      message: 'terminated by hand',
      applicationFailureInfo: { type: 'X', details },
    }
    const error = await decodeOptionalFailureToOptionalError(converter, failure)
    expect(error?.message).toBe('terminated by hand')
    expect(error).toMatchObject({ details: [unreadable('NOT_ENCRYPTED')] })
  })

  it('encrypts summaries and details, and reads them back', async () => {
    const metadata = await encodeUserMetadata(converter, 'rotate billing', 'waits for **Ada**')
    expect(text(metadata?.summary?.data)).not.toContain('billing')
    expect(await decodeUserMetadata(converter, metadata)).toEqual({
      staticSummary: 'rotate billing',
      staticDetails: 'waits for **Ada**',
    })
  })
})
