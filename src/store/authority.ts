/**
 * The authority bundle as this process believes it: read from the database, verified down from the
 * root keys of this process's own configuration, never older than the newest one it has seen.
 */
import { createHash } from 'node:crypto'
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
}

/**
 * A verified bundle is kept by the hash of its text, which the store computes from the row at every use: an
 * edited row is another text, is fetched and has to verify. Expiry is checked again at every use.
 */
export function authoritySource(input: { trust: Trust; verify: Verify }): AuthoritySource {
  let newest = input.trust.minimumBundleVersion
  let cached: { readonly hash: string; readonly authority: Authority } | null = null
  return {
    current: async (db, { at, lock }) => {
      const { rows } = await db.query<{ hash: string }>(prepared(HASHED[lock], []))
      const hash = rows[0]?.hash
      if (hash === undefined) return notInstalled
      if (cached?.hash === hash) {
        const { authority } = cached
        return at < authority.expiresAt ? authority : refuse('AUTHORITY_EXPIRED', '/authority')
      }
      const text = await installedText(db)
      if (text === null) return notInstalled
      const bundle = parseAs(AuthorityBundle)(JSON.parse(text))
      if (isRefusal(bundle))
        return refuse('AUTHORITY_INVALID', `/authority${bundle.where}`, bundle.detail)
      const authority = verifyAuthority({ bundle, trust: input.trust, verify: input.verify, at })
      if (isRefusal(authority)) return authority
      if (authority.version < newest) return refuse('AUTHORITY_ROLLBACK', '/authority')
      newest = authority.version
      cached = { hash: createHash('sha256').update(text).digest('hex'), authority }
      return authority
    },
  }
}

const notInstalled = refuse('AUTHORITY_INVALID', '/authority', 'no authority bundle is installed')

const HASH = `select encode(sha256(convert_to(a.bundle::text, 'UTF8')), 'hex') as hash
                from authority_head h join authority a using (version)`
const HASHED = { none: HASH, share: `${HASH} for share of h` } as const

/** The installed bundle as it is stored: nothing in it is believed before it is verified. */
export async function installedText(db: Db | Tx): Promise<string | null> {
  const { rows } = await db.query<{ bundle: string }>(
    'select a.bundle::text as bundle from authority_head h join authority a using (version)',
  )
  return rows[0]?.bundle ?? null
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
    return authority
  })
}
