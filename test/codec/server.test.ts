import { randomBytes } from 'node:crypto'
import { defaultPayloadConverter, type Payload } from '@temporalio/common'
import {
  encodeUserMetadata,
  loadDataConverter,
} from '@temporalio/common/lib/internal-non-workflow/index.js'
import { afterEach, describe, expect, it } from 'vitest'
import { dataConverter } from '../../src/codec/data-converter.js'
import { createPayloadCodec } from '../../src/codec/payload-codec.js'
import {
  type CodecServer,
  type CodecServerOptions,
  type Decode,
  startCodecServer,
} from '../../src/codec/server.js'
import { unreadable } from '../../src/codec/unreadable.js'
import { readPayloads, writePayloads } from '../../src/codec/wire.js'
import { isRefusal, refuse } from '../../src/domain/refusal.js'

const keys = [{ kid: 'k1', key: randomBytes(32) }]
const ui = 'http://localhost:8233'
const servers: CodecServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

async function start(more: Partial<CodecServerOptions> = {}) {
  const decodes: Decode[] = []
  const onDecode = (decode: Decode) => {
    decodes.push(decode)
  }
  const server = await startCodecServer({ keys, origins: [ui], port: 0, onDecode, ...more })
  servers.push(server)
  return { url: server.url, decodes }
}

