/** What processes said of themselves: each in its own stream, a start once for each run, and of its clock only after it. */
import { isRefusal } from '../domain/refusal.js'
import { parseAs } from '../domain/shapes/parse.js'
import { ProcessEvent } from '../domain/shapes/process-event.js'
import { type Found, tampered } from '../store/case/inspect.js'
import type { Streams } from './beside.js'

export function checkProcesses(streams: Streams): readonly Found[] {
  const found: Found[] = []
  for (const [stream, entries] of streams) {
    const [kind, process] = stream.split(':')
    if (kind !== 'process') continue
    const runs = new Set<string>()
    for (const { stored } of entries) {
      const { seq, body } = stored.entry
      const event = parseAs(ProcessEvent)(body)
      const wrong = isRefusal(event) ? 'no event of a process' : wrongIn(event, { process, runs })
      if (wrong !== null) found.push(tampered(stream, `/${seq}`, wrong))
    }
  }
  return found
}

function wrongIn(
  event: ProcessEvent,
  { process, runs }: { readonly process: string | undefined; readonly runs: Set<string> },
): string | null {
  const known = runs.has(event.instance)
  if (event.type === 'ClockLooked') return known ? null : 'of a run whose start is not recorded'
  runs.add(event.instance)
  if (known) return 'the run was started before'
  return event.process === process ? null : 'another process was started'
}
