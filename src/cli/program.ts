/** How a program of the command line runs: a wrong word is one line on stderr, and every end has its exit code (outcome.ts). */
import { type Command, CommanderError } from 'commander'
import { EXIT, plain } from './session/outcome.js'

export const EXIT_CODES = 'Exit codes: 0 done, 1 refused, 2 wrong usage or configuration, 3 fault.'

/** Runs the program on the words of its caller; whatever happens, the process ends with one of the exit codes. */
export async function runProgram(program: Command, words: readonly string[]): Promise<void> {
  if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', ended)
  await strict(program)
    .parseAsync([...words], { from: 'user' })
    .catch(fail)
}

/** A reader that has read enough (`| head`) ends the command; nothing is wrong with it. */
function ended(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
  process.exit()
}

/** Afterwards a wrong word throws instead of ending the process. */
function strict(command: Command): Command {
  for (const each of command.commands) strict(each)
  return command.exitOverride().configureOutput({ outputError: oneLine(command) })
}

const oneLine =
  (command: Command) =>
  (text: string, write: (line: string) => void): void => {
    const said = text.trim().replace(/\s*\n\s*/g, ' ')
    write(`${plain(said)}; ${pathOf(command)} --help says more\n`)
  }

const pathOf = (command: Command): string =>
  command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`

/** One line for whoever called; the causes are in the logs of the processes. */
function fail(error: unknown): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage
    return
  }
  const name = error instanceof Error ? error.name : 'Fault'
  const usage = name === 'UsageFault' || name === 'ConfigFault' || name === 'KeyFileFault'
  process.exitCode = usage ? EXIT.usage : EXIT.fault
  const message = error instanceof Error ? error.message : 'something failed'
  process.stderr.write(`${plain(`countersign: ${message}`)}\n`)
}
