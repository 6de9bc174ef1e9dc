/** The schedule: opens the cases that open by themselves. Asking twice opens nothing twice. */
import type { Logger } from 'pino'
import { ulid } from 'ulid'
import { isRefusal, type Refusal } from '../src/domain/refusal.js'
import { nodeVerify } from '../src/keys/verify.js'
import type { AuthoritySource } from '../src/store/authority/authority.js'
import { packSource } from '../src/store/authority/packs.js'
import type { OpenCaseDeps, Opened } from '../src/store/case/open-case.js'
import type { Db } from '../src/store/db.js'
import { recertifyDue } from '../src/store/schedule/campaigns.js'
import { drillDue } from '../src/store/schedule/drills.js'
import { deprovisionEnded } from '../src/store/schedule/ended-needs.js'
import { reviewPartners } from '../src/store/schedule/partner-reviews.js'
import { askForAttestations, rotateOverdue } from '../src/store/schedule/renewals.js'
import type { Scheduled } from '../src/store/schedule/scheduled.js'
import { succeedGone } from '../src/store/schedule/successions.js'
import { suspendUnattested, suspendUndecided } from '../src/store/schedule/suspensions.js'

/** A request that was refused is recorded, so it is not repeated at every look. */
const ASK_AGAIN_MS = 3_600_000

interface Occasion {
  readonly because: string
  readonly look: (
    deps: OpenCaseDeps,
    besides: ReadonlySet<string>,
  ) => Promise<readonly Scheduled[] | Refusal>
}

interface OfIdentity {
  readonly identityId: string
  readonly opened: Opened | Refusal
}

/** A look that is told which identities it need not ask for. */
function byIdentity(
  name: string,
  look: (
    deps: OpenCaseDeps,
    besides: ReadonlySet<string>,
  ) => Promise<readonly OfIdentity[] | Refusal>,
): Occasion['look'] {
  const prefix = `${name} `
  return async (deps, besides) => {
    const own = [...besides].filter((key) => key.startsWith(prefix))
    const asked = await look(deps, new Set(own.map((key) => key.slice(prefix.length))))
    if (isRefusal(asked)) return asked
    return asked.map((one) => ({ ...one, key: `${prefix}${one.identityId}` }))
  }
}

async function recertified(
  deps: OpenCaseDeps,
  besides: ReadonlySet<string>,
): Promise<readonly OfIdentity[] | Refusal> {
  const campaign = await recertifyDue(deps, besides)
  if (campaign === null || isRefusal(campaign)) return campaign ?? []
  return campaign.pages.flatMap(({ identities, opened }) =>
    identities.map((identityId) => ({ identityId, opened })),
  )
}

const OCCASIONS: readonly Occasion[] = [
  { because: 'an attestation was missed', look: suspendUnattested },
  { because: 'a need or a contract has ended', look: deprovisionEnded },
  { because: 'an attestation falls due', look: askForAttestations },
  { because: 'a credential is too old', look: rotateOverdue },
  { because: 'a page was left undecided', look: byIdentity('undecided', suspendUndecided) },
  { because: 'a recertification is due', look: byIdentity('recertify', recertified) },
  { because: 'a drill of the three rights is due', look: drillDue },
  { because: 'an owner is gone', look: succeedGone },
  { because: 'the review of a partner is due', look: reviewPartners },
]

interface ScheduleDeps {
  readonly db: Db
  readonly authority: AuthoritySource
  readonly log: Logger
}

export function createSchedule(input: ScheduleDeps): () => Promise<void> {
  const { db, authority, log } = input
  const deps = { db, authority, packs: packSource(), verify: nodeVerify, newId: () => ulid() }
  const refused = new Map<string, number>()
  const note = (because: string, { key, identityId, opened }: Scheduled): void => {
    if (isRefusal(opened)) {
      refused.set(key, performance.now())
      log.warn({ identityId, because, refused: opened.refused }, 'no case opens')
    } else if (opened.made === 'now')
      log.info({ identityId, because, caseId: opened.caseId }, 'a case opened by itself')
  }
  return async () => {
    const at = performance.now()
    for (const [key, since] of refused) if (at - since >= ASK_AGAIN_MS) refused.delete(key)
    for (const { because, look } of OCCASIONS) {
      const asked = await look(deps, new Set(refused.keys()))
      if (isRefusal(asked)) log.warn({ refused: asked.refused, because }, 'the schedule cannot ask')
      else for (const one of asked) note(because, one)
    }
  }
}
