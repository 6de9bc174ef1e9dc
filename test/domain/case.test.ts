/**
 * The case as a machine: whatever is sent to it, in whatever order, by whomever. Sequences of moves, allowed
 * and hostile, are tried on a rotation with real signatures; what must hold, holds after every one.
 */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { type CaseState, type Recorded, stepOf } from '../../src/domain/case/case.js'
import { awaited, due, inFlight } from '../../src/domain/case/due.js'
import { evolve, fold } from '../../src/domain/case/evolve.js'
import { isRefusal } from '../../src/domain/refusal.js'
import { CaseEvent, type EventOf } from '../../src/domain/shapes/event.js'
import type { TestPerson } from '../support/authority.js'
import { DAY, HOUR, type Move, type Story, told } from '../support/given.js'
import {
  all,
  claimed,
  claims,
  contradicts,
  deadline,
  declines,
  fails,
  fences,
  finishes,
  gateOpens,
  gateRefuses,
  grants,
  leases,
  offers,
  performed,
  planned,
  sends,
  signs,
  undoes,
  waits,
} from '../support/moves.js'
import { start } from '../support/rotation.js'

const STEPS = ['issue', 'cut-over', 'retire', 'close'] as const
type Step = (typeof STEPS)[number]
const PERSONS: readonly TestPerson[] = ['per_ana', 'per_ben', 'per_cleo', 'per_dora', 'per_zed']

/** What the case owes, done by whom it is owed. */
const progress: Move = (story) => {
  const next = due(story.state)
  if (next.kind === 'closed') return story
  if (next.kind === 'plan') return planned(story)
  const { stepId } = next
  const phase = stepOf(story.state, stepId)?.phase
  const voter = awaited(stepOf(story.state, stepId) ?? NOBODY, story.at)[0]?.persons[0] ?? 'per_ana'
  const toPerform = stepId === 'cut-over' ? offers(stepId) : finishes(stepId)
  const done: Record<Exclude<typeof next.kind, 'plan' | 'closed'>, Move> = {
    'open-gate': gateOpens(stepId),
    decision: signs(voter as TestPerson, stepId),
    wait: all(waits(DAY), deadline(stepId)),
    perform: phase === 'satisfied' ? grants(stepId) : toPerform,
    claim: all(leases(stepId), claims(stepId)),
    observe: finishes(stepId),
    undo: undoes(stepId),
  }
  return done[next.kind](story)
}
const NOBODY = { gate: null, phase: 'pending' } as unknown as Parameters<typeof awaited>[0]

/** Offers only what execution offers: a granted step of the partner's. */
const offersIfGranted =
  (stepId: Step): Move =>
  (story) =>
    stepOf(story.state, stepId)?.phase === 'granted' && stepId === 'cut-over'
      ? offers(stepId)(story)
      : story

/** The bytes of a decision that was admitted before, sent again. */
const replays =
  (which: number): Move =>
  (story) => {
    const admitted = story.recorded.flatMap(({ event }) =>
      event.type === 'DecisionAdmitted' ? [event] : [],
    )
    const one = admitted[which % Math.max(admitted.length, 1)]
    return one === undefined ? story : sends(one.envelope)(story)
  }

const facts = {
  issue: [],
  'cut-over': ['new-credential-works'],
  retire: ['consumer-on-new'],
  close: ['evidence-complete'],
} as const
const aheadOf = (stepId: Step) => ({ gate: { opensWhen: [...facts[stepId]] } })

/** The connector fails at what it was granted. */
const failsDue =
  (target: 'clean' | 'dirty'): Move =>
  (story) => {
    const flying = inFlight(story.state)
    return flying === null ? story : fails(flying.step.stepId, target)(story)
  }

/** What ends a wait that nobody ends. */
const pastTheDeadline: Move = (story) => {
  const next = due(story.state)
  return 'stepId' in next ? all(waits(30 * DAY), deadline(next.stepId))(story) : story
}

interface Try {
  readonly name: string
  readonly move: Move
}
const tried = (name: string, move: Move): Try => ({ name, move })
const step = fc.constantFrom(...STEPS)
const person = fc.constantFrom(...PERSONS)