interface Asked {
  readonly path?: string
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** As the UI asks, unless told. */
const ask = (url: string, asked: Asked = {}) => {
  const { path = '/decode', method = 'POST', headers = {}, body } = asked
  return fetch(url + path, {
    method,
    headers: {
      'Content-Type': 'application/json',
      'X-Namespace': 'default',
      Origin: ui,
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  })
}

const encoded = async (...values: unknown[]): Promise<string> => {
  const payloads = values.map((value) => defaultPayloadConverter.toPayload(value))
  return JSON.stringify(writePayloads(await createPayloadCodec({ keys }).encode(payloads)))
}
const valuesOf = async (response: Response): Promise<unknown[]> => {
  const payloads = readPayloads(await response.json())
  if (isRefusal(payloads)) throw new Error(payloads.detail)
  return payloads.map((payload) => defaultPayloadConverter.fromPayload(payload))
}

describe('the codec server', () => {
  it('decodes for the UI, and reports each decode', async () => {
    const { url, decodes } = await start()
    const response = await ask(url, { body: await encoded({ a: 1 }, 'two') })
    expect(response.status).toBe(200)
    expect(response.headers.get('access-control-allow-origin')).toBe(ui)
    expect(response.headers.get('vary')).toContain('Origin')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(await valuesOf(response)).toEqual([{ a: 1 }, 'two'])
    expect(decodes).toEqual([{ principal: null, namespace: 'default', payloads: 2, unreadable: 0 }])
  })

  it('makes summaries and details readable', async () => {
    const { url } = await start()
    const converter = loadDataConverter(dataConverter({ keys }))
    const metadata = await encodeUserMetadata(converter, 'rotate billing', 'waits for Ada')
    const payloads = [metadata?.summary, metadata?.details].flatMap((payload): Payload[] =>
      payload ? [payload] : [],
    )
    const response = await ask(url, { body: JSON.stringify(writePayloads(payloads)) })
    expect(await valuesOf(response)).toEqual(['rotate billing', 'waits for Ada'])
  })

  it('says in place of a payload why it cannot be read', async () => {
    const { url, decodes } = await start()
    const plain = [defaultPayloadConverter.toPayload({ forged: true })]
    const response = await ask(url, { body: JSON.stringify(writePayloads(plain)) })
    expect(await valuesOf(response)).toEqual([unreadable('NOT_ENCRYPTED')])
    expect(decodes).toMatchObject([{ payloads: 1, unreadable: 1 }])
  })

  it('answers the preflight of the UI only', async () => {
    const { url } = await start()
    const preflight = (origin: string) =>
      ask(url, {
        method: 'OPTIONS',
        headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' },
      })
    const granted = await preflight(ui)
    expect(granted.status).toBe(204)
    expect(granted.headers.get('access-control-allow-origin')).toBe(ui)
    expect(granted.headers.get('access-control-allow-methods')).toContain('POST')
    for (const header of ['X-Namespace', 'Content-Type', 'Authorization'])
      expect(granted.headers.get('access-control-allow-headers')).toContain(header)
    for (const origin of ['http://localhost:8234', 'https://evil.example', 'null', `${ui}/`]) {
      const refused = await preflight(origin)
      expect(refused.status).toBe(403)
      expect(refused.headers.get('access-control-allow-origin')).toBeNull()
    }
  })

  it('decodes nothing for a page of another origin, which a rebound name could be', async () => {
    const { url, decodes } = await start()
    const headers = { Origin: 'http://evil.example' }
    const response = await ask(url, { headers, body: await encoded('hunter2') })
    expect(response.status).toBe(403)
    expect(await response.text()).not.toContain(Buffer.from('"hunter2"').toString('base64'))
    expect(decodes).toEqual([])
  })

  it('never encodes', async () => {
    const { url } = await start()
    const response = await ask(url, { path: '/encode', body: await encoded(1) })
    expect(response.status).toBe(403)
    expect(response.headers.get('content-type')).toContain('application/problem+json')
    expect(await response.json()).toMatchObject({ type: 'urn:countersign:refusal:NOT_ALLOWED' })
  })

  it('does not answer when the decode cannot be recorded', async () => {
    const { url } = await start({ onDecode: () => Promise.reject(new Error('ledger is down')) })
    const response = await ask(url, { body: await encoded('hunter2') })
    expect(response.status).toBe(500)
    const text = await response.text()
    expect(text).not.toContain(Buffer.from('"hunter2"').toString('base64'))
    expect(text).not.toContain('ledger is down')
  })

  it.each([
    ['no JSON', '{'],
    ['no payloads', '{}'],
    ['payloads that are no list', '{"payloads":{}}'],
    ['data that is not base64', '{"payloads":[{"metadata":{},"data":"%%"}]}'],
    ['metadata that is not text', '{"payloads":[{"metadata":{"encoding":1}}]}'],
    ['null', 'null'],
  ])('refuses a body with %s', async (_name, body) => {
    const { url, decodes } = await start()
    const response = await ask(url, { body })
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toContain('application/problem+json')
    expect(response.headers.get('access-control-allow-origin')).toBe(ui)
    expect(decodes).toEqual([])
  })

  it('refuses a body over its limit, another content type, and no namespace', async () => {
    const { url } = await start({ maxBytes: 1000 })
    const long = await ask(url, { body: await encoded('x'.repeat(2000)) })
    expect(long.status).toBe(413)
    const headers = { 'Content-Type': 'text/plain' }
    expect((await ask(url, { headers, body: await encoded(1) })).status).toBe(400)
    const nameless = await ask(url, { headers: { 'X-Namespace': '' }, body: await encoded(1) })
    expect(nameless.status).toBe(400)
  })

  it('knows nothing else', async () => {
    const { url } = await start()
    expect((await ask(url, { method: 'GET' })).status).toBe(404)
    expect((await ask(url, { path: '/', body: '{}' })).status).toBe(404)
  })
})

describe('a codec server that authorizes', () => {
  const authorize: CodecServerOptions['authorize'] = async ({ token, namespace }) => {
    if (token === '') return refuse('UNAUTHENTICATED', '/')
    if (token !== 'ops' || namespace !== 'default') return refuse('NOT_ALLOWED', '/')
    return { principal: 'per_ada' }
  }

  it('decodes for whom it may, and says who it was', async () => {
    const { url, decodes } = await start({ authorize })
    const headers = { Authorization: 'Bearer ops' }
    const response = await ask(url, { headers, body: await encoded('fine') })
    expect(await valuesOf(response)).toEqual(['fine'])
    expect(decodes).toMatchObject([{ principal: 'per_ada' }])
  })

  it('refuses everybody else', async () => {
    const { url, decodes } = await start({ authorize })
    const status = async (headers: Record<string, string>) =>
      (await ask(url, { headers, body: await encoded('hunter2') })).status
    expect(await status({})).toBe(401)
    expect(await status({ Authorization: 'Basic b3BzOg==' })).toBe(401)
    expect(await status({ Authorization: 'Bearer partner' })).toBe(403)
    expect(await status({ Authorization: 'Bearer ops', 'X-Namespace': 'other' })).toBe(403)
    expect(decodes).toEqual([])
  })

  it('is the only kind that listens for a network', async () => {
    await expect(start({ host: '0.0.0.0' })).rejects.toThrow(TypeError)
  })
})
