import { PARTNER } from '../enterprise.js'
import { soon } from '../stage.js'
import { accepted, ask, awaited, type Chapter, closes, declines, pass, type Tour } from './hands.js'

const DAY_MS = 86_400_000

/** Somebody with the DBA's rights changes an account; no case says why. */
async function changeBehind({ byHand, say }: Tour): Promise<void> {
  await byHand("alter role billing_a valid until '2030-01-01'")
  say('Somebody changed billing_a on the target with no case')
}

async function found({ stage, say }: Tour, caseId: string): Promise<void> {
  const review = accepted(await (await stage.api('per_cleo')).review({ caseId, stepId: 'sign' }))
  const { about } = review.plan
  if (about.kind !== 'partner-review') throw new Error('no review was drawn')
  const { judged, changes, findings } = about
  say(`  ${judged.reproduced} of ${judged.count} cases are what the policy then in force gives`)
  say(`  ${changes.explained} of ${changes.count} changes on the targets are explained by a case`)
  for (const { finding, about: what, detail } of findings) say(`  ${finding}: ${what}: ${detail}`)
  const unexplained = findings.filter(({ finding }) => finding === 'unexplained-change')
  if (judged.reproduced !== judged.count || unexplained.length !== 1 || findings.length !== 1)
    throw new Error('the review has to find exactly the one change that nobody can explain')
}

/** The partner may say that a finding is wrong; the owner of the contract decides, and here it stands. */
async function disputed(tour: Tour, demand: string): Promise<void> {
  const caseId = await ask(tour, {
    by: 'partner',
    request: { kind: 'dispute', partnerId: PARTNER, demand, item: 1, reference: 'LETTER-3' },
  })
  await declines(tour, { caseId, stepId: 'decide', by: 'per_ana' })
  await closes(tour, { caseId, outcome: 'declined' })
  const { findings } = accepted(await (await tour.stage.api('partner')).findings(PARTNER))
  const [says] = findings.flatMap((one) => (one.caseId === demand ? [one.dispute?.says] : []))
  if (says !== 'stands') throw new Error(`the finding is ${says} after its dispute`)
  tour.say('  the finding stands, and the partner sees it')
}

export const reviewing: Chapter = {
  title: 'A partner is reviewed: one change that no case explains',
  play: async (tour) => {
    await changeBehind(tour)
    const caseId = await ask(tour, {
      by: 'per_ana',
      request: {
        ...{ kind: 'partner-review', partnerId: PARTNER, from: soon(-DAY_MS), until: soon(-100) },
      },
    })
    await awaited(tour, { caseId, stepId: 'sign' })
    await found(tour, caseId)
    await pass(tour, { caseId, stepId: 'sign', by: ['per_cleo'] })
    await closes(tour, { caseId, outcome: 'completed' })
    await disputed(tour, caseId)
  },
}
