/** A process's log as its lines, for tests that read what would stand on stderr. */
import pino, { type Logger } from 'pino'

export interface LoggedLine {
  readonly level: number
  readonly msg: string
  readonly loop?: string
  readonly fork?: string
}

export const loggedTo = (lines: LoggedLine[]): Logger =>
  pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line) as LoggedLine) })
