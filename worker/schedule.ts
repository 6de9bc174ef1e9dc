/** The schedule: opens the cases that open by themselves. Asking twice opens nothing twice. */
import type { Logger } from 'pino'
import { ulid } from 'ulid'
import { isRefusal } from '../src/domain/refusal.js'
import { ownershipGaps } from '../src/domain/responsibility.js'
import { nodeVerify } from '../src/keys/verify.js'
import type { AuthoritySource } from '../src/store/authority.js'
import { type Db, now } from '../src/store/db.js'
import { deprovisionEnded } from '../src/store/ended-needs.js'
import { reportedGone } from '../src/store/ownership.js'
import { packSource } from '../src/store/packs.js'

/** A request that was refused is recorded, so it is not repeated at every look. */
const ASK_AGAIN_MS = 3_600_000

interface ScheduleDeps {
  readonly db: Db
  readonly authority: AuthoritySource
  readonly log: Logger
}

export function createSchedule(input: ScheduleDeps): () => Promise<void> {
  const { db, authority, log } = input
  const deps = { db, authority, packs: packSource(), verify: nodeVerify, newId: () => ulid() }
  const refused = new Map<string, number>()
  const watchOwners = ownerWatch(input)
  return async () => {
    await watchOwners()
    const at = performance.now()
    const waiting = [...refused].filter(([, since]) => at - since < ASK_AGAIN_MS)
    const ended = await deprovisionEnded(deps, new Set(waiting.map(([identityId]) => identityId)))
    if (isRefusal(ended)) return log.warn({ refused: ended.refused }, 'the schedule cannot ask')
    for (const { identityId, of, opened } of ended) {
      if (isRefusal(opened)) {
        refused.set(identityId, at)
        log.warn({ identityId, of, refused: opened.refused }, 'it has ended, and no case opens')
      } else if (opened.made === 'now')
        log.info({ identityId, of, caseId: opened.caseId }, 'it has ended')
    }
  }
}

/** Says once of each identity and outcome that its owner is gone: a succession is owed, and nobody can guess to whom. */
function ownerWatch({ db, authority: source, log }: ScheduleDeps): () => Promise<void> {
  const said = new Set<string>()
  return async () => {
    const authority = await source.current(db, { at: await now(db), lock: 'none' })
    if (isRefusal(authority)) return
    for (const gap of ownershipGaps(authority, await reportedGone(db))) {
      const line = JSON.stringify(gap)
      if (!said.has(line)) log.warn(gap, 'it has no owner who is there: a succession is owed')
      said.add(line)
    }
  }
}
