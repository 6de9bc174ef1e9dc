/**
 * Holds and purges, judged again: each hold under an officer's signature, and each case that was let go as its rules let
 * it and no hold kept it at that moment; and nothing of it is left beside its entries.
 */

import { canonical } from '../domain/bytes/digest.js'
import { judgeHold, letGo, standingHolds } from '../domain/policy/retention.js'
import { isRefusal, type Refusal } from '../domain/refusal.js'
import {
  CasesPurged,
  HoldPlaced,
  HoldReleased,
  type PurgedCase,
} from '../domain/shapes/ops-event.js'
import { parseAs } from '../domain/shapes/parse.js'
import type { Pack } from '../domain/shapes/policy.js'
import { readRecorded } from '../packet/told.js'
import type { Believing, SideEntry } from '../packet/verify/verify-sides.js'
import { type Found, tampered } from '../store/case/inspect.js'
import type { Tx } from '../store/db.js'
import { keptBeside } from '../store/evidence/retention.js'
import { readStream } from './streams.js'

const OPS = 'ops'

export interface RetentionChecked {
  readonly purged: number
  readonly found: readonly Found[]
}

export async function checkRetention(
  tx: Tx,
  of: Believing & { readonly entries: readonly SideEntry[] },
): Promise<RetentionChecked> {
  const holds: (HoldPlaced | HoldReleased)[] = []
  const found: Found[] = []
  const purged: string[] = []
  for (const { stored } of of.entries) {
    const { at, seq, body } = stored.entry
    const hold = readHold(body)
    const gone = parseAs(CasesPurged)(body)
    if (!isRefusal(hold)) {
      holds.push(hold)
      if (!isSigned({ ...of, hold, at }))
        found.push(tampered(OPS, `/${seq}`, 'no officer signed this hold'))
    } else if (!isRefusal(gone)) {
      purged.push(...gone.cases.map(({ caseId }) => caseId))
      const standing = standingHolds(holds)
      const wrong = await wrongIn(tx, { ...of, gone, at, holds: standing })
      found.push(...wrong.map((detail) => tampered(OPS, `/${seq}`, detail)))
    }
  }
  return { purged: purged.length, found: [...found, ...(await leftOf(tx, purged))] }
}

function readHold(body: unknown): HoldPlaced | HoldReleased | Refusal {
  const placed = parseAs(HoldPlaced)(body)
  return isRefusal(placed) ? parseAs(HoldReleased)(body) : placed
}

/** By an officer, under the authority that the entry names, and the signature says what the entry does. */
function isSigned({
  hold,
  at,
  believed,
  verify,
}: Believing & { readonly hold: HoldPlaced | HoldReleased; readonly at: string }): boolean {
  const { envelope } = hold
  const authority = believed.named(hold.authority, at)
  const signed = isRefusal(authority) ? authority : judgeHold({ envelope, authority, verify, at })
  if (isRefusal(signed) || signed.holdId !== hold.holdId) return false
  if (hold.type === 'HoldReleased') return signed.act === 'release'
  return signed.act === 'place' && canonical(signed.scope) === canonical(hold.scope)
}

interface Purged extends Believing {
  readonly gone: CasesPurged
  readonly at: string
  readonly holds: ReturnType<typeof standingHolds>
}

async function wrongIn(tx: Tx, of: Purged): Promise<readonly string[]> {
  const { gone, at, believed } = of
  const authority = believed.named(gone.authority, at)
  if (isRefusal(authority)) return ['purged under an authority that is not believed']
  if (!authority.persons.get(gone.by)?.duties.includes('officer')) return ['no officer purged']
  const loaded = believed.packOf(authority, at)
  if (isRefusal(loaded) || loaded.hash !== gone.pack)
    return ['purged by a pack that was not in force']
  const wrong: string[] = []
  for (const one of gone.cases) {
    const again = await letGoAgain(tx, { ...of, pack: loaded.pack, one })
    if (again !== null) wrong.push(`${one.caseId}: ${again}`)
  }
  return wrong
}

/** Null when it was let go as the entry says. */
async function letGoAgain(
  tx: Tx,
  { pack, one, holds, at }: Purged & { readonly pack: Pack; readonly one: PurgedCase },
): Promise<string | null> {
  const { entries } = await readStream(tx, one.caseId)
  const recorded = entries.map(({ stored }) => readRecorded(stored))
  const events = recorded.flatMap((item) => (isRefusal(item) ? [] : [item]))
  const opened = events[0]?.event
  const closed = events.find(({ event }) => event.type === 'CaseClosed')
  if (opened?.type !== 'CaseOpened') return 'there is no such case'
  const again = letGo({ opened, closed: closed ?? null, pack, holds, at })
  if (isRefusal(again)) return again.detail
  return canonical(again) === canonical(one) ? null : 'its rules say something else'
}

async function leftOf(tx: Tx, purged: readonly string[]): Promise<readonly Found[]> {
  if (purged.length === 0) return []
  const { reasons, documents } = await keptBeside(tx, purged)
  const { rows } = await tx.query<{ left: string }>(
    `select 'reason ' || digest as left from reasons_side where digest = any($1)
     union all select 'document ' || digest from documents_side where digest = any($2)
     union all select 'delivery of ' || s.grant_id from sealed s join grants g on g.grant_id = s.grant_id
                where g.case_id = any($3)`,
    [reasons, documents, purged],
  )
  return rows.map(({ left }) => tampered(OPS, '/purged', `${left} is there, but was let go`))
}
