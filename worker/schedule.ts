/** The schedule: opens the cases that open by themselves. Asking twice opens nothing twice. */
import type { Logger } from 'pino'
import { ulid } from 'ulid'
import { isRefusal } from '../src/domain/refusal.js'
import { nodeVerify } from '../src/keys/verify.js'
import type { AuthoritySource } from '../src/store/authority.js'
import type { Db } from '../src/store/db.js'
import { deprovisionEnded } from '../src/store/ended-needs.js'
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
  const refused = new Map<string, number>()
  return async () => {
    const at = performance.now()
    const waiting = [...refused].filter(([, since]) => at - since < ASK_AGAIN_MS)
    const ended = await deprovisionEnded(deps, new Set(waiting.map(([identityId]) => identityId)))
    if (isRefusal(ended)) return log.warn({ refused: ended.refused }, 'the schedule cannot ask')
    for (const { identityId, opened } of ended) {
      if (isRefusal(opened)) {
        refused.set(identityId, at)
        log.warn({ identityId, refused: opened.refused }, 'a need has ended, and no case opens')
      } else if (opened.made === 'now')
        log.info({ identityId, caseId: opened.caseId }, 'a need has ended')
    }
  }
}
