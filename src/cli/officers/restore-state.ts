/** What happened to the log, for people: what the signer remembers, what the store has, what connectors saw, and what comes next. */
import { toBase64 } from '../../domain/bytes/base64.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import type { Root, Trust } from '../../domain/shapes/authority.js'
import type { TargetsReconciled } from '../../domain/shapes/ops-event.js'
import { nodeVerify } from '../../keys/verify.js'
import { followedLog, gapWords } from '../../ledger/successor-log.js'
import { authoritySource } from '../../store/authority/authority.js'
import type { Db } from '../../store/db.js'
import {
  type Compared,
  compareHead,
  type HighWater,
  markIn,
  storedHead,
} from '../../store/log/high-water.js'
import { logRefused } from '../../store/log/log-refused.js'
import { reconciledAt } from '../../store/log/lost.js'
import { openedLogs } from '../../store/log/successors.js'

export interface LogState {
  /** The log as the root and its officers' statements name it. */
  readonly log: Root['log']
  readonly stored: { readonly size: number; readonly root: string }
  /** Null where no mark was given and the keeper says nothing. */
  readonly compared: Compared | null
  readonly gaps: readonly string[]
  /** Whether the store holds a statement that this one follows another log, not signed under yet. */
  readonly reconciled: readonly TargetsReconciled[]
}

/** Of the store as it is; the signer's mark is its file, if one was given. */
export async function logState(
  db: Db,
  by: { readonly trust: Trust; readonly highWater: HighWater | null },
): Promise<LogState | Refusal> {
  const source = authoritySource({ trust: by.trust, verify: nodeVerify })
  const today = await source.today(db, 'taking-away')
  if (isRefusal(today)) return today
  const { authority } = today
  const opened = await openedLogs(db, { trust: by.trust, verify: nodeVerify })
  if (isRefusal(opened)) return opened
  const log = followedLog(
    authority.root,
    opened.map(({ successor }) => successor),
  )
  const { size, root } = await storedHead(db)
  const marked = by.highWater === null ? null : markIn(log.origin, { mark: by.highWater, opened })
  return {
    log,
    stored: { size, root: toBase64(root) },
    compared: await comparedBy(db, { marked, size, root }),
    gaps: opened.map(({ successor }) => gapWords(successor)),
    reconciled: await reconciledAt(db, {
      ...{ authority, verify: nodeVerify },
      log: { origin: log.origin, size },
    }),
  }
}

async function comparedBy(
  db: Db,
  of: {
    readonly marked: ReturnType<typeof markIn> | null
    readonly size: number
    readonly root: Uint8Array
  },
): Promise<Compared | null> {
  const { marked, size, root } = of
  if (marked === null) {
    const refused = await logRefused(db)
    return refused === null
      ? null
      : { store: 'lost', words: `${refused.words}; said by the keeper since ${refused.since}` }
  }
  if ('words' in marked) return { store: 'other', words: marked.words }
  return compareHead(db, { mark: marked.mark, size, root })
}

export const showState = (state: LogState): readonly string[] => [
  happened(state),
  ...state.gaps,
  ...state.reconciled.flatMap(showReconciled),
  ...next(state),
]

function happened({ log, stored, compared }: LogState): string {
  if (compared === null)
    return `unknown: ${log.origin} has ${stored.size} entries; give --high-water, the file of its signer, to know whether that is all`
  if (compared.store === 'whole')
    return `whole: ${log.origin} has ${stored.size} entries, and all that were signed`
  return `${compared.store}: ${log.origin}: ${compared.words}`
}

export const showReconciled = (of: TargetsReconciled): readonly string[] => [
  `looked at ${of.systems.join(', ') || 'no system'}: ${of.unknown.length} identities with something that the store does not know`,
  ...of.unknown.map(({ identityId, detail }) => `  ${identityId}: ${detail}`),
  ...of.shorter.map(
    ({ stream, had, has }) => `  ${stream} had ${had.seq} entries and has ${has?.seq ?? 0}`,
  ),
  ...(of.newerAuthority === null
    ? []
    : [`  authority version ${of.newerAuthority.version} was in force: ${of.newerAuthority.hash}`]),
]

function next({ compared, reconciled }: LogState): readonly string[] {
  if (compared?.store === 'other')
    return ['next: restore a backup of this log; stop and cut work meanwhile']
  if (compared?.store !== 'lost') return []
  return reconciled.length === 0
    ? ['next: countersign restore reconcile, where the connector runs; stop and cut work meanwhile']
    : ['next: stop what is named above; then countersign restore draft, sign (two officers), open']
}
