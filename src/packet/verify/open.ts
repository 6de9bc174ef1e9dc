/**
 * openPacket: bytes -> the files of a packet, each of the hash that the manifest states, none missing and
 * none extra, read into their shapes. Nothing here says that the evidence is true; it says what it is.
 */
import { bundleHash } from '../../domain/authority/authority-as-of.js'
import { type Digest, digestOf } from '../../domain/bytes/digest.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { AuthorityBundle } from '../../domain/shapes/authority.js'
import type { PackFiles } from '../../packs/load.js'
import { type Files, readArchive } from '../archive.js'
import {
  authorityFile,
  MANIFEST,
  NAMES,
  Names,
  PACKET_NAME,
  PacketManifest,
  padded,
  REASONS,
  Reasons,
  readJson,
} from '../files.js'

export interface Packet {
  readonly files: Files
  readonly manifest: PacketManifest
  readonly bundles: ReadonlyMap<Digest, AuthorityBundle>
  readonly packs: ReadonlyMap<Digest, PackFiles>
  readonly reasons: Reasons
  readonly names: Names
}

/** UNTRUSTED: the bytes are of any origin. All problems that keep the files from being read, each naming its file. */
export function openPacket(bytes: Uint8Array): Packet | readonly Refusal[] {
  const files = readArchive({ bytes, allowed: PACKET_NAME })
  return isRefusal(files) ? [files] : openFiles(files)
}

/** UNTRUSTED: files, each of a name that a packet may have. */
export function openFiles(files: Files): Packet | readonly Refusal[] {
  const manifest = readJson(PacketManifest, { name: MANIFEST, bytes: files.get(MANIFEST) })
  if (isRefusal(manifest)) return [manifest]
  const unlisted = [...listingProblems(files, manifest), ...strayProblems(files)]
  if (unlisted.length > 0) return unlisted
  const reasons = readJson(Reasons, { name: REASONS, bytes: files.get(REASONS) })
  if (isRefusal(reasons)) return [reasons]
  const names = readJson(Names, { name: NAMES, bytes: files.get(NAMES) })
  if (isRefusal(names)) return [names]
  const packs = readPacks(files)
  if (isRefusal(packs)) return [packs]
  const bundles = readBundles(files)
  return isRefusal(bundles) ? [bundles] : { files, manifest, bundles, packs, reasons, names }
}

/** Afterwards the manifest lists exactly the other files, by the SHA-256 of their bytes. */
export function listingProblems(
  files: Files,
  manifest: Pick<PacketManifest, 'files'>,
): readonly Refusal[] {
  const altered = [...files].flatMap(([name, bytes]) => {
    if (name === MANIFEST) return []
    const stated = Object.hasOwn(manifest.files, name) ? manifest.files[name] : undefined
    if (stated === undefined) return [refuse('PACKET_INVALID', name, 'not listed in the manifest')]
    return stated === digestOf(bytes)
      ? []
      : [refuse('PACKET_INVALID', name, 'not the bytes that the manifest lists')]
  })
  const missing = Object.keys(manifest.files).filter((name) => !files.has(name))
  return [
    ...altered,
    ...missing.map((name) => refuse('PACKET_INVALID', name, 'listed, but missing')),
  ]
}

const strayProblems = (files: Files): readonly Refusal[] =>
  [...files.keys()]
    .filter((name) => isStray(files, name))
    .map((name) => refuse('PACKET_INVALID', name, 'it belongs to no entry'))

const NUMBERED = /^(.+)\/([0-9]{4,9})\.(?:json|tlog-proof)$/

/** A number in another spelling, or what belongs to no entry; streams, and so entries, begin at one. */
function isStray(files: Files, name: string): boolean {
  const [, folder, digits] = NUMBERED.exec(name) ?? []
  if (folder === undefined || digits === undefined) return false
  if (Number(digits) === 0 || padded(Number(digits)) !== digits) return true
  const isOfEntry = folder === 'proofs' || folder === 'statements'
  return !files.has(`${isOfEntry ? 'entries' : folder}/${digits}.json`)
}

function readBundles(files: Files): Packet['bundles'] | Refusal {
  const bundles = new Map<Digest, AuthorityBundle>()
  for (const [name, bytes] of files) {
    if (!name.startsWith('authority/')) continue
    const bundle = readJson(AuthorityBundle, { name, bytes })
    if (isRefusal(bundle)) return bundle
    const hash = bundleHash(bundle)
    if (isRefusal(hash) || authorityFile(hash) !== name)
      return refuse('AUTHORITY_INVALID', name, 'not the bundle of this name')
    bundles.set(hash, bundle)
  }
  return bundles
}

const POLICY = /^policy\/([0-9a-f]{64})\/(.+)$/

function readPacks(files: Files): Packet['packs'] | Refusal {
  const packs = new Map<Digest, Record<string, string>>()
  for (const [name, bytes] of files) {
    const [, hex, path] = POLICY.exec(name) ?? []
    if (hex === undefined || path === undefined) continue
    const text = readText(bytes)
    if (text === null) return refuse('POLICY_INVALID', name, 'not UTF-8')
    packs.set(`sha256:${hex}`, { ...packs.get(`sha256:${hex}`), [path]: text })
  }
  return packs
}

/** Null for bytes that are not UTF-8, so that no two files read as one text. */
export function readText(bytes: Uint8Array | undefined): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}
