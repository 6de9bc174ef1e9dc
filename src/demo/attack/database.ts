/** Abuse by a superuser of the evidence store, and races against the gate's open transaction. */
import { ulid } from 'ulid'
import { scramVerifier } from '../../connectors/scram.js'
import { stepOf } from '../../domain/case/case.js'
import { due } from '../../domain/case/due.js'
import { isRefusal } from '../../domain/refusal.js'
import type { Fence } from '../../domain/shapes/envelope.js'
import { generateEd25519, signEnvelope } from '../../keys/sign.js'
import { ENTERPRISE } from '../enterprise.js'
import { approve, decide, type Stage, soon, until, untilGate } from '../stage.js'
import { openRotation, passStep } from '../steps.js'
import type { Attempt } from './attempt.js'

/** Runs SQL with the triggers that keep evidence switched off, as only a superuser can. */
async function asSuperuser(
  stage: Stage,
  input: { table: string; sql: string; values: readonly unknown[] },
): Promise<void> {
  await stage.dba.query(`alter table ${input.table} disable trigger user`)
  await stage.dba.query(input.sql, [...input.values])
  await stage.dba.query(`alter table ${input.table} enable trigger user`)
}

const isFound = (stage: Stage, input: { stream: string; code: string }): Promise<boolean> =>
  stage.dba
    .query(
      "select 1 from entries where stream = $1 and convert_from(bytes, 'UTF8')::jsonb -> 'body' ->> 'code' = $2",
      [input.stream, input.code],
    )
    .then(({ rowCount }) => (rowCount ?? 0) > 0)

const untilFound = (stage: Stage, input: { stream: string; code: string }): Promise<void> =>
  until(`${input.code} is found`, () => isFound(stage, input))

/** Sends what the gate needs while `held` keeps it from answering, then lets go. */
const editedPlan: Attempt = {
  name: 'superuser: the plan’s row is edited after the signatures',
  account: 'planrow',
  play: async (stage) => {
    const caseId = await openRotation(stage, { account: 'planrow' })
    const { rows } = await stage.dba.query<{ bytes: Buffer }>(
      "select bytes from entries where stream = $1 and type = 'Planned'",
      [caseId],
    )
    const original = rows[0]?.bytes ?? Buffer.alloc(0)
    const edited = Buffer.from(
      original.toString('utf8').replace('"incoming":"planrow_b"', '"incoming":"planrow_a"'),
    )
    const sql = "update entries set bytes = $2 where stream = $1 and type = 'Planned'"
    const held = await holdFence(stage, 'nhi_planrow')
    await approve(stage, { caseId, stepId: 'issue', person: 'per_ana' })
    await held.untilGateWaits()
    await asSuperuser(stage, { table: 'entries', sql, values: [caseId, edited] })
    await held.release()
    const stream = `findings:${caseId}`
    await untilFound(stage, { stream, code: 'EVIDENCE_TAMPERED' })
    return {
      happened: 'the entries no longer chain: found, nothing granted',
      recorded: { stream, code: 'EVIDENCE_TAMPERED' },
    }
  },
}

/** Edits the authority bundle in its row while the gate waits; nothing under the root was signed for that. */
const editedAuthority = (input: { name: string; account: string; sql: string }): Attempt => ({
  name: input.name,
  account: input.account,
  play: async (stage) => {
    const { account } = input
    const caseId = await openRotation(stage, { account })
    const { rows } = await stage.dba.query<{ bundle: string }>(
      'select bundle::text as bundle from authority_head join authority using (version)',
    )
    const held = await holdFence(stage, `nhi_${account}`)
    await approve(stage, { caseId, stepId: 'issue', person: 'per_ana' })
    await held.untilGateWaits()
    await stage.dba.query(input.sql)
    await held.release()
    try {
      await untilFound(stage, { stream: caseId, code: 'AUTHORITY_INVALID' })
    } finally {
      await stage.dba.query(
        'update authority set bundle = $1 where version = (select version from authority_head)',
        [rows[0]?.bundle],
      )
    }
    return {
      happened: 'the bundle no longer verifies under the root key: found, nothing granted',
      recorded: { stream: caseId, code: 'AUTHORITY_INVALID' },
    }
  },
})

