/**
 * After a restore: what the targets show that the restored store does not know. A grant whose entry is lost has left its
 * mark on the target; a change without one is a change that no case explains. Nothing here changes a target.
 */
import type { Connector } from '../connectors/connector.js'
import type { Authority } from '../domain/authority/authority.js'
import { type Attestor, attested } from '../domain/case/attestation.js'
import { type Refusal, type RefusalCode, refuse } from '../domain/refusal.js'
import {
  changesBetween,
  type Placed,
  type Source,
  snapshotsOf,
} from '../domain/review/target-changes.js'
import type { Identity } from '../domain/shapes/authority.js'
import { TargetKind } from '../domain/shapes/basic.js'
import { MAX_UNKNOWN, type TargetsReconciled, type Unknown } from '../domain/shapes/ops-event.js'
import type { Remembered } from '../domain/shapes/remembered.js'
import { MAX_SHORTER } from '../domain/shapes/successor-log.js'
import { caseOf } from '../store/case/apply.js'
import { recordBeside } from '../store/case/cases.js'
import { type Db, now } from '../store/db.js'
import { recordReconciled, shorterStreams } from '../store/log/lost.js'
import { OPS_STREAM } from '../store/streams/ops.js'

export interface Reconciling {
  readonly db: Db
  readonly authority: Authority
  /** Of each system at which this connector works. */
  readonly connectors: ReadonlyMap<string, Connector>
  readonly remembered: Remembered
  readonly attestor: Attestor
  readonly log: TargetsReconciled['log']
}

/** What was seen is recorded, for each identity and as a whole, with the connector's signature. TOO_LARGE when it is more than one entry holds. */
export async function reconcileTargets(of: Reconciling): Promise<TargetsReconciled | Refusal> {
  const { db, authority, connectors, remembered, attestor, log } = of
  const grants = await grantsKnown(db)
  const unknown: Unknown[] = []
  const systems: string[] = []
  for (const [systemId, connector] of connectors) {
    const found = await lookAtSystem({ db, authority, systemId, connector, grants })
    if (found === null) continue
    systems.push(systemId)
    unknown.push(...found)
  }
  const shorter = [...(await shorterStreams(db, remembered))]
  if (unknown.length > MAX_UNKNOWN || shorter.length > MAX_SHORTER)
    return refuse('TOO_LARGE', '/unknown', 'too much is gone: restore a newer backup')
  for (const one of unknown)
    await recordBeside(db, {
      subject: one.identityId,
      refusal: refuse(CODES[one.what], '/target', one.detail),
    })
  const newest = remembered.authority
  const event: Omit<TargetsReconciled, 'attestation'> = {
    type: 'TargetsReconciled',
    ...{ log, systems: systems.sort(), unknown, shorter },
    newerAuthority: newest !== null && newest.hash !== authority.hash ? newest : null,
  }
  const reconciled = attested(event, { ...attestor, caseId: OPS_STREAM })
  await recordReconciled(db, reconciled)
  return reconciled
}

const CODES: Readonly<Record<Unknown['what'], RefusalCode>> = {
  grant: 'ENTRY_MISSING',
  outcome: 'ENTRIES_LOST',
  change: 'PRESTATE_CHANGED',
}

/** Null when the system could not be looked at whole. */
async function lookAtSystem(
  at: Omit<Looking, 'identity'> & { readonly authority: Authority; readonly systemId: string },
): Promise<readonly Unknown[] | null> {
  const identities = [...at.authority.identities.values()]
  const found: Unknown[] = []
  for (const identity of identities.filter(({ systemId }) => systemId === at.systemId)) {
    const seen = await look({ ...at, identity }).catch(() => null)
    if (seen === null) return null
    found.push(...seen)
  }
  return found
}

/** Of each grant that the store knows, whether it knows what became of it. */
type Grants = ReadonlyMap<string, 'settled' | 'open'>

async function grantsKnown(db: Db): Promise<Grants> {
  const { rows } = await db.query<{ id: string; settled: boolean }>(
    `select id, bool_or(type = any($1)) as settled
       from (select type, coalesce(body ->> 'grantId', body ->> 'fenceId') as id
               from (select type, convert_from(bytes, 'UTF8')::jsonb -> 'body' as body from entries
                      where type = any($1 || array['Granted'])) said) named
      where id is not null group by id`,
    [SETTLING],
  )
  return new Map(rows.map(({ id, settled }) => [id, settled ? 'settled' : 'open']))
}

/** A cut by the sealed kit leaves the id of its fence. */
const SETTLING = ['StepPerformed', 'StepFailed', 'StepUndone', 'TaskExpired', 'Fenced', 'KitUsed']

interface Looking {
  readonly db: Db
  readonly identity: Identity
  readonly connector: Connector
  readonly grants: Grants
}

async function look(at: Looking): Promise<readonly Unknown[]> {
  const { identity, connector, grants } = at
  const { identityId } = identity
  const marks: Unknown[] = []
  for (const credential of identity.credentials) {
    const last = await connector.lastGrant(credential)
    if (last === null) continue
    const { grantId, change } = last
    const known = grants.get(grantId)
    const done = `${credential} carries ${change} under grant ${grantId}`
    if (known === undefined)
      marks.push({ identityId, what: 'grant', detail: `${done}, which no entry gives` })
    else if (known === 'open')
      marks.push({ identityId, what: 'outcome', detail: `${done}, whose outcome no entry tells` })
  }
  return marks.length > 0 ? marks : unexplained(at)
}

/** What differs from the last look that is recorded, and follows from no case. */
async function unexplained({ db, identity, connector }: Looking): Promise<readonly Unknown[]> {
  const { identityId, group, credentials } = identity
  const sources = await casesOf(db, identityId)
  const last = snapshotsOf(sources, identityId).at(-1)
  if (last === undefined) return []
  const state = await connector.state({ group, credentials })
  const seen = { at: await now(db), index: last.index + 1, state }
  return changesBetween([last, seen], { identity, sources })
    .filter(({ by }) => by === null)
    .map(({ role, attributes }) => ({
      ...{ identityId, what: 'change' as const },
      detail: `${attributes.join(', ')} of ${role} changed, and no case explains it`.slice(0, 160),
    }))
}

/** Its cases on the target, in the order in which they were recorded. */
async function casesOf(db: Db, identityId: string): Promise<readonly Source[]> {
  const { rows } = await db.query<{ case_id: string }>(
    'select case_id from cases where scope_id = $1 and kind = any($2) order by case_id',
    [identityId, TargetKind.options],
  )
  const read = await Promise.all(rows.map(({ case_id }) => caseOf(db, case_id)))
  const times = read.flatMap(({ recorded }) => recorded.map(({ at }) => at)).sort()
  const placed = (recorded: (typeof read)[number]['recorded']): readonly Placed[] =>
    recorded.map((item) => ({ ...item, index: times.indexOf(item.at) }))
  return read.map(({ state, recorded }) => ({
    caseId: state.caseId,
    recorded: placed(recorded),
  }))
}
