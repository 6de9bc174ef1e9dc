import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigFault, keeperConfig } from '../../src/config.js'
import { identityScope } from '../../src/domain/authority/matter.js'
import { freePort } from '../../src/embedded/ports.js'
import { openCase } from '../../src/store/case/open-case.js'
import { findTampering } from '../../src/store/case/reconcile.js'
import { startKeeper } from '../../worker/keeper.js'
import { must } from '../support/authority.js'
import { type LoggedLine, loggedTo } from '../support/log.js'
import { until } from '../support/rig.js'
import { aWorld, type World } from '../support/world.js'

let world: World
let dir: string
let env: Record<string, string>
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'countersign-keeper-'))
  world = await aWorld()
  const { keyId, alg, publicKey, privateKeyPem } = world.authority.keys.log
  const file = (name: string, text: string) => writeFile(join(dir, name), text, { mode: 0o600 })
  await file('log.pem', privateKeyPem)
  await file('log.json', JSON.stringify({ keyId, alg, publicKey }))
  await file('trust.json', JSON.stringify(world.authority.trust))
  const key = Buffer.alloc(32, 'a').toString('base64')
  await file('codec.json', JSON.stringify([{ kid: 'one', key }]))
  env = {
    DATABASE_URL: world.url('cs_keeper'),
    TEMPORAL_ADDRESS: `127.0.0.1:${await freePort()}`,
    COUNTERSIGN_TRUST: join(dir, 'trust.json'),
    COUNTERSIGN_CODEC_KEYS: join(dir, 'codec.json'),
    COUNTERSIGN_STATE_DIR: join(dir, 'state'),
    COUNTERSIGN_LOG_KEY: join(dir, 'log.pem'),
  }
})
afterAll(async () => {
  await world.stop()
  await rm(dir, { recursive: true, force: true })
})

const open = async (identity: string) =>
  must(
    await openCase(world.api, {
      request: {
        asked: { kind: 'rotate' as const },
        scope: identityScope(`nhi_${identity}`),
        requester: { kind: 'partner', companyId: 'com_acme', personId: null },
        changeReference: null,
        change: 'standard',
      },
      principal: 'acme',
      idempotencyKey: identity,
    }),
  ).caseId

const count = async (sql: string, values: unknown[] = []): Promise<number> =>
  Number((await world.dba.query<{ n: string }>(sql, values)).rows[0]?.n)

describe('the keeper', () => {
  it('signs what is committed while Temporal is away, and keeps what it could not deliver', async () => {
    const lines: LoggedLine[] = []
    const keeper = await startKeeper(keeperConfig(env), loggedTo(lines))
    try {
      const caseId = await open('billing')
      await until(
        'its entry is under a signed head',
        async () =>
          (await count(
            `select count(*) as n from entries e join leaves l using (hash)
            where e.stream = $1 and l.index < (select max(size) from checkpoints)`,
            [caseId],
          )) === 1,
      )
      await until('the relay has tried', async () => lines.some(({ loop }) => loop === 'relay'))
      expect(await count('select count(*) as n from outbox where case_id = $1', [caseId])).toBe(1)
    } finally {
      await keeper.stop()
    }
    await keeper.ended
  })

  it('never logs a secret when the database is away', async () => {
    const lines: LoggedLine[] = []
    const url = new URL(env.DATABASE_URL ?? '')
    url.port = String(await freePort())
    const keeper = await startKeeper(
      keeperConfig({ ...env, DATABASE_URL: url.href }),
      loggedTo(lines),
    )
    await until('the sequencer has tried', async () =>
      lines.some(({ loop }) => loop === 'sequencer'),
    )
    await keeper.stop()
    expect(JSON.stringify(lines)).not.toContain(url.password)
  })

  it('says loudly that the log is forked, signs nothing more and goes on with the rest', async () => {
    const lines: LoggedLine[] = []
    const mark = JSON.stringify({ size: 1_000_000, root: Buffer.alloc(32).toString('base64') })
    await writeFile(join(dir, 'state', 'high-water.json'), mark)
    const keeper = await startKeeper(keeperConfig(env), loggedTo(lines))
    try {
      await until('it is said', async () =>
        lines.some(({ level, fork }) => level === 60 && fork !== undefined),
      )
      await until('the relay has tried', async () => lines.some(({ loop }) => loop === 'relay'))
    } finally {
      await keeper.stop()
    }
  })

  it('finds a grant that no entry explains', async () => {
    const caseId = await open('ledger')
    await world
      .db('cs_connector')
      .query(
        `insert into grants (grant_id, case_id, step_id, plan_hash, round) values ($1, $2, 'issue', 'sha256:00', 1)`,
        ['0'.repeat(26), caseId],
      )
    expect(await findTampering(world.db('cs_keeper'))).toBe(1)
    expect(
      await count(
        "select count(*) as n from entries where stream = $1 and type = 'FindingRecorded'",
        [caseId],
      ),
    ).toBe(1)
  })
})

describe('the configuration', () => {
  const wrong = (change: Record<string, string | undefined>): string => {
    try {
      keeperConfig({ ...env, ...change })
    } catch (error) {
      if (error instanceof ConfigFault) return error.message
      throw error
    }
    return 'accepted'
  }

  it('names the variable and what is wrong in one line, and never the value', () => {
    expect(wrong({})).toBe('accepted')
    expect(wrong({ DATABASE_URL: undefined })).toBe('DATABASE_URL: is not set')
    expect(wrong({ DATABASE_URL: '' })).toBe('DATABASE_URL: is not set')
    expect(wrong({ DATABASE_URL: 'mysql://u:geheim@h/d' })).toBe(
      'DATABASE_URL: is not a postgres:// URL',
    )
    expect(wrong({ TEMPORAL_ADDRESS: 'nowhere' })).toBe('TEMPORAL_ADDRESS: is not host:port')
    expect(wrong({ COUNTERSIGN_RECONCILE_MS: 'often' })).toBe(
      'COUNTERSIGN_RECONCILE_MS: is not a number',
    )
    expect(wrong({ COUNTERSIGN_TRUST: join(dir, 'none') })).toMatch(
      /^COUNTERSIGN_TRUST: \S+ cannot be read$/,
    )
    expect(wrong({ COUNTERSIGN_TRUST: join(dir, 'log.pem') })).toMatch(
      /^COUNTERSIGN_TRUST: \S+ is not JSON$/,
    )
    expect(wrong({ COUNTERSIGN_CODEC_KEYS: join(dir, 'trust.json') })).toMatch(
      /^COUNTERSIGN_CODEC_KEYS: \S+ is wrong at/,
    )
  })
})
