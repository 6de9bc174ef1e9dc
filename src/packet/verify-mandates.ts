/** The mandates of a packet: who signed them is judged again at each use, so here their streams are read strictly. */
import type { RecordedMandateEvent } from '../domain/mandate-record.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import { MandateEvent } from '../domain/shapes/mandate-event.js'
import { parseAs } from '../domain/shapes/parse.js'
import { sideEntryFile } from './files.js'
import type { Sides } from './verify-sides.js'

export interface MandateEntry extends RecordedMandateEvent {
  /** Its index in the log. */
  readonly index: number
}
export type Mandates = ReadonlyMap<string, readonly MandateEntry[]>

export function verifyMandates(sides: Sides): {
  readonly mandates: Mandates
  readonly problems: readonly Refusal[]
} {
  const mandates = new Map<string, readonly MandateEntry[]>()
  const problems: Refusal[] = []
  for (const [stream, entries] of sides.entries) {
    if (!stream.startsWith('mandate:')) continue
    const mandateId = stream.slice('mandate:'.length)
    const read: MandateEntry[] = []
    for (const { stored, index } of entries) {
      const { entry } = stored
      const event = parseAs(MandateEvent)(entry.body)
      if (isRefusal(event) || event.mandateId !== mandateId)
        problems.push(refuse('EVIDENCE_TAMPERED', sideEntryFile(stream, entry.seq)))
      else read.push({ at: entry.at, event, index })
    }
    mandates.set(mandateId, read)
  }
  return { mandates, problems }
}
