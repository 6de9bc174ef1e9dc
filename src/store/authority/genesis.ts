/**
 * The two bundles that no case brings, both installed by the owner of the database: the first one of an empty
 * store, and that of a new root, which changes nothing else. All others are activated by a case.
 */
import { type Authority, verifyAuthority } from '../../domain/authority/authority.js'
import { differences } from '../../domain/authority/authority-difference.js'
import { personCommitment, type SaltedName } from '../../domain/bytes/commitment.js'
import { digest } from '../../domain/bytes/digest.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { AuthorityBundle, type PackReference } from '../../domain/shapes/authority.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { type PackFiles, packHash, parsePack } from '../../packs/load.js'
import { lockEnd } from '../case/apply.js'
import { type Db, type Tx, transaction } from '../db.js'
import { AUTHORITY_STREAM, type Installing, installIn, storedBundle } from './authority.js'
import { packSource, storePack } from './packs.js'

/** What of a person is in the erasable side store only. */
export interface KeptName extends SaltedName {
  readonly address: string
}

/** Afterwards the bundle is the authority of a store that held nothing before, with its packs and names; or nothing changed. */
export async function installFirst(
  db: Db,
  input: Installing & { readonly packs: readonly PackFiles[]; readonly names: readonly KeptName[] },
): Promise<Authority | Refusal> {
  return transaction(db, async (tx) => {
    await lockEnd(tx, AUTHORITY_STREAM)
    if (await holdsEntries(tx)) return refuse('STORE_NOT_EMPTY', '/')
    const authority = await installIn(tx, {
      ...input,
      judge: async (found) => packProblem(found, input.packs) ?? nameProblem(found, input.names),
    })
    if (isRefusal(authority)) return authority
    for (const files of input.packs) await storePack(tx, files)
    for (const { personId, salt, name, address } of input.names)
      await tx.query(
        'insert into persons_side (person_id, salt, name, address) values ($1, $2, $3, $4)',
        [personId, salt, name, address],
      )
    return authority
  })
}

const holdsEntries = async (tx: Tx): Promise<boolean> =>
  (await tx.query('select 1 from entries limit 1')).rowCount === 1

/** A bundle whose policy cannot be read would stop every case. */
function packProblem({ packs }: Authority, given: readonly PackFiles[]): Refusal | null {
  const stranger = given.find((files) => !packs.some(({ hash }) => hash === packHash(files)))
  if (stranger !== undefined)
    return refuse('POLICY_UNSIGNED', '/packs', 'the bundle does not name this pack')
  const problems = packs.map((reference) => missingPack(reference, given))
  return problems.find((problem) => problem !== null) ?? null
}

function missingPack(
  { packId, version, hash }: PackReference,
  given: readonly PackFiles[],
): Refusal | null {
  const files = given.find((candidate) => packHash(candidate) === hash)
  if (files === undefined)
    return refuse('POLICY_INVALID', `/packs/${packId}`, `version ${version} is not given`)
  const pack = parsePack(files)
  return isRefusal(pack) ? pack : null
}

function nameProblem({ persons }: Authority, names: readonly KeptName[]): Refusal | null {
  const stranger = names.find(
    (name) => persons.get(name.personId)?.commitment !== personCommitment(name),
  )
  return stranger === undefined
    ? null
    : refuse('AUTHORITY_INVALID', `/names/${stranger.personId}`, 'not the name committed to')
}

/** Afterwards the bundle of a newer root is the authority and says of everything else what the one before said; or nothing changed. */
export async function installRoot(db: Db, input: Installing): Promise<Authority | Refusal> {
  return transaction(db, async (tx) => {
    await lockEnd(tx, AUTHORITY_STREAM)
    const from = await installedThen(tx, input)
    return isRefusal(from)
      ? from
      : installIn(tx, { ...input, judge: (to, at) => onlyTheRoot(tx, { from, to, at }) })
  })
}

/** The bundle in force as of its installation: a root that has expired since is what a new one is for. */
async function installedThen(tx: Tx, { trust, verify }: Installing): Promise<Authority | Refusal> {
  const stored = await storedBundle(tx)
  if (stored === null) return refuse('AUTHORITY_INVALID', '/authority', 'nothing is installed yet')
  const bundle = parseAs(AuthorityBundle)(JSON.parse(stored.bundle))
  if (isRefusal(bundle)) return bundle
  const { rows } = await tx.query<{ at: string }>(
    `select convert_from(bytes, 'UTF8')::json ->> 'at' as at from entries
      where stream = $1 order by seq desc limit 1`,
    [AUTHORITY_STREAM],
  )
  return verifyAuthority({ bundle, trust, verify, at: rows[0]?.at ?? '' })
}

async function onlyTheRoot(
  tx: Tx,
  { from, to, at }: { readonly from: Authority; readonly to: Authority; readonly at: string },
): Promise<Refusal | null> {
  if (to.root.version <= from.root.version)
    return refuse(
      'AUTHORITY_ROLLBACK',
      '/root/version',
      `version ${from.root.version} is in force; a root follows it`,
    )
  if (digest(from.root.log.key) !== digest(to.root.log.key) && !(await isSignedToItsEnd(tx)))
    return refuse('NOT_DUE', '/root/log', 'first the log is signed to its end with the key it has')
  const pack = await packSource()(tx, { authority: from, at })
  if (isRefusal(pack)) return pack
  const packs = { from: pack.pack, to: pack.pack }
  const found = differences({ from, to, packs }).find(({ section }) => section !== 'root')
  return found === undefined
    ? null
    : refuse('NOT_ALLOWED', `/${found.section}`, `a new root changes nothing else: ${found.words}`)
}

/** What the key of the log has not signed so far it never will. */
async function isSignedToItsEnd(tx: Tx): Promise<boolean> {
  const { rows } = await tx.query<{ open: boolean }>(
    `select exists (select from unsequenced)
         or (select coalesce(max(index) + 1, 0) from leaves) > (select coalesce(max(size), 0) from checkpoints) as open`,
  )
  return rows[0]?.open === false
}
