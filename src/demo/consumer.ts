/**
 * A consumer: an application that uses the service account. It works through a small pool and also
 * logs in afresh every 50 ms with its current credential, and counts every failure of either. A new
 * credential reaches it sealed to its own key, by HTTP; it switches when the new one has worked. One that
 * has none yet waits for its first.
 *   POST /credential {user, jwe}   GET /report   GET /livez
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import express from 'express'
import pg from 'pg'
import { z } from 'zod'
import { isRefusal } from '../domain/refusal.js'
import { parseAs } from '../domain/shapes/parse.js'
import { openSealed } from '../keys/seal.js'

const Config = z.strictObject({
  appears: z.string(),
  host: z.string(),
  port: z.int(),
  database: z.string(),
  /** Null: it has none yet. */
  user: z.string().nullable(),
  secret: z.string().nullable(),
  privateKeyPem: z.string(),
  /** Of 127.0.0.1; 0 takes a free one. */
  listensOn: z.int(),
  logFile: z.string(),
})
type Config = z.infer<typeof Config>

const POOL_SIZE = 3
const LOGIN_EVERY_MS = 50
const QUERY_EVERY_MS = 20

interface Credential {
  readonly user: string
  readonly secret: string
}

interface Report {
  user: string
  logins: number
  failedLogins: number
  queries: number
  failedQueries: number
  longestGapMs: number
}

/** Owned by this process alone: `run` starts it, the delivery replaces pool and credential together. */
class Consumer {
  private pool: pg.Pool | null
  private lastGood = performance.now()
  private stopped = false
  private credential: Credential | null
  readonly report: Report

  constructor(
    private readonly config: Config,
    private readonly configFile: string,
  ) {
    const { user, secret } = config
    const credential = user === null || secret === null ? null : { user, secret }
    this.credential = credential
    this.pool = credential === null ? null : this.poolOf(credential)
    this.report = {
      user: credential?.user ?? '',
      logins: 0,
      failedLogins: 0,
      queries: 0,
      failedQueries: 0,
      longestGapMs: 0,
    }
  }

  async start(): Promise<void> {
    await this.query()
    void this.every(LOGIN_EVERY_MS, () => this.login())
    void this.every(QUERY_EVERY_MS, () => this.query())
  }

  async stop(): Promise<void> {
    this.stopped = true
    await this.pool?.end()
  }

  /** Uses the new credential from now on, once it has worked; the old pool ends when its work is done. */
  async take(next: Credential): Promise<void> {
    const pool = this.poolOf(next)
    await Promise.all(Array.from({ length: POOL_SIZE }, () => pool.query('select 1')))
    const old = this.pool
    this.pool = pool
    this.credential = next
    this.report.user = next.user
    await old?.end()
    this.keep(next)
  }

  /** Afterwards a restart begins with the credential that works now. */
  private keep({ user, secret }: Credential): void {
    writeFileSync(this.configFile, JSON.stringify({ ...this.config, user, secret }), {
      mode: 0o600,
    })
  }

  private connection({ user, secret }: Credential) {
    const { host, port, database, appears } = this.config
    return { host, port, database, user, password: secret, application_name: appears }
  }

  private poolOf(credential: Credential): pg.Pool {
    const pool = new pg.Pool({
      ...this.connection(credential),
      max: POOL_SIZE,
      idleTimeoutMillis: 0,
    })
    pool.on('error', (error) => this.failed('query', error))
    return pool
  }

  private async every(ms: number, work: () => Promise<void>): Promise<void> {
    while (!this.stopped) {
      await work()
      await pause(ms)
    }
  }

  private async login(): Promise<void> {
    if (this.credential === null) return
    const client = new pg.Client(this.connection(this.credential))
    client.on('error', () => undefined)
    await client.connect().then(
      () => {
        this.report.logins += 1
        this.worked()
      },
      (error: unknown) => this.failed('login', error),
    )
    await client.end().catch(() => undefined)
  }

  private async query(): Promise<void> {
    await this.pool?.query('select count(*) from work').then(
      () => {
        this.report.queries += 1
        this.worked()
      },
      (error: unknown) => this.failed('query', error),
    )
  }

  private worked(): void {
    const at = performance.now()
    this.report.longestGapMs = Math.max(this.report.longestGapMs, Math.round(at - this.lastGood))
    this.lastGood = at
  }

  private failed(what: 'login' | 'query', error: unknown): void {
    if (this.stopped) return
    if (what === 'login') this.report.failedLogins += 1
    else this.report.failedQueries += 1
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN'
    const { user } = this.report
    const line = { at: new Date().toISOString(), failed: what, user, code }
    appendFileSync(this.config.logFile, `${JSON.stringify(line)}\n`)
  }
}

const Delivery = z.strictObject({ user: z.string(), jwe: z.string() })

function doors(consumer: Consumer, config: Config): express.Express {
  const app = express()
  app.use(express.json({ limit: '16kb' }))
  app.get('/livez', (_request, response) => void response.json({ alive: true }))
  app.get('/report', (_request, response) => void response.json(consumer.report))
  app.post('/credential', async (request, response) => {
    // UNTRUSTED: anybody can reach this door; only what was sealed to this consumer's key opens.
    const delivery = parseAs(Delivery)(request.body)
    if (isRefusal(delivery)) return void response.status(400).json(delivery)
    const opened = await openSealed({ jwe: delivery.jwe, privateKeyPem: config.privateKeyPem })
    if (isRefusal(opened)) return void response.status(422).json(opened)
    await consumer.take({ user: delivery.user, secret: opened.secret })
    return void response.json({ user: delivery.user })
  })
  return app
}

async function main(): Promise<void> {
  const configFile = process.argv[2] ?? ''
  const config = Config.parse(JSON.parse(readFileSync(configFile, 'utf8')))
  const consumer = new Consumer(config, configFile)
  await consumer.start()
  const server = doors(consumer, config).listen(config.listensOn, '127.0.0.1', () => {
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    process.stdout.write(`ready ${JSON.stringify({ port })}\n`)
  })
  process.once('SIGTERM', () => {
    server.close()
    void consumer.stop().then(() => process.exit(0))
  })
}

await main()
