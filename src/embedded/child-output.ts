/**
 * output: what a child prints, appended to its log as it comes.
 * matched: the first line that says the child is in service.
 * last lines: the few that a fault quotes.
 */
import type { ChildProcess } from 'node:child_process'
import { closeSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'

export type Output = { matched: Promise<string>; closed: Promise<void>; lastLines: string[] }

/**
 * Watches both streams of a child; `log` is an open file, closed with the streams. One append per
 * chunk keeps the file in the order things were said.
 */
export const watchOutput = (input: {
  proc: ChildProcess
  log: number
  ready: RegExp | undefined
}): Output => {
  const lastLines: string[] = []
  let match: (line: string) => void = () => undefined
  const matched = new Promise<string>((resolve) => {
    match = resolve
  })
  if (input.ready === undefined) match('')
  for (const stream of [input.proc.stdout, input.proc.stderr]) {
    if (stream === null) continue
    const lines = new PassThrough()
    stream.on('data', (chunk: Buffer) => {
      writeSync(input.log, chunk)
      lines.write(chunk)
    })
    stream.once('close', () => lines.end())
    createInterface({ input: lines }).on('line', (line) => {
      lastLines.push(line)
      if (lastLines.length > 12) lastLines.shift()
      if (input.ready?.test(line)) match(line)
    })
  }
  const closed = new Promise<void>((resolve) => {
    input.proc.once('close', () => {
      closeSync(input.log)
      setImmediate(resolve)
    })
  })
  return { matched, closed, lastLines }
}
