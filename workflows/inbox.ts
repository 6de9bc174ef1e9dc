/**
 * The inbox: what arrived as signals and was not synced yet. Its handlers are total: they keep what came,
 * never judge it and never throw, so that nobody who can write to the namespace can stop a case.
 * UNTRUSTED: every item. What is too large or too much is replaced by a *marker* that sync refuses.
 */
import { setDefaultSignalHandler, setHandler } from '@temporalio/workflow'
import { bounded } from '../src/contract/bounded.js'
import { changedSignal, decideSignal } from '../src/contract/messages.js'

/** Items given to one sync; the rest waits for the next one. */
const MAX_BATCH = 100
/** Items held at all; what comes on top is counted. */
const MAX_HELD = 1000

export interface Inbox {
  /** Tests whether something came that was not synced. */
  readonly hasNews: () => boolean
  /** What came first of what is held; undefined when nothing is. */
  readonly first: () => unknown
  /** Takes that one. */
  readonly shift: () => void
  /** Takes what the next sync applies. */
  readonly take: () => readonly unknown[]
}

/** Registers the handlers; call it before anything is awaited. */
export function openInbox(): Inbox {
  const held: unknown[] = []
  let dropped = 0
  let changed = false
  const push = (item: unknown): void => {
    if (held.length >= MAX_HELD) dropped += 1
    else held.push(bounded(item))
  }
  setHandler(decideSignal, (...args: unknown[]) => push(args.length === 1 ? args[0] : { args }), {
    description:
      'A signed decision envelope. What counts is the signature, not the sender; anything else is recorded as refused.',
  })
  setHandler(
    changedSignal,
    () => {
      changed = true
    },
    { description: 'The ledger has news of this case: it is read again. Carries nothing.' },
  )
  setDefaultSignalHandler((name, ...args) => push({ signal: name.slice(0, 100), args }))
  return {
    hasNews: () => changed || held.length > 0 || dropped > 0,
    first: () => held[0],
    shift: () => void held.shift(),
    take: () => {
      changed = false
      const batch = held.splice(0, MAX_BATCH)
      if (held.length > 0 || dropped === 0) return batch
      const marker = { countersign: 'dropped', count: dropped }
      dropped = 0
      return [...batch, marker]
    },
  }
}
