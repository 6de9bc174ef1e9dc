/**
 * Reads the histories of all workflows of a namespace, as far as they are still kept: what each run was told and heard.
 * UNTRUSTED: all of it. A payload that none of our keys made was believed by no run and says nothing here.
 */
import type { Client } from '@temporalio/client'
import { defaultPayloadConverter, type Payload, type PayloadCodec } from '@temporalio/common'
import type proto from '@temporalio/proto'
import { isUnreadable } from '../src/codec/unreadable.js'
import type { History } from '../src/fsck/histories.js'

type Event = proto.temporal.api.history.v1.IHistoryEvent

export async function readHistories(
  client: Client,
  codec: PayloadCodec,
): Promise<readonly History[]> {
  const histories: History[] = []
  for await (const { workflowId, runId } of client.workflow.list()) {
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory()
    histories.push(await historyOf({ caseId: workflowId, runId, events: events ?? [], codec }))
  }
  return histories
}

export async function historyOf(of: {
  readonly caseId: string
  readonly runId: string
  readonly events: readonly Event[]
  readonly codec: PayloadCodec
}): Promise<History> {
  const { caseId, runId, events, codec } = of
  const told: History['told'][number][] = []
  const said: number[] = []
  const heard: History['heard'][number][] = []
  let outcome: History['outcome'] = null
  let settled = 0
  for (const event of events) {
    const eventId = Number(event.eventId)
    const values = await valuesIn(event, codec)
    if (event.workflowExecutionSignaledEventAttributes != null) {
      const signals = decidesIn(event, values)
      heard.push(...signals.map(({ envelope }) => ({ eventId, envelope })))
      said.push(...signals.flatMap(({ news }) => newsIn(news).map(({ seq }) => seq)))
    } else if (event.workflowExecutionCompletedEventAttributes != null)
      outcome = { eventId, value: values[0] }
    else {
      told.push(...values.flatMap(newsIn).map((one) => ({ eventId, ...one })))
      if (values.length > 0) settled = heard.length
    }
  }
  return { caseId, runId, outcome, told, said, heard: heard.slice(0, settled) }
}

/** What is in the event, in clear; of activities and markers their results. */
async function valuesIn(event: Event, codec: PayloadCodec): Promise<readonly unknown[]> {
  const payloads =
    event.workflowExecutionSignaledEventAttributes?.input?.payloads ??
    event.workflowExecutionCompletedEventAttributes?.result?.payloads ??
    event.activityTaskCompletedEventAttributes?.result?.payloads ??
    event.markerRecordedEventAttributes?.details?.result?.payloads ??
    []
  const clear = await codec.decode(payloads as Payload[])
  return clear.map((payload) => inClear(payload)).filter((value) => !isUnreadable(value))
}

function inClear(payload: Payload): unknown {
  try {
    return defaultPayloadConverter.fromPayload(payload)
  } catch {
    return null
  }
}

/** The relay wraps an envelope; what else is signalled says nothing that has to be anywhere. */
function decidesIn(
  event: Event,
  values: readonly unknown[],
): readonly { readonly envelope: unknown; readonly news: unknown }[] {
  if (event.workflowExecutionSignaledEventAttributes?.signalName !== 'decide') return []
  return values.flatMap((value) =>
    typeof value === 'object' && value !== null && 'envelope' in value
      ? [{ envelope: value.envelope, news: 'news' in value ? value.news : [] }]
      : [],
  )
}

function newsIn(value: unknown): readonly { readonly seq: number; readonly hash: string }[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((one: { seq?: unknown; hash?: unknown } | null) =>
    typeof one?.seq === 'number' && typeof one.hash === 'string'
      ? [{ seq: one.seq, hash: one.hash }]
      : [],
  )
}
