/** The superuser of the evidence store at work: past every trigger and foreign key, and knowing how entries chain. */
import type pg from 'pg'
import { chain, checkChain, type StoredEntry } from '../../src/ledger/entry.js'
import { must } from './authority.js'
import { someSalt } from './salt.js'
import { waitUntil } from './wait.js'

type Dba = Pick<pg.Client, 'query'>
interface Body {
  readonly type: string
}

/** Once the log holds all that there is. */
export async function asSuperuser(dba: Dba, work: () => Promise<void>): Promise<void> {
  await waitUntil(async () => (await dba.query('select 1 from unsequenced')).rows.length === 0)
  await dba.query('begin')
  await dba.query('set local session_replication_role = replica')
  await work()
  await dba.query('commit')
}

export async function entriesOf(dba: Dba, stream: string): Promise<readonly StoredEntry[]> {
  const { rows } = await dba.query<{ bytes: Buffer }>(
    'select bytes from entries where stream = $1 order by seq',
    [stream],
  )
  const bytes = rows.map((row) => row.bytes)
  return must(checkChain(stream, bytes))
}

/** Writes the stream anew from its first entry, chained as it should be: only what it says is another. */
export async function rewrite(
  dba: Dba,
  { stream, change }: { readonly stream: string; readonly change: (body: Body) => Body },
): Promise<void> {
  const stored = await entriesOf(dba, stream)
  let head: StoredEntry['hash'] | null = null
  await asSuperuser(dba, async () => {
    for (const { entry } of stored) {
      const { seq, at, salt } = entry
      const bodies = [change(entry.body)]
      const [made] = chain({ stream, seq: seq - 1, head, at, salt: () => salt, bodies })
      if (made === undefined) throw new Error('nothing was chained')
      head = made.hash
      await dba.query('update entries set bytes = $3, hash = $4 where stream = $1 and seq = $2', [
        ...[stream, seq, Buffer.from(made.bytes), made.hash],
      ])
    }
    await dba.query('update streams set head = $2 where stream = $1', [stream, head])
  })
}

/** Cuts the end off a stream, so that it chains and its row agrees. */
export const trim = (
  dba: Dba,
  { stream, from }: { readonly stream: string; readonly from: number },
): Promise<void> =>
  asSuperuser(dba, async () => {
    await dba.query('delete from entries where stream = $1 and seq >= $2', [stream, from])
    await dba.query(
      `update streams set seq = $2, head = (select hash from entries where stream = $1 and seq = $2)
        where stream = $1`,
      [stream, from - 1],
    )
  })

/** Appends what no door lets through, as a role that is taken over can. */
export async function insert(
  dba: Dba,
  row: { readonly stream: string; readonly body: Body },
): Promise<void> {
  const { stream, body } = row
  const last = (await entriesOf(dba, stream)).at(-1)
  const at = new Date().toISOString()
  const seq = last?.entry.seq ?? 0
  const end = { stream, seq, head: last?.hash ?? null }
  const [made] = chain({ ...end, at, salt: someSalt, bodies: [body] })
  if (made === undefined) throw new Error('nothing was chained')
  await dba.query('insert into streams (stream) values ($1) on conflict do nothing', [stream])
  await dba.query('select append_entries($1, $2, $3, $4, $5)', [
    ...[stream, seq, [made.hash], [body.type], [Buffer.from(made.bytes)]],
  ])
}
