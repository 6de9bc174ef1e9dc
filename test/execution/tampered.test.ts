/** A database administrator at work between vote and execution: the execution gate grants nothing, and says what it found. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CaseEvent } from '../../src/domain/shapes/event.js'
import { readCase, settingOf, targetOf } from '../../src/execution/deps.js'
import { performStep } from '../../src/execution/execute.js'
import { chain, checkChain } from '../../src/ledger/entry.js'
import { passGate } from '../../src/store/gate.js'
import { packSource } from '../../src/store/packs.js'
import { must } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { waitUntil } from '../support/wait.js'
import { aWorld, type World } from '../support/world.js'

let world: World
let work: Casework
beforeAll(async () => {
  world = await aWorld()
  work = caseworkIn(world)
})
afterAll(() => world.stop())

/** A case of its own whose first gate is satisfied. */
async function satisfied() {
  await world.dba.query("update cases set phase = 'closed'")
  const caseId = await work.open('billing', { kind: 'rotate' })
  await work.approve(caseId, { stepId: 'issue', person: 'per_ana' })
  return { caseId, stepId: 'issue' }
}

const codesOf = async (caseId: string) =>
  (await readCase(world.connector, caseId)).recorded.flatMap(({ event }) =>
    event.type === 'GateRefused' || event.type === 'FindingRecorded'
      ? [[event.type, event.code]]
      : [],
  )

const expectUntouched = async (): Promise<void> => {
  const { rows } = await world.targetDba.query<{ login: boolean }>(
    "select rolcanlogin as login from pg_roles where rolname = 'billing_b'",
  )
  expect(rows).toEqual([{ login: false }])
}

/** Past every trigger and foreign key, once the log holds all that there is. */
async function asSuperuser(work: () => Promise<void>): Promise<void> {
  await waitUntil(async () => {
    const { rows } = await world.dba.query('select 1 from unsequenced')
    return rows.length === 0
  })
  await world.dba.query('begin')
  await world.dba.query('set local session_replication_role = replica')
  await work()
  await world.dba.query('commit')
}

/** Writes the case anew from its first entry, chained as it should be: only what it says is another. */
async function rewrite(caseId: string, change: (body: CaseEvent) => object): Promise<void> {
  const { rows } = await world.dba.query<{ bytes: Buffer }>(
    'select bytes from entries where stream = $1 order by seq',
    [caseId],
  )
  const stored = must(
    checkChain(
      caseId,
      rows.map(({ bytes }) => bytes),
    ),
  )
  let head: ReturnType<typeof chain>[number]['hash'] | null = null
  await asSuperuser(async () => {
    for (const { entry } of stored) {
      const body = change(entry.body as CaseEvent) as CaseEvent
      const { seq, at, salt } = entry
      const [made] = chain({
        stream: caseId,
        seq: seq - 1,
        head,
        at,
        salt: () => salt,
        bodies: [body],
      })
      if (made === undefined) throw new Error('nothing was chained')
      head = made.hash
      await world.dba.query(
        'update entries set bytes = $3, hash = $4 where stream = $1 and seq = $2',
        [caseId, seq, Buffer.from(made.bytes), made.hash],
      )
    }
    await world.dba.query('update streams set head = $2 where stream = $1', [caseId, head])
  })
}

describe('the execution gate', () => {
  it('finds PLAN_TAMPERED when the stored plan was rewritten under the hash that was signed', async () => {
    const at = await satisfied()
    await rewrite(at.caseId, (body) =>
      body.type === 'Planned' ? { ...body, plan: { ...body.plan, warnings: ['nothing'] } } : body,
    )
    await performStep(world.connector, at)
    expect(await codesOf(at.caseId)).toEqual([
      ['GateRefused', 'PLAN_TAMPERED'],
      ['FindingRecorded', 'PLAN_TAMPERED'],
    ])
    await expectUntouched()
  })

  it('finds ALREADY_GRANTED when a grant was cut off the case to be given again', async () => {
    const at = await satisfied()
    const { connector, subject } = await targetOf(
      world.connector,
      await settingOf(world.connector, await work.stateOf(at.caseId)),
    )
    const preState = await connector.state(subject)
    const granted = must(await passGate(world.connector, { ...at, preState }))
    expect(granted.answer).toMatchObject({ gate: 'granted' })
    const seq = granted.state.seq
    await asSuperuser(async () => {
      await world.dba.query('delete from entries where stream = $1 and seq = $2', [at.caseId, seq])
      await world.dba.query(
        `update streams set seq = $2, head = (select hash from entries where stream = $1 and seq = $2)
          where stream = $1`,
        [at.caseId, seq - 1],
      )
    })
    expect(await work.dueOf(at.caseId)).toMatchObject({ kind: 'perform', stepId: 'issue' })
    await performStep(world.connector, at)
    expect(await codesOf(at.caseId)).toEqual([
      ['GateRefused', 'ALREADY_GRANTED'],
      ['FindingRecorded', 'ALREADY_GRANTED'],
    ])
    await expectUntouched()
  })

  it('finds POLICY_UNSIGNED when the stored pack is no longer the one that the authority names', async () => {
    const at = await satisfied()
    const { rows } = await world.dba.query<{ hash: string; files: Record<string, string> }>(
      'select hash, files from packs',
    )
    const [pack] = rows
    const loosened = Object.fromEntries(
      Object.entries(pack?.files ?? {}).map(([name, text]) => [name, `${text}\n# loosened\n`]),
    )
    const store = (files: object) =>
      asSuperuser(async () => {
        await world.dba.query('update packs set files = $1', [JSON.stringify(files)])
      })
    await store(loosened)
    // A process that has not read the pack yet: it is kept by its hash once it was checked.
    const started = { ...world.connector, packs: packSource() }
    await expect(performStep(started, at)).rejects.toThrow(/POLICY_UNSIGNED/)
    expect(await codesOf(at.caseId)).toEqual([
      ['GateRefused', 'POLICY_UNSIGNED'],
      ['FindingRecorded', 'POLICY_UNSIGNED'],
    ])
    await expectUntouched()
    await store(pack?.files ?? {})
  })

  it('has no policy, and so none that is signed, before the first pack takes effect', async () => {
    const { authority } = world.authority
    const later = authority.packs.map((pack) => ({
      ...pack,
      effectiveFrom: '2098-01-01T00:00:00.000Z',
    }))
    const asked = { authority: { ...authority, packs: later }, at: '2026-06-01T12:00:00.000Z' }
    expect(await packSource()(world.db('cs_connector'), asked)).toMatchObject({
      ...{ refused: 'POLICY_UNSIGNED', where: '/policy/packs' },
    })
  })
})
