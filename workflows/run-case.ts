/**
 * The driver of a case: sync what arrived, fold the entries, ask what is due, make it happen. It holds no
 * rule: what counts is decided where entries are appended, and the right to change a target arises only in
 * the execution gate. A lost, reset or terminated run is started again from the case id and goes on where
 * the ledger stands. Cancelling a run has no effect: a case ends by its owners' decisions.
 */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  setHandler,
  TimeoutFailure,
  workflowInfo,
} from '@temporalio/workflow'
import { type CaseInput, caseQuery, type Folded } from '../src/contract/messages.js'
import { newsIn } from '../src/contract/told.js'
import { waitLabel, waitOf, workLabel } from '../src/contract/views.js'
import type { CaseOutcome, CaseState, Recorded } from '../src/domain/case/case.js'
import { type Due, due, type Turn } from '../src/domain/case/due.js'
import { follow, unread } from '../src/domain/case/evolve.js'
import { type Alarm, createAlarm } from './alarm.js'
import { carryOut, sync, type Work } from './effects.js'
import { type Inbox, openInbox } from './inbox.js'
import { show } from './visibility.js'

/** Between two tries of what stands still, when nothing is heard meanwhile. */
const STUCK_MS = 30_000
/** An early timer is set again after this, doubled each time: the database's clock may be behind. */
const EARLY_MS = 50
const EARLY_MAX_MS = 10_000
/** Of what is folded at the word of signals. */
const MAX_UNCONFIRMED = 10

interface Run {
  state: CaseState
  /** Who holds the ball, by the ledger's clock. */
  turn: Turn
  /** Why the present work stands still; kept until it moves, so that views do not flicker. */
  stuck: string | null
  /** Names what the case waits for. */
  wait: string
  /** How often the database said "not yet" to the deadline of the present wait. */
  early: number
  /** Who told this run its newest events. */
  toldBy: 'ledger' | 'connector' | 'signal'
  /** Items whose entries were folded at their word, until whoever compares them with the ledger has answered. */
  unconfirmed: readonly unknown[]
  readonly inbox: Inbox
  readonly alarm: Alarm
}

export async function runCase(input: CaseInput): Promise<CaseOutcome> {
  const caseId = workflowInfo().workflowId
  const run: Run = {
    ...unread(caseId),
    stuck: null,
    wait: '',
    early: 0,
    toldBy: 'ledger',
    unconfirmed: [],
    inbox: openInbox(),
    alarm: createAlarm(),
  }
  setHandler(caseQuery, () => run.state, { description: 'The case as this run has folded it.' })
  // UNTRUSTED: anybody who can write to the namespace can start a workflow with any input.
  if (input?.caseId !== caseId)
    throw ApplicationFailure.nonRetryable('the workflow id is not the case id', 'CASE_UNKNOWN')
  return CancellationScope.nonCancellable(() => drive(run))
}

async function drive(run: Run): Promise<CaseOutcome> {
  await catchUp(run, null)
  if (run.state.opened === null)
    throw ApplicationFailure.nonRetryable('there is no such case', 'CASE_UNKNOWN')
  for (;;) {
    hear(run)
    const next = due(run.state)
    if (run.inbox.hasNews() || mustAsk(run, next)) {
      await catchUp(run, null)
      continue
    }
    noteWait(run)
    if (next.kind !== 'closed' && workflowInfo().continueAsNewSuggested)
      await continueAsNew<typeof runCase>({ caseId: run.state.caseId })
    showRun(run)
    if (next.kind === 'closed') return next.outcome
    if (isWaiting(next)) await waitFor(run, next)
    else await work(run, next)
  }
}

/** What signals tell is folded at once, in the order of arrival, as long as it follows what was folded. */
function hear(run: Run): void {
  while (run.unconfirmed.length < MAX_UNCONFIRMED) {
    const item = run.inbox.first()
    const news = newsIn(run.state, item)
    if (news === null) return
    run.inbox.shift()
    run.unconfirmed = [...run.unconfirmed, item]
    absorb(run, news)
    run.toldBy = 'signal'
  }
}

/** Anybody can signal, or answer in the connector's place: a run ends or waits only by what the ledger says. */
function mustAsk(run: Run, next: Due): boolean {
  if (next.kind === 'closed') return run.toldBy !== 'ledger'
  const atWork = !isWaiting(next) && run.stuck === null && !workflowInfo().continueAsNewSuggested
  return run.unconfirmed.length > 0 && !atWork
}

