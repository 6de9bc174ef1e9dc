import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { stopChildren } from '../../src/embedded/children.js'
import { freePort } from '../../src/embedded/ports.js'
import { type Postgres, PostgresFault, startPostgres } from '../../src/embedded/postgres.js'
import { ClusterInUse } from '../../src/embedded/postgres-pid.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'countersign-pg-'))
})
afterEach(() => stopChildren())
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const cluster = (name: string, more: { port?: number; hba?: string[] } = {}) =>
  startPostgres({
    dataDir: path.join(folder, name),
    logFile: path.join(folder, `${name}.log`),
    superuserPassword: 'correct horse/battery@staple',
    ...more,
  })

const ask = async (url: string, sql: string): Promise<unknown> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query({ text: sql, rowMode: 'array' })
    return rows[0]?.[0]
  } finally {
    await client.end()
  }
}

const pgCode = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'answered',
    (error: { code?: string }) => error.code,
  )

const listenSomewhere = (): Promise<Server> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => resolve(server))
  })

describe('a cluster', { timeout: 60_000 }, () => {
  it('keeps what was committed when its server is killed and started again', async () => {
    const first = await cluster('crash')
    await ask(first.superuserUrl, 'create table kept as select 42 as answer')
    await first.kill()
    const second = await cluster('crash')
    expect(await ask(second.superuserUrl, 'select answer from kept')).toBe(42)
    expect(second.pid).not.toBe(first.pid)
  })

  it('keeps what was committed when it is stopped, and its port when it is given', async () => {
    const first = await cluster('stop')
    await ask(first.superuserUrl, 'create table kept as select 7 as answer')
    await first.stop()
    const second = await cluster('stop', { port: first.port })
    expect(second.port).toBe(first.port)
    expect(await ask(second.superuserUrl, 'select answer from kept')).toBe(7)
  })

  it('runs beside another one, each with its own data', async () => {
    const both = await Promise.all([cluster('left'), cluster('right')])
    const answers = await Promise.all(
      both.map(async (one: Postgres, n) => {
        await ask(one.superuserUrl, `create table mine as select ${n} as n`)
        return ask(one.superuserUrl, 'select n from mine')
      }),
    )
    expect(answers).toEqual([0, 1])
  })

  it('is a durable server on 127.0.0.1 with checksums, UTF-8 and the C locale', async () => {
    const one = await cluster('shared')
    const show = (name: string) => ask(one.superuserUrl, `show ${name}`)
    expect(await show('fsync')).toBe('on')
    expect(await show('data_checksums')).toBe('on')
    expect(await show('server_encoding')).toBe('UTF8')
    const collation = 'select datcollate from pg_database where datname = current_database()'
    expect(await ask(one.superuserUrl, collation)).toBe('C')
    expect(await show('listen_addresses')).toBe('127.0.0.1')
    expect(await show('unix_socket_directories')).toBe('')
  })

  it('lets nobody in without the right password, nor whom the given hba lines reject', async () => {
    const one = await cluster('shared', { hba: ['host all blocked 127.0.0.1/32 reject'] })
    await ask(one.superuserUrl, `create role blocked login password 'secret'`)
    const asked = (url: string) => pgCode(ask(url, 'select 1'))
    expect(await asked(one.url('postgres', 'wrong', 'postgres'))).toBe('28P01')
    expect(await asked(one.url('blocked', 'secret', 'postgres'))).toBe('28000')
  })

  it('refuses a port that is taken, in one line that names it', async () => {
    const other = await listenSomewhere()
    const address = other.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await expect(cluster('taken', { port })).rejects.toThrow(
      new PostgresFault(`PostgreSQL did not start: port ${port} of 127.0.0.1 is taken`),
    )
    await new Promise((resolve) => other.close(resolve))
  })

  it('refuses to run twice on one data folder', async () => {
    await cluster('shared')
    await expect(cluster('shared')).rejects.toThrow(ClusterInUse)
  })

  it('starts on a folder whose pid file names a living stranger', async () => {
    const first = await cluster('stranger')
    await ask(first.superuserUrl, 'create table kept as select 1 as answer')
    await first.kill()
    const file = path.join(folder, 'stranger', 'postmaster.pid')
    const [, ...rest] = readFileSync(file, 'utf8').split('\n')
    writeFileSync(file, [String(process.ppid), ...rest].join('\n'))
    const second = await cluster('stranger')
    expect(await ask(second.superuserUrl, 'select answer from kept')).toBe(1)
  })

  it('does not touch a folder that holds something else', async () => {
    mkdirSync(path.join(folder, 'else'))
    writeFileSync(path.join(folder, 'else', 'letter.txt'), 'dear')
    await expect(cluster('else')).rejects.toThrow(/not a PostgreSQL cluster/)
    expect(readFileSync(path.join(folder, 'else', 'letter.txt'), 'utf8')).toBe('dear')
  })

  it('keeps the words of failed statements out of its log', async () => {
    const one = await cluster('shared', { port: await freePort() })
    await pgCode(ask(one.superuserUrl, `create role postgres password 'hunter2'`))
    await one.stop()
    const log = readFileSync(path.join(folder, 'shared.log'), 'utf8')
    expect(log).toContain('role "postgres" already exists')
    expect(log).not.toContain('hunter2')
  })
})
