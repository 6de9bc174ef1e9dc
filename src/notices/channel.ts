/** A *channel* carries one notice to one recipient, or says in a word why not. It is reached at configured addresses only. */
import type { Notice } from '../domain/shapes/notice.js'

/** `never`: trying again changes nothing. */
export type Carried =
  | { readonly kind: 'sent' }
  | { readonly kind: 'failed'; readonly fault: string; readonly again: 'later' | 'never' }

export interface Channel {
  /** `address`: of the person it is for; null for a partner, the operators, and whoever has none. Never throws. */
  readonly carry: (notice: Notice, address: string | null) => Promise<Carried>
  /** Whether it is there, in words, without telling anybody anything. Throws when it is not. */
  readonly look: () => Promise<string>
  readonly close: () => void
}

/** How long a channel may take to answer, ms. */
export const WITHIN_MS = 10_000

/** What of a fault may be kept: its code, never its words, which can quote an address. */
export const codeIn = (error: unknown): string => {
  const causes = [error, error instanceof Error ? error.cause : undefined]
  const codes = causes.flatMap((one) =>
    typeof one === 'object' && one !== null && 'code' in one ? [String(one.code)] : [],
  )
  if (error instanceof Error && error.name === 'TimeoutError') return 'no answer in time'
  return codes.find((code) => /^[A-Z][A-Z0-9_]{2,40}$/.test(code)) ?? 'cannot be reached'
}
