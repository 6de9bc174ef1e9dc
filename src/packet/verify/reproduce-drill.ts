/**
 * What the verifier asks again of a drill: are its exercises what the plan gave, and does the packet's own evidence
 * of each right say what was signed? That no other grant passed on the canary the connector attests alone.
 */
import { digest } from '../../domain/bytes/digest.js'
import { type Refusal, refuse } from '../../domain/refusal.js'
import {
  exercisesOf,
  type Measured,
  measuredFrom,
  measuredIn,
  stateOfMeasured,
} from '../../domain/rights/drill.js'
import { differs, type Moment, type MomentOf } from './reproduce.js'

/** Null when what a drill was signed for follows from the entries that stood in the log before. */
export function wrongMeasures(moment: MomentOf<'GateOpened'>): Refusal | null {
  const { state, event } = moment
  if (state.plan?.about.kind !== 'drill' || event.stepId !== 'close') return null
  const all = measuredFrom(event.preState)
  if (digest(stateOfMeasured(all)) !== digest(event.preState))
    return differs('/preState', 'not what a drill measures')
  const wrong = all.find((one) => !isMeasured(moment, one))
  return wrong === undefined
    ? null
    : differs('/preState', `${wrong.right}: measured again, it is something else`)
}

/** Some beginning of the named case, all of it before the gate, says exactly this of the right. */
function isMeasured(moment: MomentOf<'GateOpened'>, said: Measured): boolean {
  const { state, index, fences, exercises } = moment
  const { caseId, right } = said
  const about = state.plan?.about
  if (about?.kind !== 'drill' || state.openedAt === null) return false
  if (caseId === null)
    return said.says === 'open' && said.tookMs === null && said.grantsAfter === null
  const { canary } = about
  const fencedAt = (fenceId: string): string | null => {
    const raised = fences.find(({ fence }) => fence.fenceId === fenceId)
    const isOfCanary = raised?.fence.scope.kind === 'identity' && raised.fence.scope.id === canary
    return raised !== undefined && isOfCanary && raised.index < index ? raised.at : null
  }
  const measuring = {
    drill: { caseId: state.caseId, openedAt: state.openedAt, canary },
    fencedAt,
    grantsBetween: () => said.grantsAfter ?? 0,
  }
  const before = (exercises.get(caseId) ?? []).filter((entry) => entry.index < index)
  const recorded = before.map((entry) => entry.recorded)
  return recorded.some((_, last) => {
    const measured = measuredIn(
      right,
      { caseId, recorded: recorded.slice(0, recorded.length - last) },
      measuring,
    )
    return measured !== null && digest(measured) === digest(said)
  })
}

/** Null when each case that the drill opened asks for exactly what its plan gives. */
export function wrongExercises(moment: MomentOf<'OperationObserved'>): Refusal | null {
  const { state, event } = moment
  const about = state.plan?.about
  if (event.op !== 'open-exercises' || event.outcome !== 'done') return null
  const granted = grantedAt(moment, event.grantId)
  if (about?.kind !== 'drill' || granted === null) return differs('/op', 'not of a granted drill')
  const of = { caseId: state.caseId, partnerId: state.opened?.scope.id ?? '', plan: about }
  for (const { right, asked, scope } of exercisesOf({ ...of, grantedAt: granted })) {
    const [first] = moment.exercises.get(event.observed[right] ?? '') ?? []
    const opened = first?.recorded.event
    if (opened?.type !== 'CaseOpened')
      return refuse('ENTRY_MISSING', '/observed', `no case for ${right}`)
    if (digest({ asked, scope }) !== digest({ asked: opened.asked, scope: opened.scope }))
      return differs('/observed', `${right} was asked for otherwise than planned`)
  }
  return null
}

function grantedAt({ before }: Moment, grantId: string): string | null {
  const found = before.find(({ event }) => event.type === 'Granted' && event.grantId === grantId)
  return found?.at ?? null
}
