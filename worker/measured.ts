/**
 * A service with its numbers: `GET /metrics` on a port of its own, which nobody but the enterprise's monitoring is let
 * to. It says nothing of a case, a person or a partner, takes nothing in, and its failing stops nothing.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { Registry } from 'prom-client'
import type { MetricsConfig } from '../src/config.js'
import { beginMeasuring, registry } from '../src/metrics/metrics.js'
import { readQueries, storeGauges } from '../src/metrics/store-queries.js'
import { openDb } from '../src/store/db.js'
import { buildDigest } from './build-digest.js'
import { type Service, withEnd } from './service.js'

interface Measured {
  readonly process: string
  readonly config: { readonly databaseUrl: string; readonly metrics: MetricsConfig | null }
  readonly log: Logger
}

/** Rejects when the port is taken, or the queries cannot be read; without a port the service is as it was. */
export async function measured(
  { process, config, log }: Measured,
  start: () => Promise<Service>,
): Promise<Service> {
  const { metrics, databaseUrl } = config
  if (metrics === null) return start()
  beginMeasuring({ process, build: buildDigest() })
  const store = metrics.queries === null ? null : openStore({ databaseUrl, file: metrics.queries })
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics')
      return void response.writeHead(404).end()
    const answer = async (): Promise<void> => {
      await store?.ask()
      response.writeHead(200, { 'content-type': registry.contentType })
      response.end(await together(store?.registry ?? null).metrics())
    }
    answer().catch(() => {
      log.warn('metrics could not be told')
      response.writeHead(500).end()
    })
  })
  await listening(server, metrics)
  log.info({ port: (server.address() as AddressInfo).port }, 'metrics')
  const leave = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => resolve()))
    await store?.close()
  }
  return withEnd(start, leave)
}

const together = (store: Registry | null): Registry =>
  store === null ? registry : Registry.merge([registry, store])

function openStore(of: { readonly databaseUrl: string; readonly file: string }) {
  const queries = readQueries(of.file)
  const db = openDb(of.databaseUrl, { name: 'metrics', max: 1 })
  return { ...storeGauges(db, queries), close: () => db.end() }
}

const listening = (server: Server, { host, port }: MetricsConfig): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
