/** The loops by which people are told, where channels are configured; without any, nothing is told to anybody. */
import type { Logger } from 'pino'
import type { NoticeSettings } from '../src/domain/shapes/channel.js'
import { openChannels } from '../src/notices/routes.js'
import type { AuthoritySource } from '../src/store/authority/authority.js'
import type { Db } from '../src/store/db.js'
import { type Loop, startLoop } from './loop.js'
import { createCarrying, createTelling, createWatch } from './notifying.js'

/** What happens at one time is told together. */
const TELL_WITHIN_MS = 200
/** Telling is woken by every commit; this is for a notification that was lost. */
const TELL_AT_LEAST_EVERY_MS = 5000
/** Reminders and second attempts come due by themselves. */
const CARRY_AT_LEAST_EVERY_MS = 1000
const WATCH_EVERY_MS = 60_000

export function startTelling(input: {
  readonly db: Db
  readonly authority: AuthoritySource
  readonly settings: NoticeSettings | null
  readonly log: Logger
}): Pick<Loop, 'stop'> & { readonly wake: () => void } {
  const { settings, log } = input
  if (settings === null) return { wake: () => undefined, stop: async () => undefined }
  const channels = openChannels(settings)
  const deps = { ...input, settings, channels }
  const carrying = startLoop({
    ...{ name: 'notices carried', log, periodMs: CARRY_AT_LEAST_EVERY_MS },
    work: createCarrying(deps),
  })
  const tell = createTelling(deps)
  const telling = startLoop({
    ...{ name: 'notices', log, periodMs: TELL_AT_LEAST_EVERY_MS },
    work: async () => {
      await tell()
      carrying.wake()
    },
  })
  const watching = startLoop({
    ...{ name: 'notices of clocks', log, periodMs: WATCH_EVERY_MS },
    work: createWatch(deps),
  })
  return {
    wake: () => telling.wake(TELL_WITHIN_MS),
    stop: async () => {
      await Promise.all([telling, carrying, watching].map((loop) => loop.stop()))
      for (const channel of channels.values()) channel.close()
    },
  }
}
