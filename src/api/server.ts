/**
 * startApi: the API as a process. It holds the store under its own role and no key at all: it can admit what
 * others signed, and sign nothing. Starts without the issuer and without Temporal.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { ulid } from 'ulid'
import type { ApiConfig } from '../config.js'
import { nodeVerify } from '../keys/verify.js'
import { exportPacket } from '../packet/export/export.js'
import { exportCollection } from '../packet/export/export-collection.js'
import { authoritySource } from '../store/authority/authority.js'
import { packSource } from '../store/authority/packs.js'
import { listen, openDb } from '../store/db.js'
import { createApi } from './app.js'
import { tokenChecker } from './token.js'

const PACKET_WITHIN_MS = 15_000
/** Slow senders are cut off: headers, then the whole request, ms. */
const HEADERS_WITHIN_MS = 10_000
const REQUEST_WITHIN_MS = 30_000
/** What is under way when told to stop gets this long, ms. */
const DRAIN_MS = 10_000

export interface RunningApi {
  readonly url: string
  readonly stop: () => Promise<void>
}

/** Resolves when it serves. Rejects when the store cannot be reached or the port is taken. */
export async function startApi(
  config: ApiConfig,
  log: Pick<Logger, 'info' | 'error'>,
): Promise<RunningApi> {
  const db = openDb(config.databaseUrl, { name: 'api', max: 16 })
  const published = new EventTarget()
  const listening = await listen({
    url: config.databaseUrl,
    channels: ['checkpoint'],
    heard: () => published.dispatchEvent(new Event('checkpoint')),
  })
  const app = createApi({
    db,
    authority: authoritySource({ trust: config.trust, verify: nodeVerify }),
    packs: packSource(),
    verify: nodeVerify,
    newId: () => ulid(),
    checkToken: tokenChecker(config),
    packet: (input) =>
      exportPacket({ db, published, proofWithinMs: PACKET_WITHIN_MS, verify: nodeVerify }, input),
    collection: (input) =>
      exportCollection({ db, published, proofWithinMs: PACKET_WITHIN_MS, log: input.log }, input),
    log,
  })
  const server = createServer(
    {
      headersTimeout: HEADERS_WITHIN_MS,
      requestTimeout: REQUEST_WITHIN_MS,
      keepAliveTimeout: 5000,
      maxHeaderSize: 16 * 1024,
    },
    app,
  )
  await bind(server, config)
  const { port } = server.address() as AddressInfo
  return {
    url: config.publicUrl ?? `http://${config.host}:${port}`,
    stop: async () => {
      await drain(server)
      await listening.close()
      await db.end()
    },
  }
}

const bind = (server: Server, at: { host: string; port: number }): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: at.host, port: at.port }, () => {
      server.off('error', reject)
      resolve()
    })
  })

async function drain(server: Server): Promise<void> {
  const late = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections()
  })
  clearTimeout(late)
}
