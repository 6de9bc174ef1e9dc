/**
 * The *codec server* lets the Temporal UI show what is encrypted, to those who may see it (Temporal's remote
 * codec contract: POST /decode, X-Namespace, CORS). It only decodes: with /encode refused, nobody can write
 * to a workflow through it. Reading evidence is itself auditable, so each decode is reported first and
 * answered after; one that cannot be recorded is not answered.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type ErrorRequestHandler, type RequestHandler, type Response } from 'express'
import { isRefusal, type Refusal, type RefusalCode, refuse } from '../domain/refusal.js'
import type { KeyRing } from '../keys/aead.js'
import { createPayloadCodec, isStandIn } from './payload-codec.js'
import { readPayloads, writePayloads } from './wire.js'

export interface Decode {
  /** As the token says; null when the server asks for none. */
  readonly principal: string | null
  readonly namespace: string
  readonly payloads: number
  /** How many of them could not be read. */
  readonly unreadable: number
}

export type Authorize = (input: {
  /** The bearer token; empty when there is none. */
  readonly token: string
  readonly namespace: string
}) => Promise<{ readonly principal: string } | Refusal>

export interface CodecServerOptions {
  readonly keys: KeyRing
  /** Exact origins of the Temporal UI, `http://localhost:8233`. */
  readonly origins: readonly string[]
  readonly onDecode: (decode: Decode) => void | Promise<void>
  /** Absent: whoever can reach the address may decode, so it listens on the loopback interface only. */
  readonly authorize?: Authorize
  /** 0 takes a free one. */
  readonly port: number
  /** Needs `authorize` unless it is a loopback address. */
  readonly host?: string
  /** Of a request's body, in bytes; 4 MiB unless told. */
  readonly maxBytes?: number
}

const LOOPBACK = ['127.0.0.1', '::1', 'localhost']
const METHODS = 'POST, GET, OPTIONS'
const HEADERS = 'X-Namespace, Content-Type, Authorization'
const STATUS: Partial<Record<RefusalCode, number>> = {
  UNAUTHENTICATED: 401,
  NOT_ALLOWED: 403,
  TOO_LARGE: 413,
}

export function codecApp(options: CodecServerOptions): express.Express {
  const app = express()
  app.disable('x-powered-by')
  app.use(answerOrigins(options.origins))
  app.use(express.json({ limit: options.maxBytes ?? 4 * 1024 * 1024, type: 'application/json' }))
  app.post('/decode', decodeWith(options))
  app.post('/encode', (_request, response) => {
    problem(response, refuse('NOT_ALLOWED', '/encode', 'this server only decodes'))
  })
  app.use((_request, response) => {
    problem(response, refuse('MALFORMED', '/', 'there is nothing here but POST /decode'), 404)
  })
  app.use(onError)
  return app
}

/** Afterwards the request is no page's, or that of a page on one of the origins; a preflight is answered. */
function answerOrigins(origins: readonly string[]): RequestHandler {
  return (request, response, next) => {
    const { origin } = request.headers
    response.set({ Vary: 'Origin', 'Cache-Control': 'no-store' })
    if (origin !== undefined && !origins.includes(origin))
      return problem(response, refuse('NOT_ALLOWED', '/origin', 'not an origin of the Temporal UI'))
    if (origin !== undefined) response.set('Access-Control-Allow-Origin', origin)
    if (request.method !== 'OPTIONS') return next()
    response.set({
      'Access-Control-Allow-Methods': METHODS,
      'Access-Control-Allow-Headers': HEADERS,
      'Access-Control-Max-Age': '600',
    })
    response.status(204).end()
  }
}

function decodeWith(options: CodecServerOptions): RequestHandler {
  const codec = createPayloadCodec(options)
  return async (request, response) => {
    const namespace = request.get('X-Namespace') ?? ''
    const caller = await whoAsks({ options, namespace, header: request.get('Authorization') })
    if (isRefusal(caller)) return problem(response, caller)
    const payloads = readPayloads(request.body)
    if (isRefusal(payloads)) return problem(response, payloads)
    const decoded = await codec.decode(payloads)
    const unreadable = decoded.filter(isStandIn).length
    await options.onDecode({ ...caller, namespace, payloads: decoded.length, unreadable })
    response.json(writePayloads(decoded))
  }
}

interface Asking {
  readonly options: CodecServerOptions
  readonly namespace: string
  readonly header: string | undefined
}

async function whoAsks({ options, namespace, header = '' }: Asking) {
  if (namespace === '')
    return refuse('MALFORMED', '/X-Namespace', 'the X-Namespace header is needed')
  if (options.authorize === undefined) return { principal: null }
  const token = /^Bearer +([!-~]+)$/i.exec(header)?.[1] ?? ''
  return options.authorize({ token, namespace })
}

/** RFC 9457. Says nothing of what was sent. */
function problem(response: Response, refusal: Refusal, status?: number): void {
  const { refused, where, detail } = refusal
  const code = status ?? STATUS[refused] ?? 400
  if (code === 401) response.set('WWW-Authenticate', 'Bearer')
  response
    .status(code)
    .type('application/problem+json')
    .send(
      JSON.stringify({ type: `urn:countersign:refusal:${refused}`, status: code, detail, where }),
    )
}

/** Four parameters make it an error handler. A fault answers 500 and keeps its reason. */
const onError: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (response.headersSent) return next(error)
  const status =
    typeof error === 'object' && error !== null && 'status' in error ? error.status : 500
  if (status === 413) return problem(response, refuse('TOO_LARGE', '/'))
  if (typeof status === 'number' && status < 500)
    return problem(response, refuse('MALFORMED', '/', 'the body is not JSON'))
  response
    .status(500)
    .type('application/problem+json')
    .send(JSON.stringify({ type: 'about:blank', status: 500, title: 'Internal Server Error' }))
}

export interface CodecServer {
  /** `http://host:port`, what the UI's codec endpoint is set to. */
  readonly url: string
  readonly port: number
  /** Resolves when the last connection is gone. */
  readonly close: () => Promise<void>
}

/** Resolves when listening. Throws TypeError when it would decode for a whole network without asking who. */
export async function startCodecServer(options: CodecServerOptions): Promise<CodecServer> {
  const host = options.host ?? '127.0.0.1'
  if (options.authorize === undefined && !LOOPBACK.includes(host))
    throw new TypeError('a codec server that others can reach needs to authorize them')
  const server = createServer(codecApp(options))
  await listen(server, { host, port: options.port })
  const { port } = addressOf(server)
  const shown = host.includes(':') ? `[${host}]` : host
  return { url: `http://${shown}:${port}`, port, close: () => close(server) }
}

const listen = (server: Server, at: { host: string; port: number }): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(at, () => {
      server.off('error', reject)
      resolve()
    })
  })

function addressOf(server: Server): AddressInfo {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('not a TCP server')
  return address
}

const close = (server: Server): Promise<void> =>
  new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()))
    server.closeIdleConnections()
  })
