/**
 * The authority bundles and policy packs of a packet, as they may be believed. A bundle counts only as
 * of a time: the time of the entry that uses it. A pack counts only under the hash that such a bundle names.
 */

import { packInForce } from '../domain/approval/count.js'
import type { Authority } from '../domain/authority/authority.js'
import { type AsOf, authorityAsOf } from '../domain/authority/authority-as-of.js'
import { isSaidExpired, type Purpose } from '../domain/authority/grace.js'
import type { Digest } from '../domain/bytes/digest.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import {
  type AuthorityBundle,
  OwnershipSection,
  PolicySection,
  Root,
  type Trust,
} from '../domain/shapes/authority.js'
import type { JudgedUnder } from '../domain/shapes/basic.js'
import { parseAs } from '../domain/shapes/parse.js'
import type { Pack } from '../domain/shapes/policy.js'
import { openEnvelope, type Verify } from '../domain/signed/envelope.js'
import { type PackFiles, packHash, parsePack } from '../packs/load.js'
import { authorityFile, policyFolder } from './files.js'

/** What a part of a bundle says, read for rendering and collecting. UNTRUSTED: nothing here has been verified. */
export const readUnverified = {
  root: ({ root }: AuthorityBundle) =>
    openEnvelope({ envelope: root, kind: 'root', parse: parseAs(Root) }),
  ownership: ({ sections }: AuthorityBundle) =>
    openEnvelope({
      envelope: sections.ownership,
      kind: 'section',
      parse: parseAs(OwnershipSection),
    }),
  policy: ({ sections }: AuthorityBundle) =>
    openEnvelope({ envelope: sections.policy, kind: 'section', parse: parseAs(PolicySection) }),
} as const

export interface Believed {
  readonly named: (reference: JudgedUnder, at: string, purpose?: Purpose) => Authority | Refusal
  /** Every bundle of the packet that is in force at `at`, or suffices for the purpose, the newest first. */
  readonly inForce: (at: string, purpose?: Purpose) => readonly Authority[]
  /** Why the bundle is believed for nothing at `at`; null when it is. */
  readonly refusalOf: (hash: Digest, at: string) => Refusal | null
  readonly packOf: (authority: Authority, at: string) => { pack: Pack; hash: Digest } | Refusal
}

export interface Believing {
  readonly bundles: ReadonlyMap<Digest, AuthorityBundle>
  readonly packs: ReadonlyMap<Digest, PackFiles>
  readonly trust: Trust
  readonly verify: Verify
}

/** Afterwards a bundle is believed only if it verifies down from the trusted root keys at the time asked for. */
export function believe(believing: Believing): Believed {
  const { bundles } = believing
  const readers = new Map(
    [...bundles].map(([hash, bundle]) => [hash, bundleReader({ ...believing, hash, bundle })]),
  )
  const one = (hash: Digest, at: string, purpose?: Purpose): Authority | Refusal =>
    readers.get(hash)?.(at, purpose) ??
    refuse('AUTHORITY_INVALID', authorityFile(hash), 'the bundle is missing')
  return {
    named: (reference, at, purpose) => {
      const { version, hash } = reference
      const authority = one(hash, at, purpose)
      if (isRefusal(authority)) return authority
      if (authority.version !== version)
        return refuse('AUTHORITY_INVALID', authorityFile(hash), 'the bundle has another version')
      return isSaidExpired(authority, { reference, at })
        ? authority
        : refuse(
            'AUTHORITY_INVALID',
            authorityFile(hash),
            'it expired at another time than is said',
          )
    },
    inForce: (at, purpose) =>
      [...bundles.keys()]
        .map((hash) => one(hash, at, purpose))
        .filter((authority): authority is Authority => !isRefusal(authority))
        .toSorted((left, right) => right.version - left.version),
    refusalOf: (hash, at) => {
      const authority = one(hash, at, 'taking-away')
      return isRefusal(authority) ? authority : null
    },
    packOf: packReader(believing.packs),
  }
}

/** A refusal names the file of the bundle. */
function bundleReader(
  reading: Omit<Believing, 'bundles' | 'packs'> & {
    readonly hash: Digest
    readonly bundle: AuthorityBundle
  },
): AsOf {
  const asOf = authorityAsOf(reading)
  return (at, purpose) => {
    const authority = asOf(at, purpose)
    if (!isRefusal(authority)) return authority
    const { refused, where, detail } = authority
    return refuse(refused, authorityFile(reading.hash), `${where}: ${detail}`)
  }
}

/** A pack is what its text says, so it is parsed once; `packHash` of the very text names it. */
const PARSED = new Map<Digest, Pack | Refusal>()
const MAX_PARSED = 16

function parsedPack(hash: Digest, files: PackFiles): Pack | Refusal {
  const known = PARSED.get(hash)
  if (known !== undefined) return known
  const [oldest] = PARSED.keys()
  if (PARSED.size >= MAX_PARSED && oldest !== undefined) PARSED.delete(oldest)
  const pack = parsePack(files)
  PARSED.set(hash, pack)
  return pack
}

function packReader(packs: ReadonlyMap<Digest, PackFiles>): Believed['packOf'] {
  const read = new Map<Digest, Pack | Refusal>()
  const readOnce = (hash: Digest): Pack | Refusal => {
    const files = packs.get(hash)
    return files !== undefined && packHash(files) === hash
      ? parsedPack(hash, files)
      : refuse('POLICY_INVALID', policyFolder(hash), 'the pack is missing or altered')
  }
  return (authority, at) => {
    const reference = packInForce(authority, at)
    if (reference === undefined) return refuse('POLICY_UNSIGNED', 'policy', 'no pack is in force')
    const { hash } = reference
    const pack = read.get(hash) ?? readOnce(hash)
    read.set(hash, pack)
    return isRefusal(pack) ? pack : { pack, hash }
  }
}
