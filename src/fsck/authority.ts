/**
 * The authority as it was installed, version after version: each bundle is the one that its entry names and verifies
 * down from the trusted roots at that time; the packs that it names are stored; and the rows made from the newest are its own.
 */
import type { Authority } from '../domain/authority/authority.js'
import { bundleHash } from '../domain/authority/authority-as-of.js'
import type { Digest } from '../domain/bytes/digest.js'
import { isRefusal } from '../domain/refusal.js'
import { liveOwners } from '../domain/review/responsibility.js'
import { AuthorityBundle } from '../domain/shapes/authority.js'
import { AuthorityReference } from '../domain/shapes/basic.js'
import { parseAs } from '../domain/shapes/parse.js'
import { type Believed, believe } from '../packet/bundles.js'
import type { SideEntry } from '../packet/verify/verify-sides.js'
import { type PackFiles, packHash } from '../packs/load.js'
import { type Found, tampered } from '../store/case/inspect.js'
import type { Tx } from '../store/db.js'
import type { By } from './found.js'

export interface Installed {
  /** By everything that is stored. */
  readonly believed: Believed
  /** Those that are believed as of their installation, the oldest first. */
  readonly authorities: readonly Authority[]
  readonly found: readonly Found[]
}

const wrong = (where: string, detail: string): Found => tampered('authority', where, detail)

export async function checkAuthority(
  tx: Tx,
  asked: By & { readonly entries: readonly SideEntry[] },
): Promise<Installed> {
  const { rows } = await tx.query<{ version: number; bundle: unknown }>(
    'select version, bundle from authority order by version',
  )
  const bundles = new Map<Digest, AuthorityBundle>()
  const versions = new Map<number, Digest>()
  for (const { version, bundle: stored } of rows) {
    const bundle = parseAs(AuthorityBundle)(stored)
    const hash = isRefusal(bundle) ? bundle : bundleHash(bundle)
    if (isRefusal(bundle) || isRefusal(hash)) continue
    bundles.set(hash, bundle)
    versions.set(version, hash)
  }
  const { packs, found: packsFound } = await storedPacks(tx)
  const believed = believe({ bundles, packs, trust: asked.trust, verify: asked.verify })
  const installed = asked.entries.map(({ stored }) => installedBy(stored.entry))
  const authorities: Authority[] = []
  const found: Found[] = [...packsFound]
  for (const one of installed) {
    const place = `/bundles/${one.version}`
    const stored = versions.get(one.version) === one.hash
    const authority = stored ? believed.named(one, one.at) : null
    if (authority === null) found.push(wrong(place, 'the bundle of the entry is gone or altered'))
    else if (isRefusal(authority))
      found.push(wrong(place, `${authority.refused} ${authority.detail}`))
    else authorities.push(authority)
  }
  const unheard = rows.filter(({ version }) => !installed.some((one) => one.version === version))
  found.push(
    ...unheard.map(({ version }) => wrong(`/bundles/${version}`, 'no entry says so')),
    ...packsMissing(authorities, packs),
    ...(await wrongRows(tx, { installed, authorities })),
  )
  return { believed, authorities, found }
}

interface Installation extends AuthorityReference {
  readonly at: string
}

/** UNTRUSTED: the body of an entry; a version that no bundle has where it says nothing. */
function installedBy({ at, body }: SideEntry['stored']['entry']): Installation {
  const { version, hash } = body
  const reference = parseAs(AuthorityReference)({ version, hash })
  return isRefusal(reference) ? { version: 0, hash: 'sha256:', at } : { ...reference, at }
}

async function storedPacks(tx: Tx) {
  const { rows } = await tx.query<{ hash: Digest; files: PackFiles }>(
    'select hash, files from packs order by hash',
  )
  const altered = rows.filter(({ hash, files }) => packHash(files) !== hash)
  return {
    packs: new Map(rows.map(({ hash, files }) => [hash, files])),
    found: altered.map(({ hash }) => wrong(`/packs/${hash}`, 'not the pack of this hash')),
  }
}

const packsMissing = (
  authorities: readonly Authority[],
  packs: ReadonlyMap<Digest, PackFiles>,
): readonly Found[] => {
  const named = new Set(authorities.flatMap((one) => one.packs.map(({ hash }) => hash)))
  return [...named]
    .filter((hash) => !packs.has(hash))
    .map((hash) => wrong(`/packs/${hash}`, 'a bundle names it, and it is gone'))
}

/** Which version is in force, since when each identity is registered, and who owns what now. */
async function wrongRows(
  tx: Tx,
  of: {
    readonly installed: readonly Installation[]
    readonly authorities: readonly Authority[]
  },
): Promise<readonly Found[]> {
  const { installed, authorities } = of
  const newest = installed.at(-1)
  const { rows: heads } = await tx.query<{ version: number }>('select version from authority_head')
  const { rows: owners } = await tx.query<{ of: string; owner_id: string }>(
    'select of, owner_id from live_owners',
  )
  const { rows: since } = await tx.query<{ identity_id: string; at: string }>(
    'select identity_id, at from registered',
  )
  const found: Found[] = []
  if (heads.map(({ version }) => version).join() !== [newest?.version ?? []].flat().join())
    found.push(wrong('/head', 'not the version that was installed last'))
  const authority = authorities.find(({ version }) => version === newest?.version)
  const live = authority === undefined ? [] : liveOwners(authority)
  found.push(
    ...differing(
      new Map(live.map((one) => [one.of, one.ownerId])),
      new Map(owners.map((one) => [one.of, one.owner_id])),
    ).map((name) => wrong(`/owners/${name}`, 'not the owner whom the authority names')),
  )
  const first = new Map<string, string>()
  for (const { identities, version } of authorities) {
    const at = installed.find((one) => one.version === version)?.at ?? ''
    for (const id of identities.keys()) if (!first.has(id)) first.set(id, at)
  }
  const known = new Map(since.map((one) => [one.identity_id, one.at]))
  found.push(
    ...differing(first, known).map((id) =>
      wrong(`/registered/${id}`, 'not when a bundle that registers it was installed'),
    ),
  )
  return found
}

/** The keys under which the two do not say the same. */
const differing = (
  left: ReadonlyMap<string, string>,
  right: ReadonlyMap<string, string>,
): readonly string[] =>
  [...new Set([...left.keys(), ...right.keys()])].filter((key) => left.get(key) !== right.get(key))
