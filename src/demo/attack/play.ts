/**
 * Plays every attempt against the running system and prints one line each. An attempt fails when the
 * target changed, when nothing recorded it, or when it did not go as it must.
 */
import { look, type Stage } from '../stage.js'
import { type Attempt, isRecorded } from './attempt.js'
import { databaseAttempts } from './database.js'
import { decisionAttempts } from './decisions.js'
import { targetAttempts } from './target.js'
import { workflowAttempts } from './workflow.js'

export const attempts: readonly Attempt[] = [
  ...decisionAttempts,
  ...workflowAttempts,
  ...databaseAttempts,
  ...targetAttempts,
]

/** Every account that an attempt needs on the target. */
export const attackAccounts: readonly string[] = [
  ...attempts.map(({ account }) => account),
  'replayedother',
]

export async function playAll(
  stage: Stage,
  print: (line: string) => void,
): Promise<{ readonly failed: number }> {
  let failed = 0
  for (const [index, attempt] of attempts.entries()) {
    const number = String(index + 1).padStart(2)
    const line = await playOne(stage, attempt).catch((error: unknown) => {
      failed += 1
      return `FAILED: ${error instanceof Error ? error.message : String(error)}`
    })
    print(`${number}. ${attempt.name}: ${line}`)
  }
  return { failed }
}

async function playOne(stage: Stage, attempt: Attempt): Promise<string> {
  await stage.baseline(attempt.account)
  const { happened, recorded } = await attempt.play(stage)
  const after = await look(stage.targetDba, attempt.account)
  if (after !== stage.baselines.get(attempt.account)) throw new Error('the target changed')
  if (!(await isRecorded(stage, recorded))) throw new Error(`nothing records it (${recorded.code})`)
  return `${happened} [${recorded.code}]`
}
