/**
 * The authority bundle as this process believes it: read from the database, verified down from the
 * root keys of this process's own configuration, never older than the newest one it has seen.
 */
import { type Authority, verifyAuthority } from '../../domain/authority/authority.js'
import { type AsOf, authorityAsOf, bundleHash } from '../../domain/authority/authority-as-of.js'
import { isSaidExpired, type Purpose, suffices, verifyFor } from '../../domain/authority/grace.js'
import type { Digest } from '../../domain/bytes/digest.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { liveOwners } from '../../domain/review/responsibility.js'
import { AuthorityBundle, type Trust } from '../../domain/shapes/authority.js'
import type { AuthorityReference, JudgedUnder } from '../../domain/shapes/basic.js'
import { parseAs } from '../../domain/shapes/parse.js'
import type { Verify } from '../../domain/signed/envelope.js'
import { append, lockStream } from '../case/apply.js'
import { type Db, prepared, type Tx, transaction } from '../db.js'
import type { Memory } from '../log/memory.js'

export const AUTHORITY_STREAM = 'authority'

export interface AuthoritySource {
  /** The roots under which this process believes. */
  readonly trust: Trust
  /**
   * `lock` holds the installed version for the transaction, so that no newer one commits meanwhile. `purpose` is
   * anything, unless given; for taking access away a bundle suffices that ran out within its grace.
   */
  readonly current: (
    db: Db | Tx,
    options: { at: string; lock: 'share' | 'none'; purpose?: Purpose },
  ) => Promise<Authority | Refusal>
  /** The same as of now, by the database's clock. */
  readonly today: (
    db: Db | Tx,
    purpose?: Purpose,
  ) => Promise<{ readonly authority: Authority; readonly at: string } | Refusal>
  /** UNTRUSTED: the bundle. What it would be believed to say, under the same roots, were it installed. */
  readonly candidate: (bundle: unknown, at: string) => Authority | Refusal
  /** The bundle that an entry names, as of the time of that entry; it may long be out of date. */
  readonly named: (
    db: Db | Tx,
    asked: {
      readonly reference: AuthorityReference | JudgedUnder
      readonly at: string
      readonly purpose?: Purpose
    },
  ) => Promise<Authority | Refusal>
}

interface Trusting {
  readonly trust: Trust
  readonly verify: Verify
  /** Of a process that keeps one: no older bundle is believed after a restart either. */
  readonly memory?: Memory
}

/**
 * A verified bundle is kept by the version of its row, which the store names at every use: an edited row is
 * another version, is fetched and has to verify. Expiry is checked again at every use.
 */
export function authoritySource(trusting: Trusting): AuthoritySource {
  const { trust, verify, memory } = trusting
  const dated = datedBundles(trusting)
  let newest = trust.minimumBundleVersion
  const candidate: AuthoritySource['candidate'] = (given, at) => {
    const bundle = readBundle(given)
    return isRefusal(bundle) ? bundle : verifyAuthority({ bundle, trust, verify, at })
  }
  let cached: { readonly row: string; readonly authority: Authority } | null = null
  const believe = async (
    db: Db | Tx,
    { row, at, purpose }: Installed & { readonly purpose: Purpose },
  ): Promise<Authority | Refusal> => {
    if (cached?.row === row) {
      const { authority } = cached
      return suffices(authority, { at, purpose })
        ? authority
        : refuse('AUTHORITY_EXPIRED', '/authority')
    }
    const stored = await storedBundle(db)
    if (stored === null) return notInstalled
    const bundle = readBundle(JSON.parse(stored.bundle))
    if (isRefusal(bundle)) return bundle
    const authority = verifyFor({ bundle, trust, verify, at, purpose })
    if (isRefusal(authority)) return authority
    if (authority.version < newest) return refuse('AUTHORITY_ROLLBACK', '/authority')
    const older = (await memory?.authority(referenceTo(authority))) ?? null
    if (older !== null) return older
    newest = authority.version
    cached = { row: stored.row, authority }
    dated.keep(authority.hash, bundle)
    return authority
  }
  const today: AuthoritySource['today'] = async (db, purpose = 'anything') => {
    const installed = await installedNow(db, 'none')
    if (installed === null) return notInstalled
    const authority = await believe(db, { ...installed, purpose })
    return isRefusal(authority) ? authority : { authority, at: installed.at }
  }
  return {
    trust,
    candidate,
    current: async (db, { at, lock, purpose = 'anything' }) => {
      const installed = await installedNow(db, lock)
      return installed === null ? notInstalled : believe(db, { ...installed, at, purpose })
    },
    today,
    named: async (db, { reference, at, purpose }) => {
      const asOf = dated.get(reference.hash) ?? (await dated.fetch(db, reference))
      if (isRefusal(asOf)) return asOf
      const authority = asOf(at, purpose)
      if (isRefusal(authority)) return authority
      const same = authority.version === reference.version
      return same && isSaidExpired(authority, { reference, at }) ? authority : notStored(reference)
    },
  }
}

/** UNTRUSTED: whatever is given. */
function readBundle(given: unknown): AuthorityBundle | Refusal {
  const bundle = parseAs(AuthorityBundle)(given)
  return isRefusal(bundle)
    ? refuse('AUTHORITY_INVALID', `/authority${bundle.where}`, bundle.detail)
    : bundle
}

