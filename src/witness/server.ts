/** The witness over HTTP: `POST /add-checkpoint`, and `GET /<origin hash>/checkpoint` for whoever compares views of the log. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Answered, Witness } from './witness.js'

/** A proof of 63 hashes and a checkpoint with many signatures is far smaller. */
const MAX_BODY_BYTES = 64 * 1024
const WITHIN_MS = 10_000

export interface WitnessServer {
  readonly url: string
  readonly close: () => Promise<void>
}

interface Reply {
  readonly status: number
  readonly body: string
  readonly type?: string
}

export interface Serving {
  readonly witness: Witness
  readonly host: string
  readonly port: number
  /** What was answered, and why; no bodies. */
  readonly onAnswer: (line: { readonly status: number; readonly said: string }) => void
}

export async function serveWitness(serving: Serving): Promise<WitnessServer> {
  const server = createServer(
    { headersTimeout: WITHIN_MS, requestTimeout: WITHIN_MS },
    (request, response) => {
      void reply(serving, request)
        .catch((): Reply => ({ status: 500, body: 'the witness failed\n' }))
        .then((answer) => send(response, answer))
    },
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: serving.host, port: serving.port }, resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${serving.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
      }),
  }
}

/** UNTRUSTED: whoever asks. Nothing is believed but the log's signature inside. */
async function reply(serving: Serving, request: IncomingMessage): Promise<Reply> {
  const { witness, onAnswer } = serving
  const { method, url } = request
  if (method === 'GET' && url === `/${witness.originHash}/checkpoint`) {
    const last = witness.last()
    return last === null ? NOT_FOUND : { status: 200, body: last }
  }
  if (url !== '/add-checkpoint') return NOT_FOUND
  if (method !== 'POST') return { status: 405, body: 'POST it\n' }
  const body = await bodyOf(request)
  const answer: Answered =
    body === null ? { kind: 'no', status: 400, why: 'it is no text' } : await witness.add(body)
  const said = sayOf(answer)
  onAnswer({ status: said.status, said: answer.kind === 'no' ? answer.why : answer.kind })
  return said
}

const NOT_FOUND: Reply = { status: 404, body: 'not here\n' }

function sayOf(answer: Answered): Reply {
  if (answer.kind === 'cosigned') return { status: 200, body: answer.line }
  if (answer.kind === 'conflict')
    return { status: answer.status, body: `${answer.size}\n`, type: 'text/x.tlog.size' }
  return { status: answer.status, body: `${answer.why}\n` }
}

/** Null for what is too large or not UTF-8. */
async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_BODY_BYTES) return null
    chunks.push(chunk)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks))
  } catch {
    return null
  }
}

function send(response: ServerResponse, { status, body, type }: Reply): void {
  if (response.headersSent) return
  response
    .writeHead(status, {
      'Content-Type': type ?? 'text/plain; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    })
    .end(body)
}
