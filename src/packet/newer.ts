/**
 * What a newer release made, this one may not know how to judge. Then it says so in one line, with what it met first,
 * instead of listing everything that it does not know. UNTRUSTED: whoever made the archive says by what it was made; it is believed
 * only to say *no* in other words.
 */
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import { readArchive } from './archive.js'
import { MANIFEST, TOOL } from './files.js'

/** Names as any release may give them. */
const ANY_NAME = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/
/** Of manifests, by this release. */
const VERSION = 1

interface Problem {
  readonly code: string
  readonly where: string
}

/** Null unless the archive says that a newer release made it. */
export function newerThanThis(bytes: Uint8Array, first: Problem | undefined): Refusal | null {
  const files = readArchive({ bytes, allowed: ANY_NAME })
  const manifest = isRefusal(files) ? null : stated(files.get(MANIFEST))
  if (manifest === null || !isNewer(manifest)) return null
  const met = first === undefined ? '' : `: ${first.code} ${first.where}`.slice(0, 120)
  return refuse(
    'NEWER_VERSION',
    MANIFEST,
    `made by a newer version (${manifest.tool}) than this one (${TOOL}), which cannot judge it${met}`,
  )
}

export const isThisRelease = (tool: string): boolean => tool === TOOL

/** What people read in an archive of another release is in its words, and was not compared with this one's. */
export const noticeOf = (tool: string): readonly string[] =>
  isThisRelease(tool)
    ? []
    : [
        `What is written in it for people is in the words of ${tool} and was not compared; these are the words of ${TOOL}, from the evidence alone.`,
      ]

interface Stated {
  readonly tool: string
  readonly v: number
}

function stated(bytes: Uint8Array | undefined): Stated | null {
  try {
    const { tool, v } = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>
    const known = typeof tool === 'string' && /^countersign\/[0-9A-Za-z.+-]{1,40}$/.test(tool)
    return known && typeof v === 'number' ? { tool, v } : null
  } catch {
    return null
  }
}

const numbersOf = (tool: string): readonly number[] =>
  (tool.split('/')[1] ?? '')
    .split(/[-+]/, 1)
    .flatMap((version) => version.split('.'))
    .map((part) => Number(part) || 0)

function isNewer({ tool, v }: Stated): boolean {
  const own = numbersOf(TOOL)
  const theirs = numbersOf(tool)
  const at = own.findIndex((part, index) => part !== (theirs[index] ?? 0))
  return v > VERSION || (at >= 0 && (theirs[at] ?? 0) > (own[at] ?? 0))
}
