/**
 * What was changed on the target, set against the evidence: each change follows a grant of some case, and each grant a
 * decision or a mandate. Both sides are made by different hands: the statements by the server, the grants by the gate.
 */
import type { CaseEvent, EventOf } from '../domain/shapes/event.js'
import type { Statement, TargetTransaction } from './target-log.js'

/** One entry of a case. */
export interface Said {
  readonly at: string
  readonly event: CaseEvent
}

export interface Account {
  /** Changes, and grants under which they were made. */
  readonly statements: number
  readonly grants: number
  /** Each change that follows no grant, by its text and time. */
  readonly unexplained: readonly string[]
}

const DEFINES = /^(?:alter|create|drop|grant|revoke|reassign|comment|security label|import)\b/i
const LOCKS = /^alter role \S+$/i
const ENDS_SESSIONS = /\bpg_(?:terminate|cancel)_backend\b/i
const TAG = /^alter role \S+ set countersign\."?grant"? = '(?<grantId>[^:']+):/i

/** Changes rights, roles or settings, or ends sessions. A role that is only locked stays as it is. */
export const isChange = ({ sql }: Statement): boolean =>
  ENDS_SESSIONS.test(sql) || (DEFINES.test(sql) && !LOCKS.test(sql))

/** `cases`: the entries of each case, out of packets that were verified. */
export function accountFor(
  transactions: readonly TargetTransaction[],
  cases: readonly (readonly Said[])[],
): Account {
  const grants = new Map(cases.flatMap(grantsOf).map((grant) => [grant.grantId, grant]))
  const used = new Set<string>()
  const unexplained: string[] = []
  let statements = 0
  for (const transaction of transactions) {
    const changes = transaction.statements.filter(isChange)
    statements += changes.length
    const grantId = grantOf(transaction, grants)
    if (grantId !== null) used.add(grantId)
    else for (const { sql } of changes) unexplained.push(say(sql, transaction.at))
  }
  return { statements, grants: used.size, unexplained }
}

const say = (sql: string, at: number): string => `${new Date(at).toISOString()} ${sql}`

interface Grant {
  readonly grantId: string
  readonly from: number
  /** The end of its step, or of that step's rollback; a grant without one lasts. */
  readonly until: number
  readonly roles: readonly string[]
}

/** Grants that rest on decisions or on a mandate, by when something was done under them. */
function grantsOf(recorded: readonly Said[]): readonly Grant[] {
  const plan = recorded.find(is('Planned'))?.event.plan
  const target = plan?.target
  const roles = [target?.group ?? '', ...(target?.credentials ?? [])]
  return recorded.filter(is('Granted')).flatMap(({ at, event }) => {
    const { grantId, decisionIds, mandateId } = event
    if (decisionIds.length === 0 && mandateId === null) return []
    const end = recorded.findLast(
      (item) => ENDS.includes(item.event.type) && isUnder(item, grantId),
    )
    const until = end === undefined ? Number.POSITIVE_INFINITY : Date.parse(end.at)
    return [{ grantId, from: Date.parse(at), until, roles }]
  })
}

const ENDS: readonly CaseEvent['type'][] = ['StepPerformed', 'StepFailed', 'StepUndone']

const isUnder = ({ event }: Said, grantId: string): boolean =>
  'grantId' in event && event.grantId === grantId

const is =
  <Type extends CaseEvent['type']>(type: Type) =>
  (item: Said): item is Said & { readonly event: EventOf<Type> } =>
    item.event.type === type

/** The grant that the transaction itself names; sessions end outside of one, while a grant for their role is at work. */
function grantOf(
  { at, statements }: TargetTransaction,
  grants: ReadonlyMap<string, Grant>,
): string | null {
  const atWork = ({ from, until }: Grant): boolean => from <= at && at <= until
  const [tagged] = statements.flatMap(({ sql }) => TAG.exec(sql)?.groups?.['grantId'] ?? [])
  if (tagged !== undefined) {
    const grant = grants.get(tagged)
    return grant !== undefined && atWork(grant) ? tagged : null
  }
  const changes = statements.filter(isChange)
  if (!changes.every(({ sql }) => ENDS_SESSIONS.test(sql))) return null
  const isFor = ({ roles }: Grant): boolean =>
    changes.every(({ parameters }) => roles.some((role) => parameters.includes(`'${role}'`)))
  return [...grants.values()].find((grant) => atWork(grant) && isFor(grant))?.grantId ?? null
}
