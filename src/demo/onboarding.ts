/** What an operator does once: database, authority bundle, policy pack, target accounts with their present secrets. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isRefusal } from '../domain/refusal.js'
import { registerSecret } from '../execution/secrets.js'
import { nodeVerify } from '../keys/verify.js'
import { type PackFiles, readPack } from '../packs/load.js'
import { installAuthority } from '../store/authority/authority.js'
import { storePack } from '../store/authority/packs.js'
import { type Db, openDb } from '../store/db.js'
import { migrate } from '../store/migrate.js'
import { type DemoPerson, EMERGENCY, PEOPLE } from './enterprise.js'
import { databaseUrl, type Parts } from './parts.js'
import { prepareTarget } from './target.js'

/** The bundle in force as its signers hold it: what they sign next begins with it. */
export const AUTHORITY_FILE = 'authority.json'
const demoPack = fileURLToPath(new URL('../../../policies/demo', import.meta.url))

/** Migrates, installs authority and pack, and takes the target's accounts under management, once. */
export async function prepareStore(at: Parts): Promise<void> {
  const { store, target, secrets } = at
  await migrate({ ownerUrl: store.superuserUrl, passwords: secrets.roles })
  const fresh = await install(at, {})
  if (fresh === 'again') return
  const accounts = at.accounts.map((name) => ({
    ...{ name, secret: secrets.accounts[name] ?? '' },
    logsIn: name === EMERGENCY ? ('no' as const) : ('yes' as const),
  }))
  await prepareTarget({
    superuserUrl: (database) => target.url('postgres', secrets.targetSuperuser, database),
    adminSecret: secrets.admin,
    accounts,
  })
  const db = openDb(databaseUrl(at, 'cs_connector'), { name: 'onboarding', max: 1 })
  const secretKeys = [{ kid: 'box-1', key: Buffer.from(secrets.secretKey, 'base64') }]
  for (const { name, secret } of accounts)
    await registerSecret(
      { db, secretKeys },
      { identityId: `nhi_${name}`, credential: `${name}_a`, secret },
    )
  await db.end()
}

/** Signs and installs the next version of the authority bundle. The issuer's address is part of it. */
export async function install(
  at: Parts,
  change: { readonly revoked?: readonly DemoPerson[] },
): Promise<'first' | 'again'> {
  const db = openDb(at.store.superuserUrl, { name: 'onboarding', max: 1 })
  try {
    const files: PackFiles = readPack(demoPack).files
    await storePack(db, files)
    const { rows } = await db.query<{ version: number }>(
      'select coalesce(max(version), 0) as version from authority',
    )
    const version = (rows[0]?.version ?? 0) + 1
    const pack = { files, packId: 'demo', version: 1 }
    const bundle = await at.genesis.sign({ version, issuer: at.addresses.issuer, pack, ...change })
    const installed = await installAuthority(db, {
      bundle,
      trust: at.genesis.trust,
      verify: nodeVerify,
    })
    if (isRefusal(installed))
      throw new TypeError(`${installed.refused} at ${installed.where}: ${installed.detail}`)
    await writeFile(join(at.dir, AUTHORITY_FILE), JSON.stringify(bundle), { mode: 0o600 })
    await keepNames(db, at)
    return version === 1 ? 'first' : 'again'
  } finally {
    await db.end()
  }
}

/** Names live in the side store only; what is signed holds their salted commitments. */
async function keepNames(db: Db, at: Parts): Promise<void> {
  for (const [personId, { name }] of Object.entries(PEOPLE))
    await db.query(
      `insert into persons_side (person_id, salt, name, address) values ($1, $2, $3, $4)
       on conflict do nothing`,
      [personId, at.genesis.salts[personId], name, `${personId}@example.invalid`],
    )
}
