import pg from 'pg'
import { ulid } from 'ulid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { scramVerifier } from '../../src/connectors/scram.js'
import { identityScope } from '../../src/domain/authority/matter.js'
import { type CaseState, stepOf } from '../../src/domain/case/case.js'
import { due } from '../../src/domain/case/due.js'
import { readCase } from '../../src/execution/deps.js'
import { performStep } from '../../src/execution/execute.js'
import { drawPlan, openDueGate } from '../../src/execution/prepare.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { packHash } from '../../src/packs/load.js'
import { installAuthority } from '../../src/store/authority/authority.js'
import { submitDecision } from '../../src/store/case/cases.js'
import { openCase } from '../../src/store/case/open-case.js'
import { raiseFence } from '../../src/store/streams/fences.js'
import { anAuthority, must, SPAN, type TestPerson } from '../support/authority.js'
import { aDecision, signDecision, signFence } from '../support/people.js'
import { waitUntil } from '../support/wait.js'
import { aWorld, quickPack, type World } from '../support/world.js'

let world: World
let verifiers: Record<string, string>
/** Looks at locks from outside: inside a transaction the activity view stands still. */
let observer: pg.Client
beforeAll(async () => {
  world = await aWorld()
  observer = new pg.Client({ connectionString: world.store.superuserUrl })
  await observer.connect()
})
afterAll(async () => {
  await observer.end()
  await world.stop()
})

const request = (identity: string) => ({
  request: {
    asked: { kind: 'rotate' as const },
    scope: identityScope(`nhi_${identity}`),
    requester: { kind: 'partner' as const, companyId: 'com_acme', personId: null },
    changeReference: null,
    change: 'standard' as const,
  },
  principal: 'acme',
  idempotencyKey: ulid(),
})

/** A fresh case whose first gate is open, and the target as it is now. */
async function atFirstGate(identity: 'billing' | 'ledger'): Promise<string> {
  await world.dba.query("update cases set phase = 'closed' where scope_id = $1", [
    `nhi_${identity}`,
  ])
  const { caseId } = must(await openCase(world.api, request(identity)))
  await drawPlan(world.connector, caseId)
  await openDueGate(world.connector, caseId)
  verifiers = await targetVerifiers()
  return caseId
}

const stateOf = async (caseId: string): Promise<CaseState> =>
  (await readCase(world.connector, caseId)).state

async function decide(
  caseId: string,
  input: { stepId: string; person: TestPerson; verdict?: 'approve' | 'decline' },
) {
  const payload = aDecision(await stateOf(caseId), {
    ...input,
    overrides: { verdict: input.verdict ?? 'approve' },
  })
  return submitDecision(world.api, {
    caseId,
    envelope: signDecision(world.authority.keys, payload),
    door: 'api',
  })
}

async function targetVerifiers(): Promise<Record<string, string>> {
  const { rows } = await world.targetDba.query<{
    rolname: string
    rolpassword: string
    rolcanlogin: boolean
  }>("select rolname, rolpassword, rolcanlogin from pg_authid where rolname ~ '_[ab]$'")
  return Object.fromEntries(
    rows.map((row) => [row.rolname, `${row.rolcanlogin} ${row.rolpassword}`]),
  )
}

const events = async (caseId: string, type: string) =>
  (await readCase(world.connector, caseId)).recorded
    .filter(({ event }) => event.type === type)
    .map(({ event }) => event)

