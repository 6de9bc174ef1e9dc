/** What crosses between the bare client, workflow and activities. Part of the bare workflow bundle. */
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common'
import { defineSignal } from '@temporalio/workflow'

export const BARE_QUEUE = 'bench-bare'
/** Polled by another process than the workflows', as a connector's is. */
export const EXECUTE_QUEUE = 'bench-bare-exec'
export const BARE_STEPS = ['issue', 'cut-over', 'retire', 'close'] as const
export const PHASE = defineSearchAttributeKey('CsPhase', SearchAttributeType.KEYWORD)
export const approveSignal = defineSignal<[string]>('approve')

export interface BareInput {
  readonly id: string
  /** Whose target work the activity does; none when empty. */
  readonly account: string
}

export interface BareStep extends BareInput {
  readonly stepId: string
}

export interface BareActivities {
  perform(step: BareStep): Promise<string>
}

/** What the activity process tells the bench, one JSON object a line. Times: milliseconds of the host's clock. */
export interface Performed extends BareStep {
  readonly startedAt: number
}
