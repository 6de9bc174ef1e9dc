/**
 * Notices on their way. They are made from the log by a cursor, and from what the log does not hold yet, so that nobody
 * waits for a signer; made again they are the same, and are kept once. A delivery is taken before it is made: whoever
 * dies in between makes it once more.
 */
import type { Notice } from '../domain/shapes/notice.js'
import { type Db, prepared, type Tx, transaction } from './db.js'

export interface Untold {
  /** Its place in the log; null while the log does not hold it. */
  readonly index: string | null
  readonly stream: string
  readonly seq: number
  readonly hash: string
  readonly bytes: Buffer
}

const AT_ONCE = 500

/** The first time it begins with what happens from now on. */
export const beginTelling = (db: Db) =>
  db.query(
    'insert into notice_cursor (index) select coalesce(max(index), -1) from leaves on conflict do nothing',
  )

/** Entries whose notices may not have been made, in the order of the log. One statement: none falls between the log and what it does not hold. */
export async function untold(db: Db): Promise<readonly Untold[]> {
  const { rows } = await db.query<Untold>(
    prepared(
      `(select l.index::text, e.stream, e.seq, e.hash, e.bytes
          from leaves l join entries e using (hash)
         where l.index > (select index from notice_cursor) order by l.index limit $1)
       union all
       (select null, e.stream, e.seq, e.hash, e.bytes
          from unsequenced u join entries e using (hash) order by u.id desc limit $1)`,
      [AT_ONCE],
    ),
  )
  return rows
}

/** Which channels each goes over; with none it is kept all the same, and goes nowhere. */
export interface Addressed {
  readonly notice: Notice
  readonly channels: readonly string[]
}

/** Keeps what is new of them, and moves the cursor, together. */
export const keepNotices = (
  db: Db,
  { addressed, index }: { readonly addressed: readonly Addressed[]; readonly index: string | null },
): Promise<void> =>
  transaction(db, async (tx) => {
    if (addressed.length > 0) await insert(tx, addressed)
    if (index !== null)
      await tx.query('update notice_cursor set index = greatest(index, $1::bigint)', [index])
  })

const insert = (tx: Tx, addressed: readonly Addressed[]) =>
  tx.query(
    prepared(
      `with given as (
         select value -> 'notice' as body, value -> 'channels' as channels
           from jsonb_array_elements($1::jsonb)),
       kept as (
         insert into notices (id, recipient, case_id, not_before, body)
           select body ->> 'id', body ->> 'to', body ->> 'caseId', (body ->> 'from')::timestamptz, body
             from given on conflict do nothing returning id)
       insert into notice_deliveries (notice_id, channel, not_before)
         select id, channel, (body ->> 'from')::timestamptz
           from given join kept on kept.id = body ->> 'id', jsonb_array_elements_text(channels) channel`,
      [JSON.stringify(addressed)],
    ),
  )

export interface Delivery {
  readonly notice: Notice
  readonly channel: string
  /** With this one. */
  readonly attempts: number
}

/** Within this long a delivery that was taken ends, or is made again, ms. */
const TAKEN_FOR_MS = 60_000

export async function takeDeliveries(db: Db, limit: number): Promise<readonly Delivery[]> {
  const { rows } = await db.query<Delivery>(
    prepared(
      `update notice_deliveries d
          set attempts = attempts + 1, not_before = clock_timestamp() + $2 * interval '1 millisecond'
         from notices n
        where n.id = d.notice_id and (d.notice_id, d.channel) in (
          select notice_id, channel from notice_deliveries
           where state = 'queued' and not_before <= clock_timestamp()
           order by not_before limit $1 for update skip locked)
        returning n.body as notice, d.channel, d.attempts`,
      [limit, TAKEN_FOR_MS],
    ),
  )
  return rows
}

type Delivered = Pick<Delivery, 'notice' | 'channel'>

/** `fault`: in a word, without anything of the answer. */
export const endDelivery = (
  db: Db,
  of: Delivered & { readonly state: 'sent' | 'moot' | 'given-up'; readonly fault: string | null },
) =>
  db.query(
    `update notice_deliveries set state = $3, fault = $4, done_at = clock_timestamp()
      where notice_id = $1 and channel = $2`,
    [of.notice.id, of.channel, of.state, of.fault],
  )

export const delayDelivery = (
  db: Db,
  of: Delivered & { readonly fault: string; readonly inMs: number },
) =>
  db.query(
    `update notice_deliveries
        set fault = $3, not_before = clock_timestamp() + $4 * interval '1 millisecond'
      where notice_id = $1 and channel = $2`,
    [of.notice.id, of.channel, of.fault, of.inMs],
  )

/** Where a person is reached; null for nobody, and for whoever was erased. */
export async function addressOf(db: Db, personId: string): Promise<string | null> {
  const { rows } = await db.query<{ address: string }>(
    'select address from persons_side where person_id = $1',
    [personId],
  )
  return rows[0]?.address || null
}

export interface ToldOf {
  readonly topic: string
  readonly to: string
  readonly at: string
  /** Null where no route leads to anybody. */
  readonly channel: string | null
  readonly state: 'queued' | 'sent' | 'moot' | 'given-up' | 'no-channel'
  readonly attempts: number
  readonly fault: string | null
}

/** What was told of a case, newest last. */
export async function toldOf(db: Db, caseId: string): Promise<readonly ToldOf[]> {
  const { rows } = await db.query<ToldOf>(
    `select n.body ->> 'topic' as topic, n.recipient as to, n.body ->> 'from' as at, d.channel,
            coalesce(d.state, 'no-channel') as state, coalesce(d.attempts, 0) as attempts, d.fault
       from notices n left join notice_deliveries d on d.notice_id = n.id
      where n.case_id = $1 order by n.not_before, n.recipient, d.channel limit 200`,
    [caseId],
  )
  return rows
}

/** Of the last day: how many notices were given up, and which recipients no route leads to. */
export async function noticeHealth(
  db: Db,
): Promise<{ readonly givenUp: number; readonly nowhere: readonly string[] }> {
  const { rows } = await db.query<{ given_up: number; nowhere: string[] }>(
    `select (select count(*)::int from notice_deliveries
              where state = 'given-up' and done_at > clock_timestamp() - interval '1 day') as given_up,
            array(select distinct recipient from notices n
                   where not_before > clock_timestamp() - interval '1 day'
                     and not exists (select 1 from notice_deliveries d where d.notice_id = n.id)
                   order by recipient limit 20) as nowhere`,
  )
  return { givenUp: rows[0]?.given_up ?? 0, nowhere: rows[0]?.nowhere ?? [] }
}
