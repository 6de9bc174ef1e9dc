/**
 * Where the time of one approved step goes, by what was written down anyway: the case's entries (the store's
 * clock), the workflow's history (the server's clock) and the bench's own clock, all of one host.
 */
import type { temporal } from '@temporalio/proto'
import type { Recorded } from '../../src/domain/case/case.js'
import type { EventOf } from '../../src/domain/shapes/event.js'
import type { Rotation, Sent } from './rotation.js'
import type { ProductSide } from './side.js'

/** The stages of an approval, in order; each is the time since the one before, in milliseconds. */
export const STAGES = [
  'request -> admitted in the store',
  'admitted -> signal in history',
  'signal -> workflow task',
  'workflow task -> activity scheduled (sync)',
  'scheduled -> activity started',
  'started -> grant (gate)',
  'grant -> intent proved',
  'proved -> secret staged, change begins',
] as const

export interface Timeline {
  /** From the request to the moment before the change on the target, milliseconds. */
  readonly effectMs: number
  /** One number for each stage. */
  readonly stages: readonly number[]
  /** Events of the history from the approval until the workflow waits again. */
  readonly events: number
}

type HistoryEvent = temporal.api.history.v1.IHistoryEvent

/** Of an `issue` step that was carried out, before anything else was signed. */
export async function timelineOf(
  product: ProductSide,
  input: { readonly rotation: Rotation; readonly sent: Sent },
): Promise<Timeline> {
  const { caseId } = input.rotation
  const recorded = await product.stage.events(caseId)
  const { events } = await product.stage.temporal.workflow.getHandle(caseId).fetchHistory()
  const decided = indexOf(events ?? [], (event) => signalName(event) === 'decide')
  const after = (events ?? []).slice(decided)
  const scheduled = after.find((event) => event.activityTaskScheduledEventAttributes)
  const started = after.find(
    (event) =>
      event.activityTaskStartedEventAttributes?.scheduledEventId?.toString() ===
      scheduled?.eventId?.toString(),
  )
  const operation = (op: string) =>
    one(recorded, 'OperationObserved', (event) => event.op === op)?.event.startedAt
  const marks = [
    input.sent.sentAt,
    time(one(recorded, 'DecisionAdmitted', () => true)?.at),
    timeOf(after[0]),
    timeOf(after.find((event) => event.workflowTaskStartedEventAttributes)),
    timeOf(scheduled),
    timeOf(started),
    time(one(recorded, 'Granted', () => true)?.at),
    time(operation('stage')),
    time(operation('set')),
  ]
  const stages = marks.slice(1).map((mark, index) => mark - (marks[index] ?? Number.NaN))
  const effectMs = (marks.at(-1) ?? Number.NaN) - input.sent.sentAt
  return { effectMs, stages, events: after.length }
}

function one<Type extends 'DecisionAdmitted' | 'Granted' | 'OperationObserved'>(
  recorded: readonly Recorded[],
  type: Type,
  fits: (event: EventOf<Type>) => boolean,
): Recorded<EventOf<Type>> | undefined {
  return recorded.find(
    (item): item is Recorded<EventOf<Type>> =>
      item.event.type === type && fits(item.event as EventOf<Type>),
  )
}

const signalName = (event: HistoryEvent): string | null | undefined =>
  event.workflowExecutionSignaledEventAttributes?.signalName

function indexOf<T>(items: readonly T[], fits: (item: T) => boolean): number {
  const index = items.findIndex(fits)
  if (index === -1) throw new Error('the history has no decision')
  return index
}

const time = (text: string | undefined): number =>
  text === undefined ? Number.NaN : Date.parse(text)

const timeOf = (event: HistoryEvent | undefined): number => {
  const at = event?.eventTime
  return Number(at?.seconds ?? Number.NaN) * 1000 + (at?.nanos ?? 0) / 1_000_000
}