const HEAD = 'version = (select version from authority_head)'
/** A section's payload with something put into it, as a superuser would write it. */
const editSection = ({ section, from, to }: Record<'section' | 'from' | 'to', string>): string => `
  update authority set bundle = jsonb_set(bundle, '{sections,${section},payload}', to_jsonb(translate(encode(
    convert_to(replace(convert_from(decode(bundle #>> '{sections,${section},payload}', 'base64'), 'UTF8'), '${from}', '${to}'), 'UTF8'),
    'base64'), E'\\n', ''))) where ${HEAD}`

const FOREIGN_KEY = JSON.stringify({
  ...{ keyId: 'key_ana-new', alg: 'ed25519', publicKey: generateEd25519().publicKey },
  ...{ assurance: 'passkey', relyingParty: null, revokedAt: null },
  ...{ notBefore: '2020-01-01T00:00:00.000Z', notAfter: '2099-01-01T00:00:00.000Z' },
})
const insertedKey = editedAuthority({
  name: 'superuser: an approver’s key is inserted',
  account: 'keyrow',
  sql: editSection({ section: 'people', from: '"keys":[', to: `"keys":[${FOREIGN_KEY},` }),
})
const insertedOwner = editedAuthority({
  name: 'superuser: another owner is inserted',
  account: 'ownerrow',
  sql: editSection({
    section: 'ownership',
    from: '"ownerId":"per_ana"',
    to: '"ownerId":"per_zed"',
  }),
})

const insertedPolicy: Attempt = {
  name: 'superuser: the policy pack’s row is made looser',
  account: 'policyrow',
  play: async (stage) => {
    const { rows } = await stage.dba.query<{ hash: string; files: string }>(
      'select hash, files::text as files from packs limit 1',
    )
    const [pack] = rows
    const caseId = await openRotation(stage, { account: 'policyrow' })
    const held = await holdFence(stage, 'nhi_policyrow')
    await approve(stage, { caseId, stepId: 'issue', person: 'per_ana' })
    await held.untilGateWaits()
    await stage.dba.query(
      "update packs set files = replace(files::text, 'quorum: 2', 'quorum: 1')::jsonb",
    )
    // A process that has read the pack before keeps the one that was signed; a fresh one reads the row.
    const connector = stage.system.process('connector')
    await connector.kill()
    await held.release()
    await stage.system.startProcess('connector')
    try {
      await untilFound(stage, { stream: caseId, code: 'POLICY_UNSIGNED' })
    } finally {
      await stage.dba.query('update packs set files = $2 where hash = $1', [
        pack?.hash,
        pack?.files,
      ])
    }
    return {
      happened: 'the pack is not the one the authority signs: found',
      recorded: { stream: caseId, code: 'POLICY_UNSIGNED' },
    }
  },
}

const deletedGrant: Attempt = {
  name: 'superuser: a consumed grant is deleted',
  account: 'grantrow',
  play: async (stage) => {
    const caseId = await openRotation(stage, { account: 'grantrow' })
    await passStep(stage, { caseId, stepId: 'issue', persons: ['per_ana'] })
    await stage.baseline('grantrow')
    await asSuperuser(stage, {
      table: 'grants',
      sql: 'delete from grants where case_id = $1',
      values: [caseId],
    })
    await stage.temporal.workflow.getHandle(caseId).signal('changed')
    await untilFound(stage, { stream: caseId, code: 'EVIDENCE_TAMPERED' })
    const granted = (await stage.events(caseId)).filter(
      ({ event }) => event.type === 'Granted',
    ).length
    if (granted !== 1) throw new Error(`${granted} grants`)
    return {
      happened: 'the entry and the target still know it; the missing row is found',
      recorded: { stream: caseId, code: 'EVIDENCE_TAMPERED' },
    }
  },
}

