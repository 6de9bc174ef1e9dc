/** What an operation is given, and what it says was seen. */
import type { RefusalCode } from '../domain/refusal.js'
import type { Fact } from '../domain/shapes/basic.js'
import type { Operation, TargetState } from '../domain/shapes/plan.js'
import type { ExecutionDeps, RecordsWork, Work } from './deps.js'

export interface Seen {
  readonly outcome: 'done' | 'already' | 'refused'
  readonly code: RefusalCode | null
  readonly facts: readonly Fact[]
  readonly observed: Readonly<Record<string, string>>
}

export interface Doing<Op extends Operation = Operation, At extends RecordsWork = Work> {
  readonly deps: ExecutionDeps
  readonly work: At
  readonly grantId: string
  readonly op: Op
  /** The state that was signed for: every change compares it whole. */
  readonly expected: TargetState
  /** Credentials whose stored secret was seen to log in earlier in this case. */
  readonly controlled: ReadonlySet<string>
}

export type Only<Name extends Operation['op'], At extends RecordsWork = Work> = Doing<
  Extract<Operation, { op: Name }>,
  At
>

export const done = (observed: Record<string, string>, facts: readonly Fact[] = []): Seen => ({
  outcome: 'done',
  code: null,
  facts,
  observed,
})

export const refused = (code: RefusalCode, observed: Record<string, string>): Seen => ({
  outcome: 'refused',
  code,
  facts: [],
  observed,
})
