/** A database administrator at work between vote and execution: the execution gate grants nothing, and says what it found. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CaseEvent, CaseOpened } from '../../src/domain/shapes/event.js'
import { readCase, settingOf, targetOf } from '../../src/execution/deps.js'
import { performStep } from '../../src/execution/execute.js'
import { packSource } from '../../src/store/authority/packs.js'
import { passGate } from '../../src/store/case/gate.js'
import { must } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { asSuperuser, rewrite, trim } from '../support/superuser.js'
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

const rewriteCase = (caseId: string, change: (body: CaseEvent) => CaseEvent): Promise<void> =>
  rewrite(world.dba, { stream: caseId, change: (body) => change(body as CaseEvent) })

describe('the execution gate', () => {
  it('finds PLAN_TAMPERED when the stored plan was rewritten under the hash that was signed', async () => {
    const at = await satisfied()
    await rewriteCase(at.caseId, (body) =>
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
    await trim(world.dba, { stream: at.caseId, from: seq })
    expect(await work.dueOf(at.caseId)).toMatchObject({ kind: 'perform', stepId: 'issue' })
    await performStep(world.connector, at)
    expect(await codesOf(at.caseId)).toEqual([
      ['GateRefused', 'ALREADY_GRANTED'],
      ['FindingRecorded', 'ALREADY_GRANTED'],
    ])
    await expectUntouched()
  })

  const forgeries: readonly (readonly [string, (opened: CaseOpened) => Partial<CaseOpened>])[] = [
    ['as the enterprise’s own work, which no fence stops', () => ({ contract: null })],
    [
      'by somebody else',
      ({ requester }) => ({ requester: { ...requester, companyId: 'com_zeta' } }),
    ],
    ['to be owned by somebody else', () => ({ ownerId: 'per_zed' })],
    [
      'with other durations',
      ({ settings }) => ({ settings: { ...settings, leaseMs: settings.leaseMs + 1 } }),
    ],
    ['with less evidence', ({ evidence }) => ({ evidence: evidence.slice(1) })],
    [
      'with a weaker requirement',
      ({ requirements }) => ({ requirements: { issue: requirements.close } as never }),
    ],
    [
      'under a bundle that never was',
      ({ authority }) => ({ authority: { ...authority, version: authority.version + 7 } }),
    ],
  ]
  it.each(forgeries)('grants nothing in a case that was never opened %s', async (_how, forged) => {
    const at = await satisfied()
    await rewriteCase(at.caseId, (body) =>
      body.type === 'CaseOpened' ? { ...body, ...forged(body) } : body,
    )
    await performStep(world.connector, at).catch(() => undefined)
    const codes = await codesOf(at.caseId)
    expect(codes).toHaveLength(2)
    for (const [, code] of codes) expect(code).toMatch(/^EVIDENCE_TAMPERED$|^AUTHORITY_INVALID$/)
    expect((await work.stateOf(at.caseId)).steps[0]?.grant).toBeNull()
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
      asSuperuser(world.dba, async () => {
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
