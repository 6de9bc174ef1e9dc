/**
 * Proposed authority bundles, by the digest of their manifest: verified under the root when they come in, again
 * when a plan compares them with the authority, and again when they are activated. A row is never believed.
 */
import type { Authority } from '../../domain/authority/authority.js'
import { type Difference, differences } from '../../domain/authority/authority-difference.js'
import { type Digest, digest } from '../../domain/bytes/digest.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { type PackFiles, packHash } from '../../packs/load.js'
import { append, lockStream } from '../case/apply.js'
import { type Db, now, type Tx, transaction } from '../db.js'
import { AUTHORITY_STREAM, type AuthoritySource, noteRegistered } from './authority.js'
import { type packSource, storedPack, storePack } from './packs.js'

export interface ProposalDeps {
  readonly db: Db
  readonly authority: AuthoritySource
  readonly packs: ReturnType<typeof packSource>
}

/** Today's authority and the one that is proposed, with the packs in force under each. */
export interface Proposed {
  readonly from: Authority
  readonly to: Authority
  readonly packs: Parameters<typeof differences>[0]['packs']
  readonly found: readonly Difference[]
}

/** UNTRUSTED: bundle and packs. Afterwards the bundle verifies under the root, follows today's, and every pack that it names is stored and loads. */
export async function proposeAuthority(
  deps: ProposalDeps,
  input: { readonly bundle: unknown; readonly packs: readonly PackFiles[] },
): Promise<Proposed | Refusal> {
  const at = await now(deps.db)
  const to = deps.authority.candidate(input.bundle, at)
  if (isRefusal(to)) return to
  const from = await deps.authority.current(deps.db, { at, lock: 'none' })
  if (isRefusal(from)) return from
  if (to.version !== from.version + 1)
    return refuse('AUTHORITY_ROLLBACK', '/version', `${to.version} does not follow ${from.version}`)
  for (const files of input.packs) {
    if (!to.packs.some(({ hash }) => hash === packHash(files)))
      return refuse('POLICY_UNSIGNED', '/packs', 'the bundle does not name this pack')
    await storePack(deps.db, files)
  }
  const kept = await keep(deps.db, { hash: to.hash, bundle: input.bundle })
  return kept ?? compare(deps, { from, to, at })
}

/** The first bundle of a manifest stays: delegations stand outside of what the manifest signs. */
async function keep(
  db: Db,
  { hash, bundle }: { readonly hash: Digest; readonly bundle: unknown },
): Promise<Refusal | null> {
  await db.query('insert into proposals (hash, bundle) values ($1, $2) on conflict do nothing', [
    hash,
    JSON.stringify(bundle),
  ])
  const stored = await storedBundle(db, hash)
  return digest(stored) === digest(bundle)
    ? null
    : refuse('IDEMPOTENCY_MISMATCH', '/bundle', 'another bundle of this manifest was proposed')
}

async function storedBundle(db: Db | Tx, hash: Digest): Promise<unknown> {
  const { rows } = await db.query<{ bundle: unknown }>(
    'select bundle from proposals where hash = $1',
    [hash],
  )
  return rows[0]?.bundle ?? null
}

/** What the proposal of this hash would change today. */
export async function proposed(
  deps: ProposalDeps,
  of: { readonly hash: Digest; readonly from: Authority; readonly at: string; readonly tx?: Tx },
): Promise<Proposed | Refusal> {
  const bundle = await storedBundle(of.tx ?? deps.db, of.hash)
  if (bundle === null)
    return refuse('AUTHORITY_INVALID', '/bundleHash', 'no such bundle is proposed')
  const to = deps.authority.candidate(bundle, of.at)
  if (isRefusal(to)) return to
  return to.hash === of.hash
    ? compare(deps, { ...of, to })
    : refuse('AUTHORITY_INVALID', '/bundleHash', 'the stored bundle is another one')
}

/** A bundle whose policy cannot be read would stop every case, so all its packs have to load. */
async function compare(
  deps: ProposalDeps,
  of: { readonly from: Authority; readonly to: Authority; readonly at: string; readonly tx?: Tx },
): Promise<Proposed | Refusal> {
  const { from, to, at } = of
  const db = of.tx ?? deps.db
  for (const reference of to.packs) {
    const pack = await storedPack(db, reference)
    if (isRefusal(pack)) return pack
  }
  const before = await deps.packs(db, { authority: from, at })
  if (isRefusal(before)) return before
  const after = await deps.packs(db, { authority: to, at })
  if (isRefusal(after)) return after
  const packs = { from: before.pack, to: after.pack }
  return { from, to, packs, found: differences({ from, to, packs }) }
}

export interface Activating {
  readonly caseId: string
  readonly grantId: string
  readonly hash: Digest
  /** Whether what would change now is what was approved. */
  readonly judge: (proposed: Proposed) => Refusal | null
}

/** Afterwards the approved bundle is the authority and its installation is an entry; or nothing changed. Repeatable. */
export async function activateProposal(
  deps: ProposalDeps,
  { caseId, grantId, hash, judge }: Activating,
): Promise<'done' | 'already' | Refusal> {
  return transaction(deps.db, async (tx) => {
    const locked = await lockStream(tx, { stream: AUTHORITY_STREAM, make: false })
    if (isRefusal(locked)) return locked
    await tx.query('select 1 from authority_head for update')
    const { at } = locked
    const from = await deps.authority.current(tx, { at, lock: 'none' })
    if (isRefusal(from)) return from
    if (from.hash === hash) return 'already'
    const change = await proposed(deps, { hash, from, at, tx })
    if (isRefusal(change)) return change
    const wrong = judge(change)
    if (wrong !== null) return wrong
    const { version } = change.to
    await tx.query(
      'insert into authority (version, bundle) select $1, bundle from proposals where hash = $2',
      [version, hash],
    )
    await tx.query('update authority_head set version = $1', [version])
    const body = { type: 'AuthorityInstalled', version, hash, caseId, grantId }
    await append(tx, { locked, bodies: [body] })
    await noteRegistered(tx, { authority: change.to, at })
    return 'done'
  })
}
