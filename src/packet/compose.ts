/**
 * compose: evidence -> the files of its packet. README, report and manifest follow from the rest, so
 * composing the same evidence again gives the same bytes; the verifier does so and compares.
 */
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { digestOf } from '../domain/bytes/digest.js'
import { attestedEnvelope, isAttested } from '../domain/case/attestation.js'
import type { Files } from './archive.js'
import {
  jsonFile,
  MANIFEST,
  type PacketManifest,
  README,
  REPORT,
  statementFile,
  TOOL,
} from './files.js'
import { readme } from './report/readme.js'
import { report } from './report/report.js'
import { show, type Told } from './told.js'

/** README and report, and what connectors attested as in-toto statements in DSSE envelopes, for other tools to read. */
export function composeReading(told: Told): Files {
  return new Map([
    [README, utf8ToBytes(readme(told))],
    [REPORT, utf8ToBytes(report(show(told)))],
    ...statementFiles(told),
  ])
}

const statementFiles = ({ caseId, recorded }: Told): readonly (readonly [string, Uint8Array])[] =>
  recorded.flatMap(({ event, seq }) => {
    const envelope = isAttested(event) ? attestedEnvelope(caseId, event) : null
    return envelope === null ? [] : [[statementFile(seq), jsonFile(envelope)] as const]
  })

/** The manifest's own statements, file hashes aside. `enterprise` is as the case's first entry says. */
export function summaryOf(told: Told): Omit<PacketManifest, 'files' | 'tool'> {
  const { state, opened } = show(told)
  return {
    v: 1,
    type: 'countersign-packet',
    caseId: told.caseId,
    enterprise: opened?.enterprise ?? '',
    generatedAt: told.recorded.at(-1)?.at ?? '',
    counts: {
      entries: told.recorded.length,
      decisions: Object.keys(state.decisions).length,
      refusals: state.refusals,
    },
    log: {
      first: told.indexes[0] ?? 0,
      last: told.indexes.at(-1) ?? 0,
      size: told.log.size,
    },
  }
}

/** All files of the packet: the evidence, what people read, and the manifest of both. */
export function compose(told: Told, evidence: Files): Files {
  const files = new Map([...evidence, ...composeReading(told)])
  const hashes = [...files].map(([name, bytes]) => [name, digestOf(bytes)] as const)
  const manifest: PacketManifest = {
    ...summaryOf(told),
    tool: TOOL,
    files: Object.fromEntries(hashes),
  }
  return files.set(MANIFEST, jsonFile(manifest))
}
