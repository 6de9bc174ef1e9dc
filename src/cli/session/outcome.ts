/**
 * How a command ends. *Exit codes*: 0 done, 1 refused, 2 wrong usage or configuration, 3 fault. What a script
 * reads is on stdout (text, or one JSON document with --json); the one line that says what went wrong, where, and what
 * to do next is on stderr. Text from elsewhere is shown without control characters, so that it cannot act on a terminal.
 */
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import { NEXT } from './next.js'

export const EXIT = { done: 0, refused: 1, usage: 2, fault: 3 } as const

/** The command cannot be carried out as it was given. Exit code 2. */
export class UsageFault extends Error {
  override readonly name = 'UsageFault'
}

/** C0, DEL and C1 controls, and those that turn the direction of text around. */
const CONTROLS = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0x200e, 0x200f],
  [0x202a, 0x202e],
  [0x2066, 0x2069],
] as const

const isControl = (character: string): boolean => {
  const code = character.codePointAt(0) ?? 0
  return CONTROLS.some(([first, last]) => first <= code && code <= last)
}

/** UNTRUSTED: text that others chose. Each control character becomes U+FFFD. */
export const plain = (text: string): string =>
  Array.from(text, (character) => (isControl(character) ? '\ufffd' : character)).join('')

export interface Show<T> {
  /** Present with --json. */
  readonly json?: boolean | undefined
  readonly show: (value: T) => readonly string[]
}

/** Prints the answer, or the refusal, and sets the exit code. */
export function finish<T>(answer: T | Refusal, { json, show }: Show<T>): void {
  if (isRefusal(answer)) refused(answer, json)
  else print(json === true ? [JSON.stringify(answer)] : show(answer))
}

/** Lines on stdout. A JSON document has no control characters outside its escapes. */
export const print = (lines: readonly string[]): void => {
  process.stdout.write(`${lines.map(plain).join('\n')}\n`)
}

export function refused(refusal: Refusal, json: boolean | undefined): void {
  process.exitCode = EXIT.refused
  const { refused: code, where, detail } = refusal
  if (json === true) process.stdout.write(`${JSON.stringify({ refused: code, where, detail })}\n`)
  process.stderr.write(`${plain(`refused ${code} at ${where || '/'}: ${detail}; ${NEXT[code]}`)}\n`)
}
