/** The service as a newcomer and an operator meet it: two at once, started again at the same addresses, looked at by doctor. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PROCESSES } from '../../src/domain/shapes/process-event.js'
import { openDb } from '../../src/store/db.js'
import { startedProcesses } from '../../src/store/streams/processes.js'
import { type Running, runSystem } from './running-system.js'

const run = promisify(execFile)
const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))

let first: Running
let second: Running
beforeAll(async () => {
  const both = await Promise.all([
    runSystem({ accounts: ['billing'] }),
    runSystem({ accounts: ['billing'] }),
  ])
  first = both[0]
  second = both[1]
})
afterAll(async () => {
  await first?.stop('removed')
  await second?.stop('removed')
})

interface Checked {
  readonly name: string
  readonly state: string
}
async function doctor(dir: string): Promise<{ code: number; states: Record<string, string> }> {
  const words = [main, 'doctor', '--service', dir, '--json']
  const ended = await run(process.execPath, words, { env: { PATH: process.env.PATH } }).then(
    ({ stdout }) => ({ code: 0, stdout }),
    (error: { code: number; stdout: string }) => error,
  )
  const { checks } = JSON.parse(ended.stdout) as { checks: Checked[] }
  return {
    code: ended.code,
    states: Object.fromEntries(checks.map(({ name, state }) => [name, state])),
  }
}

const occupy = (port: number): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })

describe('two services on one machine', () => {
  it('run at the same time, each at addresses of its own', () => {
    const addresses = [first, second].flatMap(({ system }) => Object.values(system.addresses))
    expect(new Set(addresses).size).toBe(addresses.length)
  })
})

describe('doctor', () => {
  it('finds everything good with nothing set but the folder, and says that nobody witnesses its log', async () => {
    const { code, states } = await doctor(first.system.dir)
    expect(states).toEqual({
      ...{ temporal: 'good', store: 'good', authority: 'good', issuers: 'good', api: 'good' },
      ...{ codec: 'good', workers: 'good', targets: 'good', clocks: 'good', log: 'good' },
      ...{ build: 'good', witnesses: 'not configured', notices: 'not configured' },
    })
    expect(code).toBe(0)
  })

  it('says which process is down', async () => {
    await first.system.process('codec').stop()
    const { code, states } = await doctor(first.system.dir)
    expect(states).toMatchObject({ codec: 'failed', api: 'good', store: 'good' })
    expect(code).toBe(3)
  })
})

describe('a service that is started again', () => {
  it('has the addresses it had, and says in one line where it could not', async () => {
    const { dir, addresses } = first.system
    await first.stop('kept')
    const other = await occupy(Number(new URL(addresses.codec).port))
    const said: string[] = []
    first = await runSystem({ accounts: ['billing'], dir, progress: (line) => said.push(line) })
    other.close()
    const { codec: before, ...kept } = addresses
    const { codec: after, ...now } = first.system.addresses
    expect(now).toEqual(kept)
    expect(after).not.toBe(before)
    const [port, instead] = [before, after].map((url) => new URL(url).port)
    expect(said.filter((line) => line.includes('taken'))).toEqual([
      `port ${port} of codec is taken; it has ${instead} now`,
    ])
    expect((await doctor(dir)).code).toBe(0)
  })

  it('has an entry for each start of each process, of the same build', async () => {
    const file = await readFile(join(first.system.dir, 'doctor.json'), 'utf8')
    const db = openDb(JSON.parse(file).DATABASE_URL, { name: 'test', max: 1 })
    try {
      const starts = await startedProcesses(db, { each: 10 })
      expect(starts.map(({ process }) => process).sort()).toEqual(
        PROCESSES.flatMap((name) => [name, name]).sort(),
      )
      expect(new Set(starts.map(({ build }) => build)).size).toBe(1)
    } finally {
      await db.end()
    }
  })
})
