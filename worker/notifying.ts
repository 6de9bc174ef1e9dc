/**
 * Telling people: one loop makes notices of what was recorded, another carries them over their channels. Nothing waits
 * for either. What cannot be carried is tried again with growing pauses, then given up, which is a finding.
 */
import type { Logger } from 'pino'
import { stepOf } from '../src/domain/case/case.js'
import { awaited } from '../src/domain/case/due.js'
import { noticesBeside } from '../src/domain/notices/beside.js'
import {
  logNotices,
  mandateDigests,
  NOBODY_ELSE,
  type People,
  peopleOf,
} from '../src/domain/notices/notice.js'
import { noticesOfCase } from '../src/domain/notices/of-case.js'
import { isRefusal, refuse } from '../src/domain/refusal.js'
import { CaseId } from '../src/domain/shapes/basic.js'
import type { NoticeSettings } from '../src/domain/shapes/channel.js'
import type { Notice } from '../src/domain/shapes/notice.js'
import { parseAs } from '../src/domain/shapes/parse.js'
import { nodeVerify } from '../src/keys/verify.js'
import { readEntry } from '../src/ledger/entry.js'
import { noticeCarried } from '../src/metrics/metrics.js'
import type { Carried, Channel } from '../src/notices/channel.js'
import { channelsFor } from '../src/notices/routes.js'
import type { AuthoritySource } from '../src/store/authority/authority.js'
import { wholeCase } from '../src/store/case/apply.js'
import { recordBeside } from '../src/store/case/cases.js'
import { logHealth } from '../src/store/case/queries.js'
import { type Db, now } from '../src/store/db.js'
import { isMissing, missingWords, witnessHealth } from '../src/store/log/witnesses.js'
import {
  addressOf,
  beginTelling,
  type Delivery,
  delayDelivery,
  endDelivery,
  keepNotices,
  takeDeliveries,
  type Untold,
  untold,
} from '../src/store/notices.js'
import { listMandates } from '../src/store/streams/mandates.js'

export interface Notifying {
  readonly db: Db
  readonly authority: AuthoritySource
  readonly settings: NoticeSettings
  readonly channels: ReadonlyMap<string, Channel>
  readonly log: Logger
}

/** What happened longer ago than this is told to nobody any more, ms. */
const STALE_MS = 7 * 86_400_000

/** Makes the notices of every entry that is new, and keeps them; the same entry again makes the same ones. */
export function createTelling(deps: Notifying): () => Promise<void> {
  const { db } = deps
  let begun = false
  return async () => {
    if (!begun) await beginTelling(db)
    begun = true
    for (;;) {
      const entries = await untold(db)
      if (entries.length === 0) return
      const at = await now(db)
      const people = await peopleNow(deps)
      const notices = (await noticesOf({ db, people }, entries)).filter(
        (notice) => Date.parse(at) - Date.parse(notice.at) < STALE_MS,
      )
      const index = entries.findLast((entry) => entry.index !== null)?.index ?? null
      await keep(deps, { notices, index })
      if (index === null) return
    }
  }
}

async function peopleNow({ db, authority }: Notifying): Promise<People> {
  const today = await authority.today(db, 'taking-away')
  return isRefusal(today) ? NOBODY_ELSE : peopleOf(today.authority)
}

const keep = (
  { db, settings }: Notifying,
  made: { readonly notices: readonly Notice[]; readonly index: string | null },
): Promise<void> =>
  keepNotices(db, {
    addressed: made.notices.map((notice) => ({ notice, channels: channelsFor(settings, notice) })),
    index: made.index,
  })

async function noticesOf(
  { db, people }: { readonly db: Db; readonly people: People },
  entries: readonly Untold[],
): Promise<readonly Notice[]> {
  const streams = new Set(entries.map(({ stream }) => stream))
  const made: Notice[] = []
  for (const stream of streams) {
    const own = entries.filter((entry) => entry.stream === stream)
    if (isRefusal(parseAs(CaseId)(stream))) made.push(...besideOf(own, people))
    else {
      const whole = await wholeCase(db, stream)
      // What does not read is a finding of others, and tells nobody anything.
      if (isRefusal(whole)) continue
      const after = Math.min(...own.map(({ seq }) => seq)) - 1
      made.push(...noticesOfCase({ caseId: stream, recorded: whole.recorded, after, people }))
    }
  }
  return made
}

