/** ran: one `countersign …` in this process; what it printed, and how it ended. */
import { PassThrough } from 'node:stream'
import { vi } from 'vitest'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Each answer is typed when a question stands at the end of what was printed; null: no terminal is attached. */
export async function ran(input: {
  readonly words: readonly string[]
  readonly answers: readonly string[] | null
}): Promise<Ran> {
  const said = { out: '', err: '' }
  const terminal = input.answers === null ? null : aTerminal(input.answers)
  const into = (where: keyof typeof said) => (text: unknown) => {
    said[where] += String(text)
    if (where === 'out') terminal?.printed(String(text))
    return true
  }
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(into('out')),
    vi.spyOn(process.stderr, 'write').mockImplementation(into('err')),
  ]
  const { argv, exitCode } = process
  process.argv = ['node', 'countersign', ...input.words]
  process.exitCode = 0
  try {
    vi.resetModules()
    await import('../../src/cli/main.js')
    return { code: Number(process.exitCode), ...said }
  } finally {
    process.argv = argv
    process.exitCode = exitCode
    terminal?.leave()
    for (const spy of spies) spy.mockRestore()
  }
}

/** Standard input and output as they are at a terminal. */
function aTerminal(answers: readonly string[]) {
  const rest = [...answers]
  const typed = new PassThrough()
  const input = Object.getOwnPropertyDescriptor(process, 'stdin')
  const isTTY = Object.getOwnPropertyDescriptor(process.stdout, 'isTTY')
  Object.defineProperty(process, 'stdin', {
    configurable: true,
    value: Object.assign(typed, { isTTY: true, setRawMode: () => typed }),
  })
  Object.defineProperty(process.stdout, 'isTTY', { configurable: true, value: true })
  return {
    printed: (text: string) => {
      const answer = /[:?\]] $/.test(text) ? rest.shift() : undefined
      if (answer !== undefined) setImmediate(() => typed.write(`${answer}\n`))
    },
    leave: () => {
      if (input !== undefined) Object.defineProperty(process, 'stdin', input)
      if (isTTY === undefined) Reflect.deleteProperty(process.stdout, 'isTTY')
      else Object.defineProperty(process.stdout, 'isTTY', isTTY)
    },
  }
}
