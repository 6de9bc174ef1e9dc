/**
 * What stands in a payload's place when it cannot be trusted to be ours: a value, never an exception, so
 * that a hostile payload cannot stop a workflow and the case can record the refusal instead.
 */
export const UNREADABLE_WHY = ['NOT_ENCRYPTED', 'KEY_UNKNOWN', 'TAMPERED', 'MALFORMED'] as const
export type UnreadableWhy = (typeof UNREADABLE_WHY)[number]

export interface Unreadable {
  readonly countersign: 'unreadable'
  readonly why: UnreadableWhy
}

export const unreadable = (why: UnreadableWhy): Unreadable => ({ countersign: 'unreadable', why })

/** Tests whether a decoded value stands for a payload that could not be read. Total. */
export const isUnreadable = (value: unknown): value is Unreadable =>
  typeof value === 'object' &&
  value !== null &&
  'countersign' in value &&
  value.countersign === 'unreadable'
