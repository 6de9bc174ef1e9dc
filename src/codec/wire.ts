/**
 * Payloads as Temporal's remote-codec contract writes them: protobuf JSON, bytes in base64.
 */
import type { Payload } from '@temporalio/common'
import { z } from 'zod'
import { toBase64 } from '../domain/bytes/base64.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import { parseAs } from '../domain/shapes/parse.js'

const Bytes = z.base64()
const WirePayload = z.object({
  metadata: z.record(z.string().max(200), Bytes).optional(),
  data: Bytes.nullish(),
})
const WirePayloads = z.object({ payloads: z.array(WirePayload).max(10_000) })

/** UNTRUSTED: a request's body. Further fields, such as a newer protobuf may have, are ignored. */
export function readPayloads(body: unknown): Payload[] | Refusal {
  const read = parseAs(WirePayloads)(body)
  if (isRefusal(read)) return refuse('MALFORMED', read.where, read.detail)
  return read.payloads.map(({ metadata = {}, data }) => ({
    metadata: Object.fromEntries(
      Object.entries(metadata).map(([name, value]) => [name, Buffer.from(value, 'base64')]),
    ),
    ...(typeof data === 'string' ? { data: Buffer.from(data, 'base64') } : {}),
  }))
}

export const writePayloads = (payloads: readonly Payload[]): unknown => ({
  payloads: payloads.map(({ metadata, data }) => ({
    metadata: Object.fromEntries(
      Object.entries(metadata ?? {}).map(([name, value]) => [name, toBase64(value)]),
    ),
    ...(data ? { data: toBase64(data) } : {}),
  })),
})
