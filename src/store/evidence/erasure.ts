/**
 * Erasing a person: what the side store holds of them goes, for good. Entries and bundles hold opaque ids and
 * salted digests only, so the log, and packets that were exported before, stay as they were.
 */

import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { Decision } from '../../domain/shapes/envelope.js'
import { CaseEvent } from '../../domain/shapes/event.js'
import type { PersonErased } from '../../domain/shapes/ops-event.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { openEnvelope } from '../../domain/signed/envelope.js'
import { readEntry } from '../../ledger/entry.js'
import { append, lockEnd } from '../case/apply.js'
import { type Db, type Tx, transaction } from '../db.js'

const STREAM = 'ops'

/** Held shared while something of a person is kept, and exclusively while they are erased. */
const holdPerson = (tx: Tx, of: { personId: string; how: 'shared' | 'alone' }) =>
  tx.query(
    `select pg_advisory_xact_lock${of.how === 'shared' ? '_shared' : ''}(hashtextextended($1, 0))`,
    [`person:${of.personId}`],
  )

/** Afterwards nothing of this person is erased while `keep` runs; it does not run for whoever was erased before. */
export const keepUnlessErased = (
  db: Db,
  { personId, keep }: { readonly personId: string; readonly keep: (tx: Tx) => Promise<unknown> },
): Promise<void> =>
  transaction(db, async (tx) => {
    await holdPerson(tx, { personId, how: 'shared' })
    if (!(await isErased(tx, personId))) await keep(tx)
  })

async function isErased(tx: Tx, personId: string): Promise<boolean> {
  const { rowCount } = await tx.query('select 1 from erased_persons where person_id = $1', [
    personId,
  ])
  return rowCount !== 0
}

export type Erased = Pick<PersonErased, 'personId' | 'name' | 'reasons'>

/** Refuses PERSON_UNKNOWN for nobody. The same person again finds nothing, and is recorded once. */
export const erasePerson = (
  db: Db,
  of: Omit<PersonErased, 'type' | 'name' | 'reasons'> & { readonly registered: 'yes' | 'no' },
): Promise<Erased | Refusal> =>
  transaction(db, async (tx) => {
    const { registered, ...said } = of
    const { personId } = said
    await holdPerson(tx, { personId, how: 'alone' })
    if (await isErased(tx, personId)) return { personId, name: 'none', reasons: 0 }
    const named = await tx.query('delete from persons_side where person_id = $1', [personId])
    const digests = await reasonsBy(tx, personId)
    const reasons = await tx.query('delete from reasons_side where digest = any($1)', [digests])
    if (registered === 'no' && named.rowCount === 0 && digests.length === 0)
      return refuse('PERSON_UNKNOWN', '/personId', `${personId} is nobody here`)
    await tx.query('insert into erased_persons (person_id) values ($1)', [personId])
    const erased: Erased = {
      ...{ personId, name: named.rowCount === 0 ? 'none' : 'erased' },
      reasons: reasons.rowCount ?? 0,
    }
    const body: PersonErased = { type: 'PersonErased', ...said, ...erased }
    await append(tx, { locked: await lockEnd(tx, STREAM), bodies: [body] })
    return erased
  })

/** Digests of the reasons that this person signed, for themselves or as somebody's delegate. */
async function reasonsBy(tx: Tx, personId: string): Promise<readonly string[]> {
  const { rows } = await tx.query<{ bytes: Buffer }>(
    `select bytes from entries where type = 'DecisionAdmitted'
        and convert_from(bytes, 'UTF8')::jsonb #>> '{body,signedBy}' = $1`,
    [personId],
  )
  return reasonsIn(rows)
}

/** Digests of the reasons that these entries' decisions sign. */
export const reasonsIn = (rows: readonly { readonly bytes: Buffer }[]): readonly string[] =>
  rows.flatMap(({ bytes }) => {
    const stored = readEntry(new Uint8Array(bytes))
    const event = isRefusal(stored) ? stored : parseAs(CaseEvent)(stored.entry.body)
    if (isRefusal(event) || event.type !== 'DecisionAdmitted') return []
    const { envelope } = event
    const opened = openEnvelope({ envelope, kind: 'decision', parse: parseAs(Decision) })
    return isRefusal(opened) ? [] : (opened.payload.reasonDigest ?? [])
  })