export const referenceTo = ({ version, hash }: Authority): AuthorityReference => ({ version, hash })

const MAX_DATED = 16

/** The bundles that entries named lately, by the hash that names them. */
function datedBundles({ trust, verify }: Trusting) {
  const known = new Map<Digest, AsOf>()
  const keep = (hash: Digest, bundle: AuthorityBundle): AsOf => {
    const asOf = authorityAsOf({ bundle, trust, verify })
    const [oldest] = known.keys()
    if (known.size >= MAX_DATED && oldest !== undefined) known.delete(oldest)
    known.set(hash, asOf)
    return asOf
  }
  return {
    get: (hash: Digest) => known.get(hash),
    keep,
    /** UNTRUSTED: the row. Afterwards it is the bundle of this hash; what it is worth is asked as of a time. */
    fetch: async (db: Db | Tx, reference: AuthorityReference): Promise<AsOf | Refusal> => {
      const { rows } = await db.query<{ bundle: unknown }>(
        prepared('select bundle from authority where version = $1', [reference.version]),
      )
      const bundle = parseAs(AuthorityBundle)(rows[0]?.bundle)
      if (isRefusal(bundle) || bundleHash(bundle) !== reference.hash) return notStored(reference)
      return keep(reference.hash, bundle)
    },
  }
}

const notStored = ({ version }: AuthorityReference): Refusal =>
  refuse('AUTHORITY_INVALID', `/authority/${version}`, 'the bundle that is named is not stored')

const notInstalled = refuse('AUTHORITY_INVALID', '/authority', 'no authority bundle is installed')

/** Which version of which row is installed, and the database's time. */
interface Installed {
  readonly row: string
  readonly at: string
}

/** Whoever changes a row, whatever of it, makes a tuple of another transaction at another place. */
const ROW = `concat_ws(' ', h.version, a.xmin, a.ctid)`
const NOW = `select ${ROW} as row, now_iso() as at from authority_head h join authority a using (version)`
const INSTALLED = { none: NOW, share: `${NOW} for share of h` } as const

async function installedNow(db: Db | Tx, lock: 'share' | 'none'): Promise<Installed | null> {
  const { rows } = await db.query<Installed>(prepared(INSTALLED[lock], []))
  return rows[0] ?? null
}

/** The installed bundle as it is stored: nothing in it is believed before it is verified. */
export async function storedBundle(
  db: Db | Tx,
): Promise<{ readonly row: string; readonly bundle: string } | null> {
  const { rows } = await db.query<{ row: string; bundle: string }>(
    `select ${ROW} as row, a.bundle::text as bundle
       from authority_head h join authority a using (version)`,
  )
  return rows[0] ?? null
}

export interface Installing {
  /** UNTRUSTED: whoever brings it. */
  readonly bundle: unknown
  readonly trust: Trust
  readonly verify: Verify
}

/** By the owner of the database alone. Afterwards the bundle verifies, is the newest, and its installation is an entry. */
export const installAuthority = (db: Db, input: Installing): Promise<Authority | Refusal> =>
  transaction(db, (tx) => installIn(tx, { ...input, judge: async () => null }))

/** The same within a transaction, when `judge` has nothing against it; a refusal has changed nothing. */
export async function installIn(
  tx: Tx,
  input: Installing & {
    readonly judge: (authority: Authority, at: string) => Promise<Refusal | null>
  },
): Promise<Authority | Refusal> {
  const { trust, verify } = input
  const bundle = readBundle(input.bundle)
  if (isRefusal(bundle)) return bundle
  const locked = await lockStream(tx, { stream: AUTHORITY_STREAM, make: true })
  if (isRefusal(locked)) return locked
  const { at } = locked
  const authority = verifyAuthority({ bundle, trust, verify, at })
  if (isRefusal(authority)) return authority
  const { version } = authority
  const { rows } = await tx.query<{ version: number }>('select version from authority_head')
  if ((rows[0]?.version ?? 0) >= version) return refuse('AUTHORITY_ROLLBACK', '/manifest/version')
  const wrong = await input.judge(authority, at)
  if (wrong !== null) return wrong
  await tx.query('insert into authority (version, bundle) values ($1, $2)', [
    version,
    JSON.stringify(bundle),
  ])
  await tx.query(
    `insert into authority_head (version) values ($1)
     on conflict (single) do update set version = excluded.version`,
    [version],
  )
  await append(tx, { locked, bodies: [{ type: 'AuthorityInstalled', ...referenceTo(authority) }] })
  await noteRegistered(tx, { authority, at })
  return authority
}

/** Since when the store knows each identity of the bundle, for the schedule; and the one owner of each thing, if there. */
export async function noteRegistered(
  tx: Tx,
  { authority, at }: { readonly authority: Authority; readonly at: string },
): Promise<void> {
  await tx.query(
    `insert into registered (identity_id, at) select id, $2 from unnest($1::text[]) i (id)
       on conflict do nothing`,
    [[...authority.identities.keys()], at],
  )
  const owners = liveOwners(authority)
  await tx.query('delete from live_owners')
  await tx.query(
    'insert into live_owners (of, owner_id) select * from unnest($1::text[], $2::text[])',
    [owners.map(({ of }) => of), owners.map(({ ownerId }) => ownerId)],
  )
}
