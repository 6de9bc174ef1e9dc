import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { stopChildren } from '../../src/embedded/children.js'
import { freePort } from '../../src/embedded/ports.js'
import { startTemporal, type TemporalOptions } from '../../src/embedded/temporal.js'
import { temporalBinary } from '../../src/embedded/temporal-binary.js'

let folder: string
let binary: string
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'countersign-temporal-'))
  binary = await temporalBinary({ progress: (line) => console.log(line) })
}, 600_000)
afterEach(() => stopChildren())
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const server = (more: Partial<TemporalOptions> = {}) =>
  startTemporal({
    binary,
    dbFile: path.join(folder, 'state.db'),
    namespace: 'cases',
    searchAttributes: { CaseKind: 'Keyword', Deadline: 'Datetime', Overdue: 'Bool' },
    logFile: path.join(folder, 'temporal.log'),
    ...more,
  })

const withClient = async <T>(address: string, use: (client: Client) => Promise<T>): Promise<T> => {
  const connection = await Connection.connect({ address })
  try {
    return await use(new Client({ connection, namespace: 'cases' }))
  } finally {
    await connection.close()
  }
}

describe('a Temporal server', { timeout: 60_000 }, () => {
  it('keeps its workflows and attributes when it is killed, and takes new attributes', async () => {
    const first = await server()
    await withClient(first.address, (client) =>
      client.workflow.start('anything', { taskQueue: 'nobody', workflowId: 'case-1' }),
    )
    await first.kill()
    const second = await server({
      searchAttributes: { CaseKind: 'Keyword', Tier: 'Int', Words: 'KeywordList', Note: 'Text' },
    })
    await withClient(second.address, async (client) => {
      const found = await client.workflow.getHandle('case-1').describe()
      expect(found.status.name).toBe('RUNNING')
      const { customAttributes } = await client.connection.operatorService.listSearchAttributes({
        namespace: 'cases',
      })
      expect(Object.keys(customAttributes ?? {})).toEqual(
        expect.arrayContaining(['CaseKind', 'Deadline', 'Overdue', 'Tier', 'Words', 'Note']),
      )
    })
    const ui = await fetch(second.uiUrl)
    expect(ui.status).toBe(200)
  })

  it('refuses a search attribute that exists with another type', async () => {
    const dbFile = path.join(folder, 'types.db')
    const first = await server({ dbFile })
    await first.stop()
    const again = server({ dbFile, searchAttributes: { CaseKind: 'Int' } })
    await expect(again).rejects.toMatchObject({
      name: 'TemporalFault',
      cause: { message: 'search attribute CaseKind exists with another type than Int' },
    })
  })

  it('refuses a port that is taken, in one line that names it', async () => {
    const port = await freePort()
    await server({ port, dbFile: path.join(folder, 'one.db') })
    await expect(server({ port, dbFile: path.join(folder, 'two.db') })).rejects.toThrow(
      `Temporal did not start: port ${port} of 127.0.0.1 is taken`,
    )
  })

  it('says in its log why it did not start', async () => {
    const logFile = path.join(folder, 'why.log')
    const bad = server({ dbFile: path.join(folder, 'no', 'such', 'folder.db'), logFile })
    await expect(bad).rejects.toThrow(logFile)
    expect(readFileSync(logFile, 'utf8')).toMatch(/no such file|unable to open/)
  })
})
