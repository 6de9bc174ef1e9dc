/** A step's own rollback: only what this grant changed is put back, and only while nobody uses it. */
import { stepOf } from '../domain/case/case.js'
import { due } from '../domain/case/due.js'
import { undoStep } from '../domain/decide/execution.js'
import type { Undo } from '../domain/shapes/plan.js'
import {
  type ExecutionDeps,
  ExecutionFault,
  readJudged,
  record,
  type Setting,
  type StepOf,
  settingOf,
  type Target,
  targetOf,
} from './deps.js'
import { faultPoint } from './faults.js'

interface Undoing {
  readonly work: Setting & Target
  readonly grantId: string
}

export async function undoDueStep(deps: ExecutionDeps, at: StepOf): Promise<void> {
  const { state } = await readJudged(deps, at.caseId)
  const next = due(state)
  const step = stepOf(state, at.stepId)
  if (next.kind !== 'undo' || next.stepId !== at.stepId || step === null || step.grant === null)
    return
  const { grantId } = step.grant
  const work = await targetOf(deps, await settingOf(deps, state))
  const observed: Record<string, string> = {}
  for (const undo of step.step.undo) Object.assign(observed, await putBack({ work, grantId }, undo))
  const alone = Object.values(observed).some((said) => said.startsWith(LEFT))
  const left = alone ? 'something' : 'nothing'
  faultPoint('undo.after_effect')
  const attest = deps.attestFor(at.caseId)
  await record(deps, {
    caseId: at.caseId,
    decide: (view) => undoStep(view.state, { stepId: at.stepId, grantId, left, observed, attest }),
  })
}

const LEFT = 'left alone'

/** What became of each credential, in words. */
async function putBack(undoing: Undoing, undo: Undo): Promise<Record<string, string>> {
  switch (undo.op) {
    case 'nothing':
      return {}
    case 'unset':
      return { [undo.credential]: await unset(undoing, undo.credential) }
    case 'enable':
      return { [undo.credentials.join(' ')]: await enable(undoing, undo.credentials) }
    case 'withdraw':
      return { [undo.credentials.join(' ')]: await withdraw(undoing, undo.credentials) }
    case 'remove-created':
      return { [undoing.work.subject.group]: await removeCreated(undoing) }
  }
}

async function unset({ work, grantId }: Undoing, credential: string): Promise<string> {
  const { connector, subject } = work
  const last = await connector.lastGrant(credential)
  if (last?.grantId !== grantId) return `${LEFT}: changed by something else since`
  if (last.change === 'unset') return 'already undone'
  if ((await connector.sessions(credential)).length > 0) return `${LEFT}: in use`
  const expected = await connector.state(subject)
  return said(await connector.unset({ subject, credential, grantId, expected }))
}

async function enable({ work, grantId }: Undoing, credentials: readonly string[]): Promise<string> {
  const { connector, subject } = work
  const last = await Promise.all(credentials.map((name) => connector.lastGrant(name)))
  if (!last.every((one) => one?.grantId === grantId))
    return `${LEFT}: changed by something else since`
  if (last.every((one) => one?.change === 'enable')) return 'already undone'
  const expected = await connector.state(subject)
  return said(await connector.enable({ subject, credentials, grantId, expected }))
}

/** In use or not, and whoever changed it since. */
async function withdraw(
  { work, grantId }: Undoing,
  credentials: readonly string[],
): Promise<string> {
  const { connector, subject } = work
  const expected = await connector.state(subject)
  const { effect } = await connector.disable({ subject, credentials, grantId, expected })
  if (effect !== 'done' && effect !== 'already') throw new ExecutionFault('TARGET_MOVED')
  for (const credential of credentials) {
    const { left } = await connector.endSessions(credential)
    if (left > 0) throw new ExecutionFault('SESSIONS_LEFT')
  }
  return said({ effect })
}

async function removeCreated({ work, grantId }: Undoing): Promise<string> {
  const { connector, subject } = work
  for (const credential of subject.credentials) {
    const last = await connector.lastGrant(credential)
    if (last !== null && last.grantId !== grantId) return `${LEFT}: changed by something else since`
    if ((await connector.sessions(credential)).length > 0) return `${LEFT}: in use`
  }
  const expected = await connector.state(subject)
  return said(await connector.remove({ subject, grantId, expected, reassignTo: null }))
}

const said = ({ effect }: { readonly effect: string }): string =>
  effect === 'done' || effect === 'already' ? 'undone' : `${LEFT}: ${effect}`
