/**
 * The writes of the product, a line each: who makes it, what is being sent when its connection ends, the very same command
 * each time, how what it leaves is counted, and what whoever asks once more is told. test/store/failures.test.ts makes them.
 */
import { ulid } from 'ulid'
import { identityScope } from '../../src/domain/authority/matter.js'
import { digest } from '../../src/domain/bytes/digest.js'
import { stepOf } from '../../src/domain/case/case.js'
import { readCase } from '../../src/execution/deps.js'
import { performStep } from '../../src/execution/execute.js'
import { stagedSecret } from '../../src/execution/secrets.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { installAuthority } from '../../src/store/authority/authority.js'
import { submitDecision } from '../../src/store/case/cases.js'
import { openCase } from '../../src/store/case/open-case.js'
import { dropOutgoing, hurryOutgoing, takeOutgoing } from '../../src/store/case/outbox.js'
import { erasePerson } from '../../src/store/evidence/erasure.js'
import { recordExported } from '../../src/store/evidence/exports.js'
import type { Role } from '../../src/store/migrate.js'
import { raiseFence } from '../../src/store/streams/fences.js'
import { giveMandate, revokeMandate } from '../../src/store/streams/mandates.js'
import { recordStart } from '../../src/store/streams/processes.js'
import { anAuthority, must, packReference } from './authority.js'
import { caseworkIn } from './casework.js'
import { COMMIT, type Process } from './failing.js'
import {
  aDecision,
  aMandate,
  signDecision,
  signFence,
  signMandate,
  signRevocation,
} from './people.js'
import type { World } from './world.js'

/** One write, ready to be made: the very same command each time, and how what it leaves is counted. */
interface Prepared {
  readonly command: (process: Process) => Promise<unknown>
  readonly trace: string
}

export interface Write {
  readonly role: Role | 'owner'
  /** What is being sent when the connection ends, and how many of these pass before. */
  readonly ends: { readonly at: string; readonly skip?: number }
  /** Writes of cases are made in one world for two of the four, the log's in one that nobody else signs, all others in one. */
  readonly of?: 'cases' | 'log'
  /** `place`: which of the four. */
  readonly prepare: (world: World, place: number) => Promise<Prepared>
  /** What whoever asks once more is told, where it is not the first answer. */
  readonly again?: object
}

const identityAt = (place: number) => ['billing', 'ledger'][place % 2] ?? ''
const personAt = (place: number) => `per_nobody${place}`
const entries = (stream: string, type: string) =>
  `select count(*)::int as n from entries where stream = '${stream}' and type = '${type}'`

/** A rotation whose first gate is satisfied, and its step carried out by the connector: its grant, and the secret staged under it. */
async function granting(world: World, place: number) {
  const work = caseworkIn(world)
  const caseId = await work.open(identityAt(place), { kind: 'rotate' })
  await work.approve(caseId, { stepId: 'issue', person: 'per_ana' })
  const command = async ({ connector }: Process) => {
    await performStep(connector, { caseId, stepId: 'issue' })
    const step = stepOf((await readCase(connector, caseId)).state, 'issue')
    const grantId = step?.grant?.grantId ?? ''
    return { grantId, phase: step?.phase, secret: await stagedSecret(connector, grantId) }
  }
  return { caseId, command }
}

/** What a relay does with the signal of a case: it may be delivered twice, and is never lost. */
async function signalling(world: World, place: number) {
  const caseId = `outbox-${place}`
  await world.dba.query('delete from outbox')
  await world
    .db('cs_api')
    .query("insert into outbox (case_id, signal, payload) values ($1, 'changed', '{}')", [caseId])
  const delivered: string[] = []
  const command = async ({ db }: Process) => {
    await hurryOutgoing(db)
    const taken = await takeOutgoing(db, 10)
    delivered.push(...taken.map((one) => one.caseId))
    await dropOutgoing(
      db,
      taken.map(({ id }) => id),
    )
    return [...new Set(delivered)]
  }
  return { command, caseId }
}

