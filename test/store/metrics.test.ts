/** What monitoring is told: numbers of the process and of the store, without anybody's id, on a port of its own. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keeperConfig } from '../../src/config.js'
import { freePort } from '../../src/embedded/ports.js'
import { gateRefused, noticeCarried, proofWaited } from '../../src/metrics/metrics.js'
import { QueriesFault, readQueries } from '../../src/metrics/store-queries.js'
import { measured } from '../../worker/measured.js'
import { root } from '../rules/tree.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { loggedTo } from '../support/log.js'
import { aWorld, type World } from '../support/world.js'

let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld()
  work = caseworkIn(world)
})
afterAll(() => world?.stop())

const QUERIES = join(root, 'ops', 'queries.yml')

async function served(over: { readonly queries: string | null }) {
  let end: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const port = await freePort()
  const service = await measured(
    {
      process: 'keeper',
      config: {
        databaseUrl: world.url('cs_keeper'),
        metrics: { host: '127.0.0.1', port, ...over },
      },
      log: loggedTo([]),
    },
    async () => ({ ready: {}, stop: async () => end(), ended }),
  )
  const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`)
  return {
    get,
    text: async () => (await get('/metrics')).text(),
    stop: async () => {
      await service.stop()
      await service.ended
    },
  }
}

const value = (text: string, line: string): number =>
  Number(new RegExp(`^${line.replaceAll(/[{}"]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1])

describe('the metrics of a process', () => {
  it('say what the store says, under the role of the keeper alone, and nobody’s id', async () => {
    const keeper = await served({ queries: QUERIES })
    try {
      const caseId = await work.open('billing', { kind: 'rotate' })
      const text = await keeper.text()
      expect(value(text, 'countersign_awaited_cases')).toBe(1)
      expect(value(text, 'countersign_stuck_cases')).toBe(0)
      expect(value(text, 'countersign_cases_open{due="decision"}')).toBe(1)
      for (const name of Object.keys(readQueries(QUERIES)))
        expect(value(text, `countersign_query_failed{query="${name}"}`), name).toBe(0)
      expect(text).not.toMatch(new RegExp(`${caseId}|per_|nhi_|com_`))
      await work.decline(caseId, { stepId: 'issue', person: 'per_ana' })
      expect(value(await keeper.text(), 'countersign_awaited_cases')).toBe(0)
      expect((await keeper.get('/')).status).toBe(404)
    } finally {
      await keeper.stop()
    }
  })

  it('count refusals by code, waits for proofs and notices', async () => {
    const process = await served({ queries: null })
    try {
      const fenced = 'countersign_refusals_total{door="gate",code="FENCED"}'
      const before = value(await process.text(), fenced) || 0
      gateRefused('FENCED')
      proofWaited({ ms: 12, outcome: 'proved' })
      noticeCarried({ channel: 'mail', outcome: 'given-up' })
      const text = await process.text()
      expect(value(text, fenced)).toBe(before + 1)
      expect(value(text, 'countersign_proof_seconds_count{outcome="proved"}')).toBeGreaterThan(0)
      expect(
        value(text, 'countersign_notices_total{channel="mail",outcome="given-up"}'),
      ).toBeGreaterThan(0)
      expect(text).toMatch(/^countersign_build_info\{process="keeper",build="sha256:/m)
    } finally {
      await process.stop()
    }
  })

  it('go on when a query fails, and say which', async () => {
    const file = join(world.memoryFile, '..', 'queries.yml')
    await writeFile(
      file,
      'countersign_nothing:\n  query: select count(*) as n from no_such_table\n  metrics:\n    - n: { usage: GAUGE, description: none }\n',
    )
    const keeper = await served({ queries: file })
    try {
      expect(
        value(await keeper.text(), 'countersign_query_failed{query="countersign_nothing"}'),
      ).toBe(1)
    } finally {
      await keeper.stop()
    }
  })

  it('have one clear error for queries that cannot be read, and are absent unless a port is set', async () => {
    expect(() => readQueries(join(root, 'package.json'))).toThrow(QueriesFault)
    expect(() => readQueries('/nowhere.yml')).toThrow('/nowhere.yml cannot be read as YAML')
    expect(() => keeperConfig({ COUNTERSIGN_METRICS_PORT: 'x' })).toThrow()
  })
})