const anyTry: fc.Arbitrary<Try> = fc.oneof(
  { weight: 14, arbitrary: fc.constant(tried('progress', progress)) },
  {
    weight: 3,
    arbitrary: fc.tuple(person, step).map(([p, s]) => tried(`${p} signs ${s}`, signs(p, s))),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom('per_ana' as const, 'per_ben' as const), step)
      .map(([p, s]) => tried(`${p} signs ${s} ahead`, signs(p, s, { as: aheadOf(s) }))),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(person, step).map(([p, s]) => tried(`${p} declines ${s}`, declines(p, s))),
  },
  { weight: 3, arbitrary: fc.nat(9).map((n) => tried(`replay ${n}`, replays(n))) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(1, HOUR, DAY, 4 * DAY).map((ms) => tried(`wait ${ms}`, waits(ms))),
  },
  {
    weight: 8,
    arbitrary: fc
      .tuple(
        step,
        fc.constantFrom<(stepId: Step) => Move>(
          ...[gateOpens, grants, gateRefuses, finishes, undoes, contradicts, deadline, leases],
          ...[claims, offersIfGranted],
          (stepId) => fails(stepId, 'clean'),
          (stepId) => fails(stepId, 'dirty'),
        ),
      )
      .map(([s, make]) => tried(`something at ${s}`, make(s))),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('clean' as const, 'dirty' as const)
      .map((target) => tried(`fails ${target}`, failsDue(target))),
  },
  { weight: 1, arbitrary: fc.constant(tried('silence', pastTheDeadline)) },
  { weight: 1, arbitrary: fc.constant(tried('fence', fences)) },
)

/** The story after these; what is refused leaves it as it was. */
const played = (tries: readonly Try[], seen: (story: Story) => void = () => undefined): Story =>
  tries.reduce((story, { move }) => {
    const next = move(story)
    const after = isRefusal(next) ? story : next
    seen(after)
    return after
  }, start)

const eventsOf = <Type extends CaseEvent['type']>({ recorded }: Story, type: Type) =>
  recorded.filter((item): item is Recorded<EventOf<Type>> => item.event.type === type)

const tries = fc.array(anyTry, { minLength: 5, maxLength: 45 })
const RUNS = { numRuns: 60 }

