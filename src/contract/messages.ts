/**
 * Everything that crosses between Temporal's client, workflows and workers: names, queues, signals,
 * queries, search attributes. No zod here: this file is part of the workflow bundle.
 */
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common'
import { defineQuery, defineSignal } from '@temporalio/workflow'
import type { CaseState, Recorded } from '../domain/case/case.js'

export const NAMESPACE = 'countersign'

/** Workflows and their local activities. */
export const CORE_QUEUE = 'cs-core'
/**
 * One queue for each system, which only the connector that holds its admin credential polls; one for work that is
 * done in the evidence store alone, which every connector polls.
 */
export const connectorQueue = (systemId: string | null): string =>
  systemId === null ? 'cs-exec-records' : `cs-exec-${systemId}`

/** The workflow id is the case id; a workflow knows nothing else and reads the rest from the ledger. */
export interface CaseInput {
  readonly caseId: string
}

/**
 * A signal is a document from anybody who can write to the namespace. `decide` carries an envelope;
 * `changed` says that the ledger has news. Neither authorises anything.
 */
export const decideSignal = defineSignal<[unknown]>('decide')
export const changedSignal = defineSignal<[unknown?]>('changed')
export const caseQuery = defineQuery<CaseState>('case')

/** What a workflow has folded so far: the last entry's number and hash. */
export interface Folded {
  readonly after: number
  readonly head: string | null
}

/** The local activities of the workflow worker. */
export interface CoreActivities {
  /**
   * Applies what came as signals and a passed deadline, and returns the events after what was folded, or
   * all of them from the first when what was folded is not what the ledger holds.
   */
  sync(
    input: Folded & {
      readonly caseId: string
      readonly inbox: readonly unknown[]
      readonly deadline: string | null
      /** The run id, when somebody made this run by resetting another. */
      readonly reset: string | null
    },
  ): Promise<readonly Recorded[]>
}

export interface ConnectorInput extends Folded {
  readonly caseId: string
  readonly stepId: string
}

/** The connector's activities. Each applies its outcome itself and returns events as `sync` does. */
export interface ConnectorActivities {
  plan(input: ConnectorInput): Promise<readonly Recorded[]>
  openGate(input: ConnectorInput): Promise<readonly Recorded[]>
  perform(input: ConnectorInput): Promise<readonly Recorded[]>
  observe(input: ConnectorInput): Promise<readonly Recorded[]>
  undo(input: ConnectorInput): Promise<readonly Recorded[]>
}

const { KEYWORD, KEYWORD_LIST, DATETIME, INT, BOOL } = SearchAttributeType
/** Typed, opaque, never personal: the operator's interface (8 of the 10 Keyword columns of SQL visibility). */
export const ATTRIBUTES = {
  partner: defineSearchAttributeKey('CsPartner', KEYWORD),
  owner: defineSearchAttributeKey('CsOwner', KEYWORD),
  identity: defineSearchAttributeKey('CsIdentity', KEYWORD),
  control: defineSearchAttributeKey('CsControl', KEYWORD),
  target: defineSearchAttributeKey('CsTarget', KEYWORD),
  phase: defineSearchAttributeKey('CsPhase', KEYWORD),
  waitingOn: defineSearchAttributeKey('CsWaitingOn', KEYWORD_LIST),
  policy: defineSearchAttributeKey('CsPolicy', KEYWORD),
  risk: defineSearchAttributeKey('CsRisk', KEYWORD),
  waitingSince: defineSearchAttributeKey('CsWaitingSince', DATETIME),
  deadline: defineSearchAttributeKey('CsDeadline', DATETIME),
  escalation: defineSearchAttributeKey('CsEscalation', INT),
  frozen: defineSearchAttributeKey('CsFrozen', BOOL),
} as const
