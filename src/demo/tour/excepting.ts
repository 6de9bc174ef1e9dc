import type { OwnershipSection } from '../../domain/shapes/authority.js'
import { soon } from '../stage.js'
import { changeAuthority } from './enterprise-moves.js'
import { ask, type Chapter, closes, opensByItself, pass, type Tour, whenCase } from './hands.js'

const IDENTITY = 'nhi_archive'
/** How long the risk is accepted for. */
const FOR_MS = 30_000

/** The business need of one identity is over from now on. */
const needEnds = (tour: Tour): Promise<void> =>
  changeAuthority(tour, {
    ...{ kind: 'change-ownership', section: 'ownership', because: 'NEED-2043-CLOSED' },
    edit: (body) => {
      const { identities } = body as unknown as OwnershipSection
      return {
        ...body,
        identities: identities.map((identity) =>
          identity.identityId === IDENTITY
            ? { ...identity, need: { ...identity.need, until: soon(0) } }
            : identity,
        ),
      }
    },
  })

/** Nothing opened while the exception was in force. */
async function heldBack(tour: Tour, of: { caseId: string; until: string }): Promise<void> {
  const { openedAt } = await whenCase(tour, {
    ...{ caseId: of.caseId, what: 'is open' },
    is: () => true,
  })
  if (openedAt < of.until) throw new Error(`${of.caseId} opened while the exception was in force`)
  tour.say(`  the exception held it back until ${of.until}`)
}

export const excepting: Chapter = {
  title: 'A risk is accepted for a while, and lapses',
  play: async (tour) => {
    const until = soon(FOR_MS)
    const caseId = await ask(tour, {
      by: 'partner-zeta',
      request: {
        ...{ kind: 'exception', identityId: IDENTITY, deviation: 'ended-need', until },
        ...{ reference: 'RISK-7', attestEveryMs: 86_400_000 },
        controls: [{ controlId: 'network-allow-list', attestedBy: 'per_ana' }],
      },
    })
    await pass(tour, { caseId, stepId: 'accept', by: ['per_cleo', 'per_ana'] })
    await closes(tour, { caseId, outcome: 'completed' })
    await needEnds(tour)
    const removal = await opensByItself(tour, {
      ...{
        kind: 'deprovision',
        about: IDENTITY,
        because: 'The exception lapsed, the need is over',
      },
    })
    await heldBack(tour, { caseId: removal, until })
    await pass(tour, { caseId: removal, stepId: 'disable', by: ['per_ana'] })
    await pass(tour, { caseId: removal, stepId: 'remove', by: ['per_ana', 'per_ben'] })
    await pass(tour, { caseId: removal, stepId: 'close', by: ['per_ana'] })
    await closes(tour, { caseId: removal, outcome: 'completed' })
  },
}