describe('whatever is sent, in whatever order', () => {
  test.prop([tries], RUNS)(
    'the case owes exactly one thing, and its state is plain JSON',
    (list) => {
      played(list, ({ state }) => {
        const next = due(state)
        expect(next.kind).toMatch(/^(open-gate|decision|perform|claim|observe|undo|closed)$/)
        if (next.kind === 'decision' || next.kind === 'claim') expect(next.until).toMatch(/^20/)
        if ('stepId' in next) expect(stepOf(state, next.stepId)).not.toBeNull()
        expect(JSON.parse(JSON.stringify(state))).toEqual(state)
      })
    },
  )

  test.prop([tries], RUNS)(
    'nothing is granted but from a gate satisfied in the same round, once',
    (list) => {
      const story = played(list)
      const key = ({ event }: Recorded<EventOf<'Granted'> | EventOf<'GateSatisfied'>>) =>
        `${event.stepId} ${event.round}`
      const granted = eventsOf(story, 'Granted')
      expect(new Set(granted.map(key)).size).toBe(granted.length)
      for (const one of granted) {
        const before = eventsOf(story, 'GateSatisfied').filter(({ seq }) => seq < one.seq)
        expect(before.map(key)).toContain(key(one))
      }
    },
  )

  test.prop([tries], RUNS)(
    'no decision counts twice, and each gate has its quorum of persons',
    (list) => {
      const story = played(list)
      const admitted = eventsOf(story, 'DecisionAdmitted').map(({ event }) => event)
      expect(new Set(admitted.map(({ decisionId }) => decisionId)).size).toBe(admitted.length)
      const satisfied = eventsOf(story, 'GateSatisfied').map(({ event }) => event)
      const counted = satisfied.flatMap(({ decisionIds }) => decisionIds)
      expect(new Set(counted).size).toBe(counted.length)
      for (const { stepId, round, decisionIds } of satisfied) {
        const votes = admitted.filter(({ decisionId }) => decisionIds.includes(decisionId))
        expect(votes.every((vote) => vote.stepId === stepId && vote.verdict === 'approve')).toBe(
          true,
        )
        expect(votes.every((vote) => vote.round === 0 || vote.round === round)).toBe(true)
        const persons = new Set(votes.map((vote) => vote.votes))
        expect([...persons].sort()).toEqual(
          stepId === 'retire' ? ['per_ana', 'per_ben'] : ['per_ana'],
        )
      }
    },
  )

  test.prop([tries], RUNS)('a decline, a fence or an expiry is followed by no grant', (list) => {
    const story = played(list)
    const ends = (['GateDeclined', 'CaseFenced', 'GateExpired', 'CaseClosed'] as const).flatMap(
      (type) => eventsOf(story, type).map(({ seq }) => seq),
    )
    const first = Math.min(...ends, Number.POSITIVE_INFINITY)
    for (const { seq } of eventsOf(story, 'Granted')) expect(seq).toBeLessThan(first)
    const declines = eventsOf(story, 'DecisionAdmitted').filter(
      ({ event }) => event.verdict === 'decline',
    )
    expect(declines.length).toBe(eventsOf(story, 'GateDeclined').length)
  })

  test.prop([tries], RUNS)(
    'a closed case stays closed, as it closed, with nothing in flight',
    (list) => {
      let closed: CaseState | null = null
      const story = played(list, ({ state }) => {
        if (closed !== null) {
          expect(due(state)).toEqual(due(closed))
          expect(state.steps).toEqual(closed.steps)
        } else if (state.outcome !== null) closed = state
      })
      expect(eventsOf(story, 'CaseClosed').length).toBeLessThanOrEqual(1)
      if (closed !== null) expect(inFlight(closed)).toBeNull()
    },
  )

  test.prop([tries], RUNS)(
    'nothing happens on the target but under a live grant, and it is undone under it',
    (list) => {
      const story = played(list)
      const granted = eventsOf(story, 'Granted')
      for (const type of ['StepPerformed', 'StepFailed', 'StepUndone', 'TaskLeased'] as const)
        for (const { seq, event } of eventsOf(story, type))
          expect(granted.some((one) => one.seq < seq && one.event.grantId === event.grantId)).toBe(
            true,
          )
      const performedIds = eventsOf(story, 'StepPerformed').map(({ event }) => event.grantId)
      expect(new Set(performedIds).size).toBe(performedIds.length)
    },
  )

  test.prop([tries], RUNS)(
    'issue is not undone once its secret may have been delivered',
    (list) => {
      const story = played(list)
      const [delivered] = eventsOf(story, 'TaskLeased')
      for (const { seq, event } of eventsOf(story, 'StepUndone'))
        if (event.stepId === 'issue') expect(seq).toBeLessThan(delivered?.seq ?? seq + 1)
    },
  )

  test.prop([tries], RUNS)('what is appended is a strict event', (list) => {
    for (const { event } of played(list).recorded)
      expect(CaseEvent.safeParse(event).error).toBeUndefined()
  })

  test.prop([tries], RUNS)('a task is never leased twice under one number', (list) => {
    const story = played(list)
    const leased = eventsOf(story, 'TaskLeased').map(
      ({ event }) => `${event.grantId} ${event.lease}`,
    )
    expect(new Set(leased).size).toBe(leased.length)
  })

  test.prop([tries, fc.nat()], RUNS)(
    'the fold is the same again, from any point, and after JSON',
    (list, cut) => {
      const { recorded, opened, state } = played(list)
      const at = cut % (recorded.length + 1)
      const prefix = fold(opened.caseId, recorded.slice(0, at))
      const revived = JSON.parse(JSON.stringify(prefix)) as CaseState
      expect(recorded.slice(at).reduce(evolve, revived)).toEqual(state)
      expect(fold(opened.caseId, recorded)).toEqual(state)
      expect(state).toMatchObject({ seq: recorded.length, head: recorded.at(-1)?.hash })
    },
  )

  test.prop([tries], RUNS)('the case can always still be brought to its end', (list) => {
    let story = played(list)
    for (let moves = 0; due(story.state).kind !== 'closed'; moves += 1) {
      expect(moves).toBeLessThan(80)
      const next = progress(story)
      story = isRefusal(next) ? told(story, pastTheDeadline) : next
    }
    expect(story.state.outcome).not.toBeNull()
  })
})

describe('these properties', () => {
  it('reach every phase (control)', () => {
    const phases = new Set<string>()
    const see = ({ state }: Story) => {
      for (const { phase } of state.steps) phases.add(phase)
    }
    see(told(start, performed('issue'), claimed))
    for (const list of fc.sample(tries, { numRuns: 150, seed: 7 })) played(list, see)
    expect([...phases].sort()).toEqual([
      ...['claimed', 'declined', 'expired', 'failed', 'granted', 'offered', 'open'],
      ...['pending', 'performed', 'satisfied', 'undone'],
    ])
  })
})
