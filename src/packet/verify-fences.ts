/** The fences of a packet: whole streams, proved like the case, each raised by a signature judged again. */

import { canonical } from '../domain/digest.js'
import type { Verify } from '../domain/envelope.js'
import { judgeFence } from '../domain/fence.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import { Envelope } from '../domain/shapes/envelope.js'
import { parseAs } from '../domain/shapes/parse.js'
import type { OpenedCheckpoint } from '../ledger/checkpoint.js'
import type { StoredEntry } from '../ledger/entry.js'
import type { Files } from './archive.js'
import type { Believed } from './bundles.js'
import { fenceEntryFile, fenceFolder, fenceProofFile } from './files.js'
import type { RaisedFence } from './reproduce.js'
import { verifyStream } from './verify-entries.js'

export interface FenceFiles {
  readonly files: Files
  readonly checkpoint: OpenedCheckpoint['checkpoint']
  readonly believed: Believed
  readonly verify: Verify
}

const FOLDER = /^fences\/(partner|system|identity)\/([^/]+)\//

export function verifyFences(input: FenceFiles): {
  readonly fences: readonly RaisedFence[]
  readonly problems: readonly Refusal[]
} {
  const names = [...input.files.keys()]
  const streams = new Set(
    names.flatMap((name) => {
      const [, kind, id] = FOLDER.exec(name) ?? []
      return kind === undefined ? [] : [`fence:${kind}:${id}`]
    }),
  )
  const fences: RaisedFence[] = []
  const problems: Refusal[] = []
  for (const stream of streams) {
    const folder = fenceFolder(stream)
    const verified = verifyStream({
      ...input,
      stream,
      entryFile: (seq) => fenceEntryFile(stream, seq),
      proofFile: (seq) => fenceProofFile(stream, seq),
      count: names.filter((name) => name.startsWith(folder) && name.endsWith('.json')).length,
    })
    problems.push(...verified.problems)
    for (const [place, stored] of verified.entries.entries()) {
      const fence = raisedBy(input, stored)
      if (isRefusal(fence)) problems.push(fence)
      else fences.push({ fence, index: verified.indexes[place] ?? -1 })
    }
  }
  return { fences, problems }
}

/** Afterwards the entry says exactly what an owner or duty person signed at its time. */
function raisedBy({ believed, verify }: FenceFiles, stored: StoredEntry) {
  const { body, at, stream, seq } = stored.entry
  const where = fenceEntryFile(stream, seq)
  const { type, envelope: sent, ...said } = body
  const envelope = parseAs(Envelope)(sent)
  if (type !== 'Fenced' || isRefusal(envelope)) return refuse('EVIDENCE_TAMPERED', where)
  let first = refuse('AUTHORITY_INVALID', where, 'no bundle was in force at this time')
  for (const authority of believed.inForce(at)) {
    const fence = judgeFence({ envelope, authority, verify, at })
    if (isRefusal(fence)) {
      first = refuse(fence.refused, where, `${fence.where}: ${fence.detail}`)
      continue
    }
    const { type: _, ...signed } = fence
    const { kind, id } = fence.scope
    return canonical(signed) === canonical(said) && stream === `fence:${kind}:${id}`
      ? fence
      : refuse('JUDGEMENT_DIFFERS', where, 'the entry says something else than was signed')
  }
  return first
}
