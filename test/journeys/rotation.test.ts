import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Consumer } from '../../src/demo/processes.js'
import { DATABASE } from '../../src/demo/target.js'
import { type Artefact, filesOf, type Histories, historiesOf, tablesOf } from './artefacts.js'
import { allSecrets, found, knock, lockLogKey } from './canary.js'
import { packetOf, verdictOn } from './packets.js'
import { type CaseView, type ConsumerReport, type Parties, partiesOf, reportOf } from './parties.js'
import { type Running, runSystem } from './running-system.js'
import { type Secret, secretText } from './spellings.js'

const ACCOUNT = 'billing'
/** Planted as the change reference: it goes wherever what a partner says goes. */
const MARKER = `CANARY-${randomBytes(20).toString('hex')}`
const marker = secretText('marker', MARKER)
let running: Running
let parties: Parties
let consumer: Consumer
let view: CaseView
let report: ConsumerReport
let packet: Artefact
let passphrases: readonly Secret[]

beforeAll(async () => {
  running = await runSystem({ accounts: [ACCOUNT] })
  passphrases = await lockLogKey(running)
  parties = partiesOf(running.system)
  consumer = await running.system.startConsumer(ACCOUNT)
  const caseId = await parties.open({ account: ACCOUNT, changeReference: MARKER })
  view = await parties.carry({ caseId, consumer })
  report = await reportOf(consumer)
  packet = { name: 'packet', bytes: await packetOf(running.system, { db: parties.db, caseId }) }
})

afterAll(async () => {
  await consumer?.child.stop()
  await parties?.end()
  await running?.stop('removed')
})

const types = () => view.recorded.map(({ event }) => event.type)

/** A login on the target as the account's consumer would do it. */
async function login(input: { user: string; password: string }): Promise<'accepted'> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: running.system.target.port,
    database: DATABASE,
    ...input,
  })
  client.on('error', () => undefined)
  await client.connect()
  await client.end()
  return 'accepted'
}

describe('a rotation through the running system', () => {
  it('completes by the owners’ signatures, with every fact that the plan promises', () => {
    expect(view.state.outcome).toBe('completed')
    expect(view.state.facts).toEqual(
      expect.arrayContaining([
        'new-credential-works',
        'consumer-on-new',
        'old-unused',
        'old-refused',
        'no-session-left',
        'evidence-complete',
      ]),
    )
  })

  it('grants no step before its gate was satisfied by decisions', () => {
    for (const [index, { event }] of view.recorded.entries()) {
      if (event.type !== 'Granted') continue
      const before = view.recorded.slice(0, index).map((item) => item.event)
      const satisfied = before.findLast(
        (item) => item.type === 'GateSatisfied' && item.stepId === event.stepId,
      )
      expect(satisfied).toMatchObject({ round: event.round, decisionIds: event.decisionIds })
    }
    expect(types().filter((type) => type === 'Granted')).toHaveLength(4)
  })

  it('lets the consumer work without one failed login or query, on the new credential', () => {
    expect(report).toMatchObject({ user: `${ACCOUNT}_b`, failedLogins: 0, failedQueries: 0 })
    expect(report.logins).toBeGreaterThan(0)
    expect(report.queries).toBeGreaterThan(0)
  })

  it('gives a packet that verifies with nothing but its bytes and the root keys', () => {
    expect(verdictOn(running.system, packet.bytes)).toMatchObject({
      verdict: 'VERIFIED',
      problems: [],
    })
  })

  it('leaves the old secret refused as that of a role that may not log in', async () => {
    const password = running.system.secrets.accounts[ACCOUNT] ?? ''
    await expect(login({ user: `${ACCOUNT}_a`, password })).rejects.toMatchObject({ code: '28000' })
  })

  it('left the old secret unchanged, so that its refusal is the role’s and not a wrong password’s', async () => {
    const password = running.system.secrets.accounts[ACCOUNT] ?? ''
    await expect(login({ user: `${ACCOUNT}_b`, password })).rejects.toMatchObject({ code: '28P01' })
  })
})

describe('the canary', () => {
  let secrets: readonly Secret[]
  let answers: Artefact
  let histories: Histories
  let tables: readonly Artefact[]
  let files: readonly Artefact[]
  beforeAll(async () => {
    const { system } = running
    const shown = await knock(system)
    answers = shown.answers
    secrets = [...(await allSecrets(system)), ...passphrases, ...shown.tokens]
    histories = await historiesOf(system)
    tables = await tablesOf(system)
    files = await filesOf(system)
  })

  it('is found in tables, packet and decoded histories when it is a word that belongs there', () => {
    expect(view.state.outcome).toBe('completed')
    expect(found(tables, [marker]).length).toBeGreaterThan(0)
    expect(found([packet], [marker]).length).toBeGreaterThan(0)
    expect(found(histories.decoded, [marker]).length).toBeGreaterThan(0)
    const caseId = secretText('case id', view.state.caseId)
    expect(found(histories.raw, [caseId]).length).toBeGreaterThan(0)
    expect(
      found(
        files.filter(({ name }) => name.startsWith('temporal.db')),
        [caseId],
      ),
    ).not.toEqual([])
    const logs = files.filter(({ name }) => name.startsWith('logs/'))
    expect(logs.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeGreaterThan(0)
  })

  it('knows the generated secret, every stored one and every private key', () => {
    expect(secrets.filter(({ label }) => label.startsWith('stored')).length).toBeGreaterThanOrEqual(
      2,
    )
    expect(secrets.filter(({ label }) => label.startsWith('private')).length).toBeGreaterThan(10)
  })

  it('was sent to doors that answered, some of them with a problem', () => {
    const text = Buffer.from(answers.bytes).toString('utf8')
    expect(text).toContain('[200,')
    expect(text).toContain('urn:countersign:refusal:UNAUTHENTICATED')
    expect(text).toContain('urn:countersign:refusal:NOT_ALLOWED')
  })

  it('stands in no Temporal history, as stored or decoded', () => {
    expect(found([...histories.raw, ...histories.decoded], secrets)).toEqual([])
  })

  it('stands in no history in the clear, even when it is no secret', () => {
    expect(found(histories.raw, [marker])).toEqual([])
  })

  it('stands in no table of the evidence store and in no packet', () => {
    expect(found([...tables, packet], secrets)).toEqual([])
  })

  it('stands in no answer at any door, to whoever asked with it or for it', () => {
    expect(found([answers], secrets)).toEqual([])
  })

  it('stands in no log, no database file and no page of a cluster', () => {
    expect(found(files, secrets)).toEqual([])
  })
})
