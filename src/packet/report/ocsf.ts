/**
 * A collection as OCSF 1.3 events (Identity & Access Management), one for each entry, in the order of the log: what was done
 * to an identity on its target is an Account Change, everything else an Entity Management of the case. Made from a
 * collection that was verified; nothing is in it that the entries do not say.
 */
import type { Recorded } from '../../domain/case/case.js'
import { controlsOf, FRAMEWORKS } from '../../domain/review/controls.js'
import type { CaseEvent, EventOf } from '../../domain/shapes/event.js'
import type { Member } from '../collection-files.js'
import { TOOL } from '../files.js'

const CATEGORY = { category_uid: 3, category_name: 'Identity & Access Management' } as const
const ACCOUNT_CHANGE = { class_uid: 3001, class_name: 'Account Change' } as const
const ENTITY = { class_uid: 3004, class_name: 'Entity Management' } as const
const OTHER = 99

/** Activities of Account Change, by what was done on the target. */
const ON_TARGET: Readonly<Record<string, readonly [number, string]>> = {
  create: [1, 'Create'],
  enable: [2, 'Enable'],
  set: [3, 'Password Change'],
  disable: [5, 'Disable'],
  remove: [6, 'Delete'],
}

/** One JSON document a line. */
export const ocsfFeed = (members: readonly Member[]): string =>
  members
    .flatMap((member) =>
      member.recorded.map((item, place) => ({
        index: member.indexes[place] ?? 0,
        event: ocsfEvent(member, { ...item, index: member.indexes[place] ?? 0 }),
      })),
    )
    .sort((left, right) => left.index - right.index)
    .map(({ event }) => `${JSON.stringify(event)}\n`)
    .join('')

function ocsfEvent(member: Member, item: Recorded & { readonly index: number }): object {
  const { caseId, opened } = member
  const { event, at, seq, hash, index } = item
  const kind = opened?.asked.kind
  const controls = kind === undefined ? [] : controlsOf(kind)
  return {
    ...classOf(member, event),
    ...CATEGORY,
    time: Date.parse(at),
    ...outcomeOf(event),
    ...actorOf(event),
    metadata: {
      ...{ version: '1.3.0', uid: hash, sequence: index, original_time: at },
      ...{ correlation_uid: caseId, event_code: event.type },
      product: { name: 'Countersign', vendor_name: 'Countersign', version: TOOL.split('/')[1] },
      labels: controls.map(({ framework, id }) => `${FRAMEWORKS[framework]}: ${id}`),
    },
    unmapped: {
      case: caseId,
      kind,
      entry: seq,
      owner: opened?.ownerId,
      executor: opened?.executor,
    },
  }
}

function classOf({ caseId, opened }: Member, event: CaseEvent): object {
  const change = event.type === 'OperationObserved' ? ON_TARGET[event.op] : undefined
  if (change !== undefined && opened !== null) {
    const [activity_id, activity_name] = change
    const type_uid = ACCOUNT_CHANGE.class_uid * 100 + activity_id
    const user = { uid: opened.scope.id, type_id: 3, type: 'System' }
    return { ...ACCOUNT_CHANGE, activity_id, activity_name, type_uid, user }
  }
  const [activity_id, activity_name] =
    event.type === 'CaseOpened' ? [1, 'Create'] : [OTHER, event.type]
  const entity = { uid: caseId, type: 'case', name: caseId }
  return {
    ...ENTITY,
    activity_id,
    activity_name,
    type_uid: ENTITY.class_uid * 100 + activity_id,
    entity,
  }
}

const FAILED = { status_id: 2, status: 'Failure', severity_id: 3, severity: 'Medium' } as const
const DONE = { status_id: 1, status: 'Success', severity_id: 1, severity: 'Informational' } as const

const refusedAs = (event: CaseEvent): EventOf<'DecisionRefused'>['code'] | null =>
  'code' in event ? event.code : null

function outcomeOf(event: CaseEvent): object {
  const code = refusedAs(event)
  if (code !== null) return { ...FAILED, status_code: code }
  const failed = event.type === 'OperationObserved' && event.outcome !== 'done'
  return failed ? { ...FAILED, status_detail: event.outcome } : DONE
}

/** By their opaque ids: a feed names nobody. */
const actorOf = (event: CaseEvent): object =>
  event.type === 'DecisionAdmitted' ? { actor: { user: { uid: event.votes } } } : {}
