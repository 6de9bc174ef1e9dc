/** The schedule: opens the cases that open by themselves. Asking twice opens nothing twice. */
import type { Logger } from 'pino'
import { ulid } from 'ulid'
import { isRefusal, type Refusal } from '../src/domain/refusal.js'
import { nodeVerify } from '../src/keys/verify.js'
import type { AuthoritySource } from '../src/store/authority.js'
import { deprovisionUndecided, recertifyDue } from '../src/store/campaigns.js'
import type { Db } from '../src/store/db.js'
import { deprovisionEnded } from '../src/store/ended-needs.js'
import type { Opened } from '../src/store/open-case.js'
import { packSource } from '../src/store/packs.js'

/** A request that was refused is recorded, so it is not repeated at every look. */
const ASK_AGAIN_MS = 3_600_000

export function createSchedule(input: {
  readonly db: Db
  readonly authority: AuthoritySource
  readonly log: Logger
}): () => Promise<void> {
  const { db, authority, log } = input
  const deps = { db, authority, packs: packSource(), verify: nodeVerify, newId: () => ulid() }
  const looks: readonly Look[] = [
    lookFor('a need has ended', (besides) => deprovisionEnded(deps, besides)),
    lookFor('a page was left undecided', (besides) => deprovisionUndecided(deps, besides)),
    lookFor('a recertification is due', async (besides) => {
      const campaign = await recertifyDue(deps, besides)
      if (campaign === null || isRefusal(campaign)) return campaign ?? []
      return campaign.pages.flatMap(({ identities, opened }) =>
        identities.map((identityId) => ({ identityId, opened })),
      )
    }),
  ]
  return async () => {
    for (const look of looks) await look(log)
  }
}

type Look = (log: Logger) => Promise<void>

interface Asked {
  readonly identityId: string
  readonly opened: Opened | Refusal
}

function lookFor(
  why: string,
  ask: (besides: ReadonlySet<string>) => Promise<readonly Asked[] | Refusal>,
): Look {
  const refused = new Map<string, number>()
  return async (log) => {
    const at = performance.now()
    const waiting = [...refused].filter(([, since]) => at - since < ASK_AGAIN_MS)
    const asked = await ask(new Set(waiting.map(([identityId]) => identityId)))
    if (isRefusal(asked))
      return log.warn({ refused: asked.refused, why }, 'the schedule cannot ask')
    for (const { identityId, opened } of asked) {
      if (isRefusal(opened)) {
        refused.set(identityId, at)
        log.warn({ identityId, refused: opened.refused }, `${why}, and no case opens`)
      } else if (opened.made === 'now') log.info({ identityId, caseId: opened.caseId }, why)
    }
  }
}
