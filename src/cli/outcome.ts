/**
 * How a command ends. *Exit codes*: 0 done, 1 refused, 2 wrong usage or configuration, 3 fault. What a script
 * reads is on stdout (text, or one JSON document with --json); the one line that says what went wrong is on
 * stderr. Text from elsewhere is shown without control characters, so that it cannot act on a terminal.
 */
import { isRefusal, type Refusal } from '../domain/refusal.js'

export const EXIT = { done: 0, refused: 1, usage: 2, fault: 3 } as const

/** The command cannot be carried out as it was given. Exit code 2. */
export class UsageFault extends Error {
  override readonly name = 'UsageFault'
}

/** UNTRUSTED: text that others chose. C0, DEL, C1 and the bidirectional controls become U+FFFD. */
export const plain = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')

export interface Show<T> {
  /** Present with --json. */
  readonly json?: boolean | undefined
  readonly show: (value: T) => readonly string[]
}

/** Prints the answer, or the refusal, and sets the exit code. */
export function finish<T>(answer: T | Refusal, { json, show }: Show<T>): void {
  if (isRefusal(answer)) return refused(answer, json)
  const lines = json === true ? [JSON.stringify(answer)] : show(answer).map(plain)
  process.stdout.write(`${lines.join('\n')}\n`)
}

export function refused(refusal: Refusal, json: boolean | undefined): void {
  process.exitCode = EXIT.refused
  const { refused: code, where, detail } = refusal
  if (json === true) process.stdout.write(`${JSON.stringify({ refused: code, where, detail })}\n`)
  process.stderr.write(`${plain(`refused ${code} at ${where || '/'}: ${detail}`)}\n`)
}