describe('the execution gate', () => {
  it('refuses a step whose signatures were for another state of the target, and opens the gate again', async () => {
    const caseId = await atFirstGate('billing')
    must(await decide(caseId, { stepId: 'issue', person: 'per_ana' }))
    await world.targetDba.query(`alter role billing_b password '${scramVerifier('somebody-else')}'`)
    verifiers = await targetVerifiers()
    await performStep(world.connector, { caseId, stepId: 'issue' })
    await openDueGate(world.connector, caseId)
    expect(await events(caseId, 'GateRefused')).toMatchObject([{ code: 'PRESTATE_CHANGED' }])
    expect(due(await stateOf(caseId))).toMatchObject({
      kind: 'decision',
      stepId: 'issue',
      round: 2,
    })
    expect(await targetVerifiers()).toEqual(verifiers)
  })

  it('refuses when the approver’s key was revoked after the vote, and drops the vote', async () => {
    const caseId = await atFirstGate('ledger')
    must(await decide(caseId, { stepId: 'issue', person: 'per_ana' }))
    const pack = {
      packId: 'demo',
      version: 1,
      effectiveFrom: SPAN.notBefore,
      hash: packHash(quickPack()),
    }
    const revoked = anAuthority({
      keys: world.authority.keys,
      version: 2,
      pack,
      change: {
        people: (section) => ({
          ...section,
          persons: section.persons.map((person) =>
            person.personId === 'per_ana'
              ? {
                  ...person,
                  keys: person.keys.map((key) => ({ ...key, revokedAt: SPAN.notBefore })),
                }
              : person,
          ),
        }),
      },
    })
    must(await installAuthority(world.db('owner'), { ...revoked, verify: nodeVerify }))
    await performStep(world.connector, { caseId, stepId: 'issue' })
    expect(await events(caseId, 'GateRefused')).toMatchObject([{ code: 'KEY_REVOKED' }])
    expect(stepOf(await stateOf(caseId), 'issue')).toMatchObject({ phase: 'pending', votes: [] })
    expect(await targetVerifiers()).toEqual(verifiers)
    const restored = anAuthority({ keys: world.authority.keys, version: 3, pack })
    must(await installAuthority(world.db('owner'), { ...restored, verify: nodeVerify }))
  })

  it('is blocked by a decline that is acknowledged while the gate’s transaction is open', async () => {
    const caseId = await atFirstGate('billing')
    must(await decide(caseId, { stepId: 'issue', person: 'per_ana' }))
    await world.dba.query('begin')
    await world.dba.query("select 1 from fences where id = 'nhi_billing' for update")
    const performing = performStep(world.connector, { caseId, stepId: 'issue' })
    await blockedOn('fences')
    expect(
      await decide(caseId, { stepId: 'issue', person: 'per_ana', verdict: 'decline' }),
    ).toMatchObject({ gate: 'declined' })
    await world.dba.query('rollback')
    await performing
    expect(await events(caseId, 'Granted')).toEqual([])
    expect((await stateOf(caseId)).outcome).toBe('declined')
    expect(await targetVerifiers()).toEqual(verifiers)
  })

  it('refuses what a superuser put into the case after the signatures', async () => {
    const caseId = await atFirstGate('billing')
    must(await decide(caseId, { stepId: 'issue', person: 'per_ana' }))
    const planned = await world.dba.query<{ bytes: Buffer }>(
      "select bytes from entries where stream = $1 and type = 'Planned'",
      [caseId],
    )
    const original = planned.rows[0]?.bytes ?? Buffer.alloc(0)
    const edited = Buffer.from(original.toString('utf8').replace('billing_b', 'billing_a'))
    await overwrite(caseId, edited)
    await expect(performStep(world.connector, { caseId, stepId: 'issue' })).rejects.toThrow(
      /EVIDENCE_TAMPERED/,
    )
    const found = await world.dba.query('select 1 from entries where stream = $1', [
      `findings:${caseId}`,
    ])
    expect(found.rowCount).toBe(1)
    expect(await targetVerifiers()).toEqual(verifiers)
    await overwrite(caseId, original)
    await performStep(world.connector, { caseId, stepId: 'issue' })
    expect(stepOf(await stateOf(caseId), 'issue')?.phase).toBe('performed')
  })

  it('is stopped by a fence for good, even when a superuser clears the fence’s row', async () => {
    const caseId = await atFirstGate('ledger')
    must(await decide(caseId, { stepId: 'issue', person: 'per_ana' }))
    const envelope = signFence(world.authority.keys, {
      person: 'per_cleo',
      scope: { kind: 'identity', id: 'nhi_ledger' },
    })
    must(
      await raiseFence(world.db('cs_api'), {
        envelope,
        authority: world.api.authority,
        verify: nodeVerify,
      }),
    )
    await world.dba.query("update fences set epoch = 0 where id = 'nhi_ledger'")
    await performStep(world.connector, { caseId, stepId: 'issue' })
    expect(await events(caseId, 'GateRefused')).toMatchObject([{ code: 'FENCED' }])
    expect((await stateOf(caseId)).outcome).toBe('fenced')
    expect(await targetVerifiers()).toEqual(verifiers)
  })

  it('lets no database role but the connector’s write a grant or a granted entry', async () => {
    const caseId = await atFirstGate('billing')
    for (const role of ['cs_api', 'cs_worker', 'cs_keeper'] as const) {
      const grant = world
        .db(role)
        .query(
          'insert into grants (grant_id, case_id, step_id, plan_hash, round) values ($1, $2, $3, $4, 1)',
          [ulid(), caseId, 'issue', 'sha256:0'],
        )
      await expect(grant).rejects.toMatchObject({ code: '42501' })
    }
  })
})

async function overwrite(caseId: string, bytes: Buffer): Promise<void> {
  await world.dba.query('alter table entries disable trigger user')
  await world.dba.query("update entries set bytes = $2 where stream = $1 and type = 'Planned'", [
    caseId,
    bytes,
  ])
  await world.dba.query('alter table entries enable trigger user')
}

/** Resolves when some transaction waits for a lock that another holds, in a statement about this table. */
const blockedOn = (table: 'fences'): Promise<void> =>
  waitUntil(async () => {
    const { rowCount } = await observer.query(
      "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query ilike '%' || $1 || '%for share%'",
      [table],
    )
    return (rowCount ?? 0) > 0
  })
