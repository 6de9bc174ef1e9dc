/**
 * The authority bundle as this process believes it: read from the database, verified down from the
 * root keys of this process's own configuration, never older than the newest one it has seen.
 */
import { type Authority, verifyAuthority } from '../domain/authority.js'
import type { Verify } from '../domain/envelope.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import { AuthorityBundle, type Trust } from '../domain/shapes/authority.js'
import { parseAs } from '../domain/shapes/parse.js'
import { append, lockStream } from './apply.js'
import { type Db, prepared, type Tx, transaction } from './db.js'

export const AUTHORITY_STREAM = 'authority'

export interface AuthoritySource {
  /** `lock` holds the installed version for the transaction, so that no newer one commits meanwhile. */
  readonly current: (
    db: Db | Tx,
    options: { at: string; lock: 'share' | 'none' },
  ) => Promise<Authority | Refusal>
  /** The same as of now, by the database's clock. */
  readonly today: (
    db: Db | Tx,
  ) => Promise<{ readonly authority: Authority; readonly at: string } | Refusal>
  /** UNTRUSTED: the bundle. What it would be believed to say, under the same roots, were it installed. */
  readonly candidate: (bundle: unknown, at: string) => Authority | Refusal
}

/**
 * A verified bundle is kept by the version of its row, which the store names at every use: an edited row is
 * another version, is fetched and has to verify. Expiry is checked again at every use.
 */
export function authoritySource(input: { trust: Trust; verify: Verify }): AuthoritySource {
  let newest = input.trust.minimumBundleVersion
  const candidate = (given: unknown, at: string): Authority | Refusal => {
    const bundle = parseAs(AuthorityBundle)(given)
    return isRefusal(bundle)
      ? refuse('AUTHORITY_INVALID', `/authority${bundle.where}`, bundle.detail)
      : verifyAuthority({ bundle, ...input, at })
  }
  let cached: { readonly row: string; readonly authority: Authority } | null = null
  const believe = async (db: Db | Tx, { row, at }: Installed): Promise<Authority | Refusal> => {
    if (cached?.row === row) {
      const { authority } = cached
      return at < authority.expiresAt ? authority : refuse('AUTHORITY_EXPIRED', '/authority')
    }
    const stored = await storedBundle(db)
    if (stored === null) return notInstalled
    const authority = candidate(JSON.parse(stored.bundle), at)
    if (isRefusal(authority)) return authority
    if (authority.version < newest) return refuse('AUTHORITY_ROLLBACK', '/authority')
    newest = authority.version
    cached = { row: stored.row, authority }
    return authority
  }
  const today: AuthoritySource['today'] = async (db) => {
    const installed = await installedNow(db, 'none')
    if (installed === null) return notInstalled
    const authority = await believe(db, installed)
    return isRefusal(authority) ? authority : { authority, at: installed.at }
  }
  return {
    candidate,
    current: async (db, { at, lock }) => {
      const installed = await installedNow(db, lock)
      return installed === null ? notInstalled : believe(db, { ...installed, at })
    },
    today,
  }
}

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

/** UNTRUSTED: whoever sends a bundle. Afterwards it verifies, is the newest, and its installation is an entry. */
export async function installAuthority(
  db: Db,
  input: { readonly bundle: unknown; readonly trust: Trust; readonly verify: Verify },
): Promise<Authority | Refusal> {
  const bundle = parseAs(AuthorityBundle)(input.bundle)
  if (isRefusal(bundle)) return refuse('AUTHORITY_INVALID', bundle.where, bundle.detail)
  return transaction(db, async (tx) => {
    const locked = await lockStream(tx, { stream: AUTHORITY_STREAM, make: true })
    if (isRefusal(locked)) return locked
    const authority = verifyAuthority({
      bundle,
      trust: input.trust,
      verify: input.verify,
      at: locked.at,
    })
    if (isRefusal(authority)) return authority
    const { rows } = await tx.query<{ version: number }>('select version from authority_head')
    if ((rows[0]?.version ?? 0) >= authority.version)
      return refuse('AUTHORITY_ROLLBACK', '/manifest/version')
    const { version, hash } = authority
    await tx.query('insert into authority (version, bundle) values ($1, $2)', [
      version,
      JSON.stringify(bundle),
    ])
    await tx.query(
      `insert into authority_head (version) values ($1)
       on conflict (single) do update set version = excluded.version`,
      [version],
    )
    await append(tx, { locked, bodies: [{ type: 'AuthorityInstalled', ...{ version, hash } }] })
    await noteRegistered(tx, { authority, at: locked.at })
    return authority
  })
}

/** Since when the store knows each identity of the bundle: for the schedule, which decides nothing. */
export const noteRegistered = (
  tx: Tx,
  { authority, at }: { readonly authority: Authority; readonly at: string },
) =>
  tx.query(
    `insert into registered (identity_id, at) select id, $2 from unnest($1::text[]) i (id)
       on conflict do nothing`,
    [[...authority.identities.keys()], at],
  )