const declineRace: Attempt = {
  name: 'a decline, acknowledged while the gate’s transaction is open',
  account: 'declinerace',
  play: async (stage) => {
    const caseId = await openRotation(stage, { account: 'declinerace' })
    const held = await holdFence(stage, 'nhi_declinerace')
    await approve(stage, { caseId, stepId: 'issue', person: 'per_ana' })
    await held.untilGateWaits()
    const answer = await decide(stage, {
      caseId,
      stepId: 'issue',
      person: 'per_ana',
      change: { verdict: 'decline' },
    })
    if (isRefusal(answer)) throw new Error(`the decline was refused: ${answer.refused}`)
    await held.release()
    await until(
      'the case is closed',
      async () => (await stage.state(caseId)).outcome === 'declined',
    )
    return {
      happened: 'the decline won: no grant, the case is closed',
      recorded: { stream: caseId, code: 'GateDeclined' },
    }
  },
}

const revokeRace: Attempt = {
  name: 'a revocation, acknowledged while the gate’s transaction is open',
  account: 'revokerace',
  play: async (stage) => {
    const caseId = await openRotation(stage, { account: 'revokerace' })
    const held = await holdFence(stage, 'nhi_revokerace')
    const raising = raise(stage, 'nhi_revokerace')
    await held.untilFenceWaits()
    await approve(stage, { caseId, stepId: 'issue', person: 'per_ana' })
    await held.untilGateWaits()
    await held.release()
    await raising
    await until('the case is closed', async () => (await stage.state(caseId)).outcome === 'fenced')
    return {
      happened: 'the revocation won: no grant, the case is closed',
      recorded: { stream: caseId, code: 'FENCED' },
    }
  },
}

async function raise(stage: Stage, identityId: string): Promise<void> {
  const { keyId, signer } = await stage.system.genesis.key('key_cleo')
  const payload: Fence = {
    type: 'fence',
    v: 1,
    fenceId: ulid(),
    enterprise: ENTERPRISE,
    scope: { kind: 'identity', id: identityId },
    speed: 'stop',
    reasonDigest: null,
    personId: 'per_cleo',
    notBefore: soon(-2000),
    notAfter: soon(60_000),
  }
  const answer = await (await stage.api('per_cleo')).fence({
    envelope: signEnvelope({ kind: 'fence', payload, keyId, signer }),
  })
  if (isRefusal(answer)) throw new Error(`the fence was refused: ${answer.refused}`)
}

const passwordRace: Attempt = {
  name: 'the target’s password is changed by somebody else between approval and execution',
  account: 'passwordrace',
  play: async (stage) => {
    const caseId = await openRotation(stage, { account: 'passwordrace' })
    const held = await holdFence(stage, 'nhi_passwordrace')
    await approve(stage, { caseId, stepId: 'issue', person: 'per_ana' })
    await held.untilGateWaits()
    await stage.targetDba.query(
      `alter role passwordrace_b password '${scramVerifier('set-by-somebody-else')}'`,
    )
    await stage.baseline('passwordrace')
    await held.release()
    await untilGate(stage, { caseId, stepId: 'issue', round: 2 })
    const because = stepOf(await stage.state(caseId), 'issue')?.because
    return {
      happened: `compared before it was set: nothing changed, the gate is open again (${because ?? due(await stage.state(caseId)).kind})`,
      recorded: { stream: caseId, code: 'PRESTATE_CHANGED' },
    }
  },
}

interface Held {
  readonly untilGateWaits: () => Promise<void>
  readonly untilFenceWaits: () => Promise<void>
  readonly release: () => Promise<void>
}

/** Holds the row of a fence, so that the gate's transaction stays open where it waits for it. */
async function holdFence(stage: Stage, identityId: string): Promise<Held> {
  const holder = await stage.attacker()
  await holder.query('begin')
  await holder.query("select 1 from fences where kind = 'identity' and id = $1 for update", [
    identityId,
  ])
  const waiting = (statement: string) => async () => {
    const { rowCount } = await stage.dba.query(
      "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query ilike $1",
      [statement],
    )
    return (rowCount ?? 0) > 0
  }
  return {
    untilGateWaits: () =>
      until('the gate waits with its transaction open', waiting('%from fences%for share%')),
    untilFenceWaits: () => until('the revocation waits', waiting('%from fences%for update%')),
    release: async () => {
      await holder.query('rollback')
      await holder.end()
    },
  }
}

export const databaseAttempts: readonly Attempt[] = [
  editedPlan,
  insertedKey,
  insertedOwner,
  insertedPolicy,
  deletedGrant,
  declineRace,
  revokeRace,
  passwordRace,
]