type Waiting = Extract<Due, { kind: 'decision' | 'wait' | 'claim' }>
const isWaiting = (next: Due): next is Waiting =>
  next.kind === 'decision' || next.kind === 'wait' || next.kind === 'claim'

/** Gives the store what arrived, and a passed deadline; takes the events that this run has not seen. */
async function catchUp(run: Run, deadline: string | null): Promise<void> {
  const { caseId } = run.state
  const inbox = [...run.unconfirmed, ...run.inbox.take()]
  run.unconfirmed = []
  absorb(run, await sync({ caseId, ...foldedOf(run.state), inbox, deadline, reset: resetRun() }))
  run.toldBy = 'ledger'
}

function resetRun(): string | null {
  const { runId, originalExecutionRunId } = workflowInfo()
  return runId === originalExecutionRunId ? null : runId
}

const foldedOf = (state: CaseState): Folded => ({ after: state.seq, head: state.head })

const absorb = (run: Run, events: readonly Recorded[]): void =>
  void Object.assign(run, follow(run, events))

function noteWait(run: Run): void {
  const wait = waitOf(run.state)
  if (run.wait === wait) return
  run.wait = wait
  run.early = 0
  run.stuck = null
}

const now = (): string => new Date().toISOString()
const showRun = (run: Run): void =>
  show({ state: run.state, stuck: run.stuck, turn: run.turn, at: now() })

/** Until something arrives, or the labelled timer says that the deadline may have passed. */
async function waitFor(run: Run, next: Waiting): Promise<void> {
  const left = Date.parse(next.until) - Date.now()
  const least = Math.min(EARLY_MS * 2 ** run.early, EARLY_MAX_MS)
  void run.alarm.set({
    key: `${run.wait}:${run.early}`,
    ms: Math.max(least, Number.isFinite(left) ? left : EARLY_MAX_MS),
    summary: waitLabel({ state: run.state, at: now() }),
  })
  await condition(() => run.inbox.hasNews() || run.alarm.rang())
  if (!run.alarm.rang()) return
  run.early += 1
  await catchUp(run, next.stepId)
}

/** The connector's work. What arrives meanwhile is synced at once and cancels nothing: the gate decides. */
async function work(run: Run, next: Work): Promise<void> {
  const { state } = run
  run.alarm.stop()
  const box: { done: { events: readonly Recorded[]; stuck: string | null } | null } = { done: null }
  carryOut({
    caseId: state.caseId,
    systemId: state.opened?.systemId ?? null,
    folded: foldedOf(state),
    work: next,
    summary: workLabel(state),
  }).then(
    (events) => {
      // UNTRUSTED: an answer that none of our keys encrypted is decoded to something else than a list.
      box.done = Array.isArray(events)
        ? { events, stuck: null }
        : { events: [], stuck: 'FORGED_RESULT' }
    },
    (error: unknown) => {
      box.done = { events: [], stuck: codeOf(error) }
    },
  )
  for (;;) {
    await condition(() => box.done !== null || run.inbox.hasNews())
    if (box.done !== null) break
    await catchUp(run, null)
    showRun(run)
  }
  absorb(run, box.done.events)
  run.toldBy = 'connector'
  // It compared what this run had folded; events from the first say that the ledger holds something else.
  if (box.done.stuck === null && box.done.events[0]?.seq !== 1) run.unconfirmed = []
  // What was synced meanwhile may have made something else due: then nothing stands still.
  const sameDue = waitOf(run.state) === run.wait
  const stuck = box.done.stuck ?? (run.state.head === state.head ? 'NO_PROGRESS' : null)
  run.stuck = sameDue ? stuck : null
  const isNews = run.inbox.hasNews() || run.unconfirmed.length > 0
  if (run.stuck !== null && !isNews) await standStill(run, run.stuck)
}

/** Stuck is not waiting: it shows, and is tried again when there is news or after a while. The run never fails. */
async function standStill(run: Run, stuck: string): Promise<void> {
  showRun(run)
  await condition(() => run.inbox.hasNews(), STUCK_MS, {
    summary: `stuck: ${stuck}; tried again in ${STUCK_MS / 1000} s or on news`,
  })
}

function codeOf(error: unknown): string {
  const cause = error instanceof ActivityFailure ? error.cause : error
  if (cause instanceof TimeoutFailure)
    return cause.timeoutType === 'SCHEDULE_TO_START' ? 'CONNECTOR_ABSENT' : 'CONNECTOR_LOST'
  const type = cause instanceof ApplicationFailure ? (cause.type ?? '') : ''
  return /^[A-Za-z_]{1,40}$/.test(type) ? type : 'CONNECTOR_FAULT'
}