const besideOf = (entries: readonly Untold[], people: People): readonly Notice[] =>
  entries.flatMap(({ stream, hash, bytes }) => {
    const stored = readEntry(new Uint8Array(bytes))
    if (isRefusal(stored)) return []
    const { at, body } = stored.entry
    return noticesBeside({ stream, hash, at, body }, people)
  })

/** Makes the notices that follow from clocks: of mandates once a week, of a log that is not signed or not witnessed. */
export function createWatch(deps: Notifying): () => Promise<void> {
  const { db, authority } = deps
  return async () => {
    const health = await logHealth(db)
    const missing = (await witnessHealth(db))
      .filter(isMissing)
      .map((one) => ({ ...one, words: missingWords(one) }))
    const mandates = await listMandates({ db, authority, verify: nodeVerify }, health.at)
    const notices = [
      ...logNotices({ ...health, missing }),
      ...mandates.flatMap((listed) => mandateDigests(listed, health.at)),
    ]
    await keep(deps, { notices, index: null })
  }
}

const LANES = 8

/** Carries everything that is due. */
export function createCarrying(deps: Notifying): () => Promise<void> {
  return async () => {
    for (;;) {
      const taken = await takeDeliveries(deps.db, LANES)
      await Promise.all(taken.map((delivery) => carryOne(deps, delivery)))
      if (taken.length < LANES) return
    }
  }
}

async function carryOne(deps: Notifying, delivery: Delivery): Promise<void> {
  const { db, channels, log } = deps
  const { notice, channel: name } = delivery
  if (await isMoot(db, notice))
    return void (await endDelivery(db, { ...delivery, state: 'moot', fault: null }))
  const channel = channels.get(name)
  const carried: Carried =
    channel === undefined
      ? { kind: 'failed', fault: 'no such channel any more', again: 'never' }
      : await channel.carry(notice, await addressFor(db, notice))
  if (carried.kind === 'sent') {
    log.info({ notice: notice.id, topic: notice.topic, to: notice.to, channel: name }, 'told')
    noticeCarried({ channel: name, outcome: 'sent' })
    await endDelivery(db, { ...delivery, state: 'sent', fault: null })
  } else await failed(deps, { delivery, carried })
}

const addressFor = (db: Db, { to }: Notice): Promise<string | null> | null =>
  to.startsWith('person:') ? addressOf(db, to.slice('person:'.length)) : null

async function failed(
  { db, settings, log }: Notifying,
  of: { readonly delivery: Delivery; readonly carried: Extract<Carried, { kind: 'failed' }> },
): Promise<void> {
  const { delivery, carried } = of
  const { notice, channel, attempts } = delivery
  const { fault } = carried
  const inMs = settings.retry[attempts - 1]
  log.warn({ notice: notice.id, topic: notice.topic, to: notice.to, channel, fault }, 'not told')
  const last = carried.again === 'never' || inMs === undefined
  noticeCarried({ channel, outcome: last ? 'given-up' : 'failed' })
  if (!last) return void (await delayDelivery(db, { ...delivery, fault, inMs }))
  await recordBeside(db, {
    subject: 'notices',
    refusal: givenUp({ channel, fault, at: await now(db) }),
  })
  await endDelivery(db, { ...delivery, state: 'given-up', fault })
}

/** One a day for each channel and fault, however many notices are lost. */
const givenUp = (of: { readonly channel: string; readonly fault: string; readonly at: string }) =>
  refuse(
    'NOTICE_UNDELIVERED',
    `/channels/${of.channel}`,
    `notices of ${of.at.slice(0, 10)} were given up: ${of.fault}`,
  )

/** A call to decide is moot when the gate is over, or the vote was given. */
async function isMoot(db: Db, { caseId, stepId, round, to, onBehalfOf }: Notice): Promise<boolean> {
  if (caseId === null || stepId === null || round === null) return false
  const whole = await wholeCase(db, caseId)
  if (isRefusal(whole)) return false
  const step = stepOf(whole.state, stepId)
  if (step === null || step.round !== round) return true
  const voter = onBehalfOf ?? to.slice('person:'.length)
  return !awaited(step, whole.at).some(({ persons }) => persons.includes(voter))
}
