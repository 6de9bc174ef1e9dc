/** What happens to a case is told to whom it concerns: over signed webhooks and mail, at least once, and nothing waits for it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigFault } from '../../src/config.js'
import { readNotices } from '../../src/config-files.js'
import { freePort } from '../../src/embedded/ports.js'
import { openChannels } from '../../src/notices/routes.js'
import { toldOf } from '../../src/store/notices.js'
import { raiseFence } from '../../src/store/streams/fences.js'
import { createCarrying, createTelling, createWatch } from '../../worker/notifying.js'
import { must } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { loggedTo } from '../support/log.js'
import { signFence } from '../support/people.js'
import { waitUntil } from '../support/wait.js'
import { aWorld, type World } from '../support/world.js'
import { aHook, aPostOffice, SECRET } from './receivers.js'

let world: World
let work: Casework
let dir: string
let hook: Awaited<ReturnType<typeof aHook>>
let post: Awaited<ReturnType<typeof aPostOffice>>
const ADDRESS = 'ana@bank.test'
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'countersign-notices-'))
  world = await aWorld()
  work = caseworkIn(world)
  hook = await aHook()
  post = await aPostOffice(['nobody@bank.test'])
  await writeFile(join(dir, 'secret'), `${SECRET}\n`)
  await address('per_ana', ADDRESS)
  await (await loops()).tell()
})
afterAll(async () => {
  await world.stop()
  await hook.stop()
  await post.stop()
  await rm(dir, { recursive: true, force: true })
})

const address = (person: string, text: string) =>
  world
    .db('cs_api')
    .query("insert into persons_side values ($1, 'salt', 'A Name', $2)", [person, text])

const configured = (over: Record<string, unknown> = {}) => ({
  channels: {
    hook: { kind: 'webhook', url: hook.url, secretFile: join(dir, 'secret') },
    mail: {
      ...{ kind: 'mail', host: '127.0.0.1', port: post.port, security: 'none' },
      from: 'countersign@bank.test',
    },
  },
  routes: [
    { to: 'partner:com_acme', by: ['hook'] },
    { to: 'ops', by: ['hook'] },
    { to: 'person:*', by: ['mail'] },
  ],
  ...over,
})

async function settingsOf(given: unknown) {
  const file = join(dir, 'notices.json')
  await writeFile(file, JSON.stringify(given))
  const settings = readNotices(file)
  if (settings === null) throw new TypeError('not configured')
  return settings
}

const lines: Parameters<typeof loggedTo>[0] = []

async function loops(over: Record<string, unknown> = {}) {
  const settings = await settingsOf(configured(over))
  const deps = {
    ...{ db: world.db('cs_keeper'), authority: world.keeper.authority, settings },
    ...{ channels: openChannels(settings), log: loggedTo(lines) },
  }
  return { tell: createTelling(deps), carry: createCarrying(deps), watch: createWatch(deps) }
}

const count = async (sql: string, values: unknown[] = []): Promise<number> =>
  Number((await world.dba.query<{ n: string }>(sql, values)).rows[0]?.n)

describe('an owner who is awaited', () => {
  it('gets one mail at the configured address, with the case and no way to approve in it', async () => {
    const { tell, carry } = await loops()
    const caseId = await work.open('billing', { kind: 'rotate' })
    await tell()
    await tell()
    await carry()
    await carry()
    const [letter, ...more] = post.letters
    expect(more).toEqual([])
    expect(letter?.to).toEqual([ADDRESS])
    const text = letter?.text.replaceAll(/=\r\n/g, '') ?? ''
    expect(text).toContain(`countersign review ${caseId} issue`)
    expect(text).not.toMatch(/https?:\/\/|countersign decide/)
    expect(await toldOf(world.db('cs_api'), caseId)).toMatchObject([
      { topic: 'awaited', to: 'person:per_ana', channel: 'mail', state: 'sent', attempts: 1 },
      { topic: 'reminder', to: 'person:per_ana', channel: 'mail', state: 'queued', attempts: 0 },
    ])
    await work.decline(caseId, { stepId: 'issue', person: 'per_ana' })
  })

  it('is not reminded of what they have decided since', async () => {
    const { tell, carry } = await loops()
    const caseId = await work.open('ledger', { kind: 'rotate' })
    await tell()
    await carry()
    await work.approve(caseId, { stepId: 'issue', person: 'per_ana' })
    await world.dba.query(
      `update notice_deliveries set not_before = now() where notice_id in (select id from notices where case_id = $1)`,
      [caseId],
    )
    const before = post.letters.length
    await carry()
    expect(post.letters.length).toBe(before)
    expect((await toldOf(world.db('cs_api'), caseId)).map(({ state }) => state)).toEqual([
      'sent',
      'moot',
    ])
  })
})

describe('a webhook', () => {
  it('is signed as Standard Webhooks has it, and sent once more under the same id when the keeper died over it', async () => {
    const { tell, carry } = await loops()
    const caseId = await work.open('billing', { kind: 'rotate' })
    await work.decline(caseId, { stepId: 'issue', person: 'per_ana' })
    await tell()
    await carry()
    const [first] = hook.told.filter(({ data }) => data.caseId === caseId)
    expect(first).toMatchObject({
      type: 'countersign.case-ended',
      data: { to: 'partner:com_acme', caseId },
    })
    // What a keeper leaves that dies between sending and saying so.
    await world.dba.query(
      `update notice_deliveries set state = 'queued', not_before = now() where notice_id = $1`,
      [first?.id],
    )
    await (await loops()).carry()
    const again = hook.told.filter(({ data }) => data.caseId === caseId)
    expect(again.map(({ id }) => id)).toEqual([first?.id, first?.id])
  })

  it('that fails is tried again as often as configured, then given up with one finding, and no case waits', async () => {
    const { tell, carry } = await loops({ retry: ['1ms', '1ms'] })
    hook.status = 302
    const scope = { kind: 'partner' as const, id: 'com_zeta' }
    const envelope = signFence(world.authority.keys, { person: 'per_cleo', scope })
    const { authority, verify } = world.api
    must(await raiseFence(world.db('cs_api'), { envelope, authority, verify }))
    await tell()
    const gone = () =>
      count(
        `select count(*) as n from notice_deliveries where state = 'given-up' and attempts = 3 and channel = 'hook'`,
      )
    await waitUntil(async () => {
      await carry()
      return (await gone()) > 0
    })
    hook.status = 204
    const { rows } = await world.dba.query(
      `select convert_from(bytes, 'UTF8')::jsonb #>> '{body,code}' as code from entries
        where stream = 'findings:notices'
          and convert_from(bytes, 'UTF8')::jsonb #>> '{body,where}' = '/channels/hook'`,
    )
    expect(rows).toEqual([{ code: 'NOTICE_UNDELIVERED' }])
    const caseId = await work.open('billing', { kind: 'rotate' })
    await work.decline(caseId, { stepId: 'issue', person: 'per_ana' })
    expect((await work.stateOf(caseId)).outcome).toBe('declined')
  })
})

describe('mail', () => {
  it('to somebody without an address, or whom the server refuses, is given up, and no address is kept or logged', async () => {
    await address('per_ben', 'nobody@bank.test')
    const { tell, carry } = await loops({
      routes: [
        { to: 'ops', by: ['hook'] },
        { to: 'person:per_ben', by: ['mail'] },
      ],
    })
    await world.dba.query(`insert into notices values ($1, 'person:per_ben', null, now(), $2)`, [
      'ntc_x',
      JSON.stringify(aNotice('per_ben')),
    ])
    await world.dba.query(
      `insert into notice_deliveries (notice_id, channel, not_before) values ('ntc_x', 'mail', now())`,
    )
    await tell()
    await carry()
    const { rows } = await world.dba.query(
      `select state, fault from notice_deliveries where notice_id = 'ntc_x'`,
    )
    expect(rows).toEqual([{ state: 'given-up', fault: 'SMTP 550' }])
    expect(JSON.stringify(lines)).not.toContain('@bank.test')
    const kept = await world.dba.query(
      "select n.body, d.fault, convert_from(e.bytes, 'UTF8') from notices n, notice_deliveries d, entries e",
    )
    expect(JSON.stringify(kept.rows)).not.toContain('@bank.test')
  })
})

const aNotice = (person: string) => ({
  ...{ id: 'ntc_x', topic: 'finding', to: `person:${person}`, at: '2026-01-01T00:00:00.000Z' },
  ...{ from: '2026-01-01T00:00:00.000Z', caseId: null, stepId: null, round: null },
  ...{ onBehalfOf: null, until: null, says: 'x', look: 'x' },
})

describe('a configuration', () => {
  const wrong = async (over: Record<string, unknown>): Promise<string> => {
    const fault = await settingsOf(configured(over)).catch((error: unknown) => error)
    expect(fault).toBeInstanceOf(ConfigFault)
    return String(fault)
  }

  it('names what is wrong and where, and shows no secret', async () => {
    expect(await wrong({ routes: [{ to: 'ops', by: ['pager'] }] })).toMatch(
      /COUNTERSIGN_NOTICES: \S+ is wrong at \/routes\/0\/by: there is no channel pager/,
    )
    expect(await wrong({ routes: [{ to: 'partner:com_acme', by: ['mail'] }] })).toContain(
      'only persons have an address for mail',
    )
    const hookAt = (url: string) => ({
      channels: { hook: { kind: 'webhook', url, secretFile: join(dir, 'secret') } },
      routes: [{ to: 'ops', by: ['hook'] }],
    })
    expect(await wrong(hookAt('http://partner.example/hook'))).toContain('without https')
    await writeFile(join(dir, 'secret'), 'not-a-signing-secret\n')
    const told = await wrong({})
    await writeFile(join(dir, 'secret'), `${SECRET}\n`)
    expect(told).toContain('does not hold secrets of the form whsec_')
    expect(told).not.toContain('not-a-signing')
  })

  it('that reaches nobody is no fault of a delivery: the port is closed, and it is tried again', async () => {
    const url = `http://127.0.0.1:${await freePort()}/`
    const settings = await settingsOf(
      configured({
        channels: { hook: { kind: 'webhook', url, secretFile: join(dir, 'secret') } },
        routes: [{ to: 'ops', by: ['hook'] }],
      }),
    )
    const channel = openChannels(settings).get('hook')
    await expect(channel?.look()).rejects.toThrow()
    expect(await channel?.carry(aNotice('per_ana') as never, null)).toEqual({
      ...{ kind: 'failed', fault: 'ECONNREFUSED', again: 'later' },
    })
  })
})

describe('with the signer down', () => {
  it('a fence is told all the same, and told once when it is signed later', async () => {
    await world.stopSigner()
    const { tell, carry } = await loops()
    const envelope = signFence(world.authority.keys, {
      person: 'per_cleo',
      scope: { kind: 'partner', id: 'com_acme' },
    })
    const { authority, verify } = world.api
    must(await raiseFence(world.db('cs_api'), { envelope, authority, verify }))
    const put = () => hook.told.filter(({ type }) => type === 'countersign.fence-put')
    const before = put().length
    await tell()
    await carry()
    await tell()
    await carry()
    expect(
      put()
        .slice(before)
        .map(({ data }) => data.to),
    ).toEqual(expect.arrayContaining(['partner:com_acme', 'ops']))
    expect(put().length).toBe(before + 2)
  })
})
