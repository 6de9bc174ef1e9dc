/** An empty evidence store, migrated by an owner who is no superuser, and what its processes do until there is a first packet. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { ulid } from 'ulid'
import { trustFrom } from '../../src/cli/auditors/verify.js'
import { identityScope } from '../../src/domain/authority/matter.js'
import { loadKey } from '../../src/keys/keystore.js'
import { signNoteBytes } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { exportPacket } from '../../src/packet/export/export.js'
import { authoritySource } from '../../src/store/authority/authority.js'
import { packSource } from '../../src/store/authority/packs.js'
import { openCase } from '../../src/store/case/open-case.js'
import { type Db, openDb } from '../../src/store/db.js'
import { createSequencer } from '../../src/store/log/sequencer.js'
import { migrate, type Role } from '../../src/store/migrate.js'
import { must } from '../support/authority.js'
import { type Ceremony, ORIGIN } from '../support/ceremony.js'
import { aCluster, PASSWORDS } from '../support/clusters.js'

const DATABASE = 'countersign'

export interface Installation {
  /** Of the database's owner, who may make roles and is no superuser. */
  readonly ownerUrl: string
  readonly db: (role: Role) => Db
  readonly open: (asked: { readonly trust: string; readonly identity: string }) => Promise<string>
  readonly sign: (keyFile: string) => Promise<void>
  readonly packetOf: (caseId: string) => Promise<Uint8Array>
  /** A case is asked for, the log is signed with its key, and the case exported. */
  readonly firstPacket: (ceremony: Ceremony) => Promise<Uint8Array>
  readonly stop: () => Promise<void>
}

export async function anInstallation(dir: string): Promise<Installation> {
  await mkdir(dir, { recursive: true })
  const cluster = await aCluster({ dataDir: join(dir, 'store'), logFile: join(dir, 'store.log') })
  const dba = new pg.Client({ connectionString: cluster.superuserUrl })
  await dba.connect()
  await dba.query("create role cs_owner login createrole password 'o'")
  await dba.query(`create database ${DATABASE} owner cs_owner`)
  await dba.end()
  const ownerUrl = cluster.url('cs_owner', 'o', DATABASE)
  await migrate({ ownerUrl, passwords: PASSWORDS })
  const pools = new Map<Role, Db>()
  const db = (role: Role): Db => {
    const url = cluster.url(role, PASSWORDS[role], DATABASE)
    const known = pools.get(role) ?? openDb(url, { name: `test-${role}` })
    pools.set(role, known)
    return known
  }
  const working = { db, dir }
  return {
    ownerUrl,
    db,
    open: (asked) => open(working, asked),
    sign: (keyFile) => sign(working, keyFile),
    packetOf: (caseId) => packetOf(working, caseId),
    firstPacket: async ({ at }) => {
      const caseId = await open(working, { trust: at('trust.json'), identity: 'nhi_billing' })
      await sign(working, at('log/key_log.pem'))
      return packetOf(working, caseId)
    },
    stop: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.end()))
      await cluster.stop()
    },
  }
}

interface Working {
  readonly db: (role: Role) => Db
  readonly dir: string
}

/** Asked for by the partner, under what the trust file of the ceremony lets be believed. */
async function open(
  { db }: Working,
  { trust, identity }: { readonly trust: string; readonly identity: string },
): Promise<string> {
  const authority = authoritySource({ trust: await trustFrom(trust), verify: nodeVerify })
  const deps = { db: db('cs_api'), authority, packs: packSource(), verify: nodeVerify, newId: ulid }
  const { caseId } = must(
    await openCase(deps, {
      request: {
        ...{ asked: { kind: 'rotate' }, scope: identityScope(identity) },
        requester: { kind: 'partner', companyId: 'com_acme', personId: null },
        ...{ change: 'standard', changeReference: 'CHG0001' },
      },
      ...{ principal: 'acme', idempotencyKey: ulid() },
    }),
  )
  return caseId
}

/** Everything that is there, as a keeper with this key does it. */
async function sign({ db, dir }: Working, keyFile: string): Promise<void> {
  const { signer } = await loadKey(keyFile)
  await createSequencer({
    db: db('cs_keeper'),
    signer: {
      ...{ origin: ORIGIN, publicKey: signer.publicKey },
      sign: (message) => signNoteBytes(signer, message),
    },
    highWaterFile: join(dir, 'high-water.json'),
  }).run()
}

async function packetOf({ db }: Working, caseId: string): Promise<Uint8Array> {
  const reading = { db: db('cs_api'), verify: nodeVerify, published: new EventTarget() }
  const deps = { ...reading, proofWithinMs: 5000 }
  return must(await exportPacket(deps, { caseId, reader: 'enterprise' })).bytes
}
