/** Abuse at the target and by the partner: claims that are not true, and a live role that looks dead. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { scramVerifier } from '../../connectors/scram.js'
import { isRefusal } from '../../domain/refusal.js'
import { approve, type Stage, until, untilGate } from '../stage.js'
import { claimDone, cutOver, lease, openRotation, passStep } from '../steps.js'
import type { Attempt } from './attempt.js'

/** Takes a rotation up to the open gate of `retire`, rightfully, with a real consumer. */
async function upToRetire(stage: Stage, account: string): Promise<string> {
  const consumer = await stage.system.startConsumer(account)
  const caseId = await openRotation(stage, { account })
  await passStep(stage, { caseId, stepId: 'issue', persons: ['per_ana'] })
  await cutOver(stage, { caseId, consumer })
  return caseId
}

async function approveRetire(stage: Stage, caseId: string): Promise<void> {
  for (const person of ['per_ana', 'per_ben'] as const)
    await approve(stage, { caseId, stepId: 'retire', person })
}

const untilFailed = (stage: Stage, input: { caseId: string; code: string }): Promise<void> =>
  until(`the step fails with ${input.code}`, async () =>
    (await stage.events(input.caseId)).some(
      ({ event }) => event.type === 'StepFailed' && event.code === input.code,
    ),
  )

const falseClaim: Attempt = {
  name: 'the partner claims that it is done when it is not',
  account: 'falseclaim',
  play: async (stage) => {
    await stage.system.startConsumer('falseclaim')
    const caseId = await openRotation(stage, { account: 'falseclaim' })
    await passStep(stage, { caseId, stepId: 'issue', persons: ['per_ana'] })
    await stage.baseline('falseclaim')
    await passStep(stage, { caseId, stepId: 'cut-over', persons: ['per_ana'] })
    const leased = await lease(stage, { caseId })
    const claimed = await claimDone(stage, { caseId, lease: leased.lease })
    if (isRefusal(claimed)) throw new Error(`the claim was refused: ${claimed.refused}`)
    await until('the probe contradicts it', async () =>
      (await stage.events(caseId)).some(({ event }) => event.type === 'ClaimContradicted'),
    )
    return {
      happened: 'the enterprise’s probe does not see it: contradicted, the task is open again',
      recorded: { stream: caseId, code: 'ClaimContradicted' },
    }
  },
}

const wrongSecret: Attempt = {
  name: 'a live role made to look dead by a secret that is wrong',
  account: 'wrongsecret',
  play: async (stage) => {
    const caseId = await upToRetire(stage, 'wrongsecret')
    await stage.targetDba.query(
      `alter role wrongsecret_a password '${scramVerifier('known-to-somebody-else')}'`,
    )
    await stage.baseline('wrongsecret')
    await approveRetire(stage, caseId)
    // The signatures were for the target as it was; signed again for the target as it is now.
    await untilGate(stage, { caseId, stepId: 'retire', round: 2 })
    await approveRetire(stage, caseId)
    await untilFailed(stage, { caseId, code: 'DEATH_UNPROVED' })
    return {
      happened: 'no control login, no proof of death: not retired, the owners decide',
      recorded: { stream: caseId, code: 'DEATH_UNPROVED' },
    }
  },
}

const hostRule: Attempt = {
  name: 'a live role made to look dead by pg_hba.conf',
  account: 'hostrule',
  play: async (stage) => {
    const caseId = await upToRetire(stage, 'hostrule')
    await stage.baseline('hostrule')
    const file = join(stage.system.dir, 'target', 'pg_hba.conf')
    const before = await readFile(file, 'utf8')
    await writeFile(file, `host all hostrule_a 127.0.0.1/32 reject\n${before}`)
    await stage.targetDba.query('select pg_reload_conf()')
    try {
      await approveRetire(stage, caseId)
      await untilFailed(stage, { caseId, code: 'DEATH_UNPROVED' })
    } finally {
      await writeFile(file, before)
      await stage.targetDba.query('select pg_reload_conf()')
    }
    return {
      happened:
        'refused before it was disabled: that proves nothing; not retired, the owners decide',
      recorded: { stream: caseId, code: 'DEATH_UNPROVED' },
    }
  },
}

export const targetAttempts: readonly Attempt[] = [falseClaim, wrongSecret, hostRule]
