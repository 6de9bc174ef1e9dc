/**
 * What witnesses said of the log's signed heads, and how each of them does. Cosignatures are only ever added; a
 * witness that does not answer, or that refuses, stands here with its fault until it cosigns again.
 */
import { formatVkey } from '../../ledger/note-key.js'
import { isQuorum, type PolicyWitness, type WitnessPolicy } from '../../ledger/witness-policy.js'
import { type Db, prepared, transaction } from '../db.js'

/** A signed head without cosignatures. */
export interface Head {
  readonly size: number
  readonly note: string
}

/** SQL: the note of the signed head `c`, with the cosignatures that it has. */
export const COSIGNED_NOTE = `c.note || coalesce((select string_agg(g.line, '' order by g.witness)
                                 from cosignatures g where g.size = c.size), '')`

const vkeyOf = ({ key }: PolicyWitness): string => formatVkey(key, 'cosignature')

/** The newest head, and the largest tree that this witness cosigned; null while nothing has been signed. */
export async function headFor(
  db: Db,
  witness: PolicyWitness,
): Promise<(Head & { readonly cosigned: number }) | null> {
  const { rows } = await db.query<{ size: string; note: string; cosigned: string }>(
    prepared(
      `select size, note,
              (select coalesce(max(size), 0) from cosignatures where witness = $1) as cosigned
         from checkpoints order by size desc limit 1`,
      [vkeyOf(witness)],
    ),
  )
  const [row] = rows
  if (row === undefined) return null
  return { size: Number(row.size), note: row.note, cosigned: Number(row.cosigned) }
}

/** Keeps a verified cosignature; with the last one that the quorum needs, the head counts as witnessed and waiters hear of it. */
export async function keepCosignature(
  db: Db,
  input: {
    readonly size: number
    readonly witness: PolicyWitness
    readonly line: string
    readonly policy: WitnessPolicy
  },
): Promise<void> {
  const { size, witness, line, policy } = input
  await transaction(db, async (tx) => {
    // Two witnesses that answer at once must see each other, or neither completes the quorum.
    await tx.query('select pg_advisory_xact_lock(7215302)')
    await tx.query(
      `insert into witnesses (witness, name, size, cosigned_at) values ($1, $2, $3, clock_timestamp())
         on conflict (witness) do update set name = excluded.name, size = greatest(witnesses.size, excluded.size),
           cosigned_at = excluded.cosigned_at, fault = null, failing_since = null`,
      [vkeyOf(witness), witness.name, size],
    )
    await tx.query('insert into cosignatures values ($1, $2, $3) on conflict do nothing', [
      ...[size, vkeyOf(witness), line],
    ])
    const { rows } = await tx.query<{ witness: string }>(
      'select witness from cosignatures where size = $1',
      [size],
    )
    const keys = new Set(rows.map((row) => row.witness))
    const names = policy.witnesses.filter((each) => keys.has(vkeyOf(each))).map(({ name }) => name)
    if (!isQuorum(policy.quorum, new Set(names))) return
    await tx.query('insert into quorums values ($1) on conflict do nothing', [size])
    await tx.query("select pg_notify('checkpoint', '')")
  })
}

/** Says why a witness did not cosign, and since when it does not. */
export const keepFault = (
  db: Db,
  input: { readonly witness: PolicyWitness; readonly fault: string },
) =>
  db.query(
    `insert into witnesses (witness, name, fault, failing_since) values ($1, $2, $3, clock_timestamp())
       on conflict (witness) do update set name = excluded.name, fault = excluded.fault,
         failing_since = coalesce(witnesses.failing_since, excluded.failing_since)`,
    [vkeyOf(input.witness), input.witness.name, input.fault.slice(0, 300)],
  )

/** Afterwards the store names the witnesses of this policy and no others. */
export async function keepPolicy(db: Db, { witnesses }: WitnessPolicy): Promise<void> {
  const keys = witnesses.map(vkeyOf)
  await db.query('delete from witnesses where not (witness = any($1))', [keys])
  await db.query(
    `insert into witnesses (witness, name) select * from unnest($1::text[], $2::text[])
       on conflict (witness) do update set name = excluded.name`,
    [keys, witnesses.map(({ name }) => name)],
  )
}

export interface WitnessHealth {
  readonly name: string
  /** Of the largest tree that it cosigned. */
  readonly size: number
  /** Ms since the oldest signed head that it did not cosign, nor a larger one; 0 when there is none. */
  readonly lateMs: number
  readonly fault: string | null
}

/** A head may be this old before a witness that has not cosigned it counts as missing, ms. */
const MISSING_MS = 30_000

export const isMissing = ({ lateMs, fault }: WitnessHealth): boolean =>
  lateMs > MISSING_MS || fault !== null

/** Whether anybody is asked to witness this log. */
export async function isWitnessed(db: Db): Promise<boolean> {
  const { rowCount } = await db.query('select 1 from witnesses limit 1')
  return (rowCount ?? 0) > 0
}

/** By name; empty when the log is single-party. */
export async function witnessHealth(db: Db): Promise<readonly WitnessHealth[]> {
  const { rows } = await db.query<{
    name: string
    size: string
    late: string
    fault: string | null
  }>(
    `select w.name, w.size, w.fault,
            coalesce((select extract(epoch from clock_timestamp() - c.at) * 1000 from checkpoints c
                       where c.size > w.size order by c.size limit 1), 0)::bigint as late
       from witnesses w order by w.name`,
  )
  return rows.map(({ name, size, late, fault }) => ({
    ...{ name, size: Number(size), lateMs: Number(late), fault },
  }))
}

/** One line for people: who it is, and what is wrong. */
export const missingWords = ({ name, size, lateMs, fault }: WitnessHealth): string =>
  `witness ${name} is missing: it cosigned ${size} entries, and nothing for ${Math.round(lateMs / 1000)} s${fault === null ? '' : `; ${fault}`}`