export const WRITES: Readonly<Record<string, Write>> = {
  'a case is opened': {
    ...{ role: 'cs_api', of: 'cases', ends: { at: COMMIT } },
    again: { made: 'before' },
    prepare: async (_, place) => {
      const asked = {
        request: {
          ...{ asked: { kind: 'rotate' as const }, change: 'standard' as const },
          scope: identityScope(`nhi_${identityAt(place)}`),
          requester: { kind: 'partner' as const, companyId: 'com_acme', personId: null },
          changeReference: 'CHG0001',
        },
        ...{ principal: 'acme', idempotencyKey: ulid() },
      }
      const scope = asked.request.scope.id
      return {
        command: async ({ deps }) => must(await openCase(deps, asked)),
        trace: `select count(*)::int as n from entries where type = 'CaseOpened' and stream like '%:${scope}:%'`,
      }
    },
  },
  'a decision is admitted (apply)': {
    ...{ role: 'cs_api', of: 'cases', ends: { at: COMMIT } },
    prepare: async (world, place) => {
      const work = caseworkIn(world)
      const caseId = await work.open(identityAt(place), { kind: 'rotate' })
      const state = await work.stateOf(caseId)
      const decision = aDecision(state, { stepId: 'issue', person: 'per_ana' })
      const envelope = signDecision(world.authority.keys, decision)
      return {
        command: async ({ deps }) =>
          must(await submitDecision(deps, { caseId, envelope, door: 'api' })),
        trace: entries(caseId, 'DecisionAdmitted'),
      }
    },
  },
  'the gate grants': {
    ...{ role: 'cs_connector', of: 'cases', ends: { at: COMMIT } },
    prepare: async (world, place) => {
      const { caseId, command } = await granting(world, place)
      return { command, trace: entries(caseId, 'Granted') }
    },
  },
  'a secret is written ahead': {
    ...{ role: 'cs_connector', of: 'cases', ends: { at: 'insert into secrets' } },
    prepare: async (world, place) => {
      const { caseId, command } = await granting(world, place)
      return {
        command,
        trace: `select count(*)::int as n from secrets where case_id = '${caseId}'`,
      }
    },
  },
  'the observation of a change is recorded': {
    ...{ role: 'cs_connector', of: 'cases', ends: { at: COMMIT, skip: 2 } },
    prepare: async (world, place) => {
      const { caseId, command } = await granting(world, place)
      const trace = `select count(*)::int as n from entries where stream = '${caseId}'
         and type = 'OperationObserved' and convert_from(bytes, 'UTF8')::jsonb #>> '{body,op}' = 'set'`
      return { command, trace }
    },
  },
  'a fence is raised': {
    ...{ role: 'cs_api', ends: { at: COMMIT } },
    prepare: async (world, place) => {
      const scope = { kind: 'identity', id: `nhi_${identityAt(place)}` } as const
      const envelope = signFence(world.authority.keys, { person: 'per_cleo', scope })
      return {
        command: async ({ db, deps }) => must(await raiseFence(db, { ...deps, envelope })),
        trace: entries(`fence:identity:${scope.id}`, 'Fenced'),
      }
    },
  },
  'a mandate is given': {
    ...{ role: 'cs_api', ends: { at: COMMIT } },
    prepare: async (world) => {
      const mandate = aMandate()
      const envelope = signMandate(world.authority.keys, mandate)
      return {
        command: async ({ deps }) => must(await giveMandate(deps, envelope)),
        trace: entries(`mandate:${mandate.mandateId}`, 'MandateGiven'),
      }
    },
  },
  'a mandate is revoked': {
    ...{ role: 'cs_api', ends: { at: COMMIT } },
    prepare: async (world) => {
      const { keys } = world.authority
      const { mandateId } = must(await giveMandate(world.api, signMandate(keys, aMandate())))
      const envelope = signRevocation(keys, { mandateId, person: 'per_cleo' })
      return {
        command: async ({ deps }) => must(await revokeMandate(deps, envelope)),
        trace: entries(`mandate:${mandateId}`, 'MandateRevoked'),
      }
    },
  },
  'evidence is taken away': {
    ...{ role: 'cs_api', ends: { at: COMMIT } },
    prepare: async (world, place) => {
      const { version, hash } = world.authority.authority
      const query = {
        ...{ identity: `nhi_${identityAt(place)}`, partner: null, objective: null, kinds: null },
        ...{ from: null, until: null, zone: 'UTC' },
      }
      const event = {
        ...{ type: 'EvidenceExported' as const, query, cases: 1, population: digest(ulid()) },
        ...{ personId: 'per_dora', authority: { version, hash } },
      }
      return {
        command: async ({ db }) => (await recordExported(db, event)).hash,
        trace: `${entries('ops', 'EvidenceExported')} and convert_from(bytes, 'UTF8') like '%${event.population}%'`,
      }
    },
  },
  'a person is erased': {
    ...{ role: 'cs_api', ends: { at: COMMIT } },
    again: { name: 'none', reasons: 0 },
    prepare: async (world, place) => {
      const { version, hash } = world.authority.authority
      const personId = personAt(place)
      const of = {
        personId,
        by: 'per_dora',
        authority: { version, hash },
        registered: 'yes',
      } as const
      return {
        command: async ({ db }) => must(await erasePerson(db, of)),
        trace: `${entries('ops', 'PersonErased')} and convert_from(bytes, 'UTF8') like '%${personId}%'`,
      }
    },
  },
  'a process says that it was started': {
    ...{ role: 'cs_keeper', ends: { at: COMMIT } },
    prepare: async () => {
      const instance = ulid()
      const event = {
        ...{ type: 'ProcessStarted' as const, process: 'keeper' as const, instance, host: 'one' },
        ...{ tool: 'countersign/0.1.0', build: digest(1), configuration: digest(2), skewMs: 0 },
      }
      return {
        command: ({ db }) => recordStart(db, event),
        trace: `${entries('process:keeper', 'ProcessStarted')} and convert_from(bytes, 'UTF8') like '%${instance}%'`,
      }
    },
  },
  'an authority is installed': {
    ...{ role: 'owner', ends: { at: COMMIT } },
    again: { refused: 'AUTHORITY_ROLLBACK' },
    prepare: async ({ authority }, place) => {
      const { keys, trust } = authority
      const version = place + 2
      const [pack = packReference()] = authority.authority.packs
      const { bundle } = anAuthority({ keys, version, pack })
      return {
        command: ({ db }) => installAuthority(db, { bundle, trust, verify: nodeVerify }),
        trace: `select count(*)::int as n from authority where version = ${version}`,
      }
    },
  },
  'a signal is taken from the outbox': {
    ...{ role: 'cs_keeper', ends: { at: 'update outbox set attempts' } },
    prepare: async (world, place) => {
      const { command, caseId } = await signalling(world, place)
      const trace = `select coalesce(max(attempts), 1)::int as n from outbox where case_id = '${caseId}'`
      return { command, trace }
    },
  },
  'a delivered signal is dropped': {
    ...{ role: 'cs_keeper', ends: { at: 'delete from outbox' } },
    prepare: async (world, place) => {
      const { command, caseId } = await signalling(world, place)
      return {
        command,
        trace: `select 1 - count(*)::int as n from outbox where case_id = '${caseId}'`,
      }
    },
  },
  'entries are integrated into the log': {
    ...{ role: 'cs_keeper', of: 'log', ends: { at: COMMIT, skip: 1 } },
    prepare: async (world, place) => {
      const { hash } = await anEntry(world, place)
      return {
        command: ({ sign }) => sign(),
        trace: `select count(*)::int as n from leaves where hash = '${hash}'`,
      }
    },
  },
  'the head of the log is signed and published': {
    ...{ role: 'cs_keeper', of: 'log', ends: { at: 'insert into checkpoints' } },
    prepare: async (world, place) => {
      const { hash } = await anEntry(world, place)
      return {
        command: ({ sign }) => sign(),
        trace: `select count(*)::int as n from checkpoints where size = (select index + 1 from leaves where hash = '${hash}')`,
      }
    },
  },
}

async function anEntry(world: World, place: number) {
  const prepared = WRITES['evidence is taken away']?.prepare(world, place)
  const db = world.db('cs_api')
  const hash = await (await prepared)?.command({ db } as Process)
  return { hash: String(hash) }
}
