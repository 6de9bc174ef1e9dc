/** What a grant uses up cannot be given back by whoever can rewrite the database. */
import { type CaseState, isOpening, type StepState } from '../domain/case/case.js'
import { emergencyStream } from '../domain/policy/emergency.js'
import { mandateStream } from '../domain/rights/mandate-record.js'
import { rememberUse } from '../store/streams/side-streams.js'
import { type ExecutionDeps, type StepOf, stop } from './deps.js'

/** What the grant used up, a mandate's cap or emergency access, is remembered outside the database before it is used. */
export async function rememberUses(
  deps: ExecutionDeps,
  input: {
    readonly at: StepOf
    readonly state: CaseState
    readonly step: StepState
    readonly grantId: string
  },
): Promise<void> {
  const { at, state, step, grantId } = input
  const { opened } = state
  const uses = [
    ...(step.mandateId === null
      ? []
      : [{ type: 'MandateUsed', stream: mandateStream(step.mandateId) } as const]),
    ...(opened === null || !isOpening(opened, at.stepId)
      ? []
      : [{ type: 'EmergencyUsed', stream: emergencyStream(opened.enterprise) } as const]),
  ]
  for (const use of uses) {
    const refusal = await rememberUse(deps.db, { ...use, grantId, memory: deps.memory })
    if (refusal !== null) await stop(deps, { caseId: at.caseId, refusal })
  }
}
