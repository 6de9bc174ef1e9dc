/** The containments in the packet of an incident: who signed in them says who responded. */
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { CaseEvent } from '../../domain/shapes/event.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { sideEntryFile } from '../files.js'
import type { Sides } from './verify-sides.js'

/** The events of one containment, with where each stands in the log. */
export type Contained = readonly { readonly index: number; readonly event: CaseEvent }[]

export function readContainments(sides: Pick<Sides, 'entries'>): {
  readonly containments: readonly Contained[]
  readonly problems: readonly Refusal[]
} {
  const problems: Refusal[] = []
  const containments = [...sides.entries]
    .filter(([stream]) => stream.startsWith('contain:'))
    .map(([stream, entries]) =>
      entries.flatMap(({ stored, index }) => {
        const event = parseAs(CaseEvent)(stored.entry.body)
        if (!isRefusal(event)) return [{ index, event }]
        problems.push(refuse('EVIDENCE_TAMPERED', sideEntryFile(stream, stored.entry.seq)))
        return []
      }),
    )
  return { containments, problems }
}
