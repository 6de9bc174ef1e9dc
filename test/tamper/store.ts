/** A store in which every table of evidence has rows, and the superuser's way to change it for one look only. */
import pg from 'pg'
import { personCommitment, reasonDigest } from '../../src/domain/bytes/commitment.js'
import { digestOf } from '../../src/domain/bytes/digest.js'
import { type Checked, fsckIn } from '../../src/fsck/fsck.js'
import { signNoteBytes } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { cosign } from '../../src/ledger/cosignature.js'
import { formatSignature, parseNote } from '../../src/ledger/note.js'
import { formatVkey } from '../../src/ledger/note-key.js'
import type { Tx } from '../../src/store/db.js'
import type { HighWater } from '../../src/store/log/high-water.js'
import { openCampaign } from '../../src/store/schedule/campaigns.js'
import { aKey, must } from '../support/authority.js'
import { type Evidence, writeEvidence } from '../support/evidence.js'
import { aWorld, type World } from '../support/world.js'

const ANA = { personId: 'per_ana', salt: 'salt-of-a-name', name: 'Ana' }
const REASON = { salt: 'salt-of-a-reason', reason: 'Quarterly' }

export interface TamperedStore extends Evidence {
  readonly world: World
  /** What fsck says of a store in which these statements were executed as superuser, past every trigger; afterwards they were not. */
  readonly after: (statements: readonly string[], highWater?: HighWater) => Promise<Checked>
  readonly stop: () => Promise<void>
}

export async function aTamperedStore(): Promise<TamperedStore> {
  const world = await aWorld({
    change: {
      people: (section) => ({
        ...section,
        persons: section.persons.map((person) =>
          person.personId === ANA.personId
            ? { ...person, commitment: personCommitment(ANA) }
            : person,
        ),
      }),
    },
  })
  const evidence = await writeEvidence(world)
  await writeBeside(world)
  await world.stopSigner()
  // What comes now waits for the log.
  must(
    await openCampaign(world.api, {
      slice: { partnerId: 'com_acme', systems: null, tiers: null, objectives: null, owners: null },
      request: {
        requester: { kind: 'enterprise', companyId: 'com_bank', personId: 'per_dora' },
        ...{ change: 'standard', changeReference: 'CAMP-1' },
      },
      ...{ principal: 'dora', idempotencyKey: 'campaign' },
    }),
  )
  const pool = new pg.Pool({ connectionString: world.store.superuserUrl, max: 1 })
  const tx = await pool.connect()
  return {
    ...evidence,
    world,
    after: (statements, highWater) => look({ world, tx, statements, highWater }),
    stop: async () => {
      tx.release()
      await pool.end()
      await world.stop()
    },
  }
}

async function look(at: {
  readonly world: World
  readonly tx: Tx
  readonly statements: readonly string[]
  readonly highWater: HighWater | undefined
}): Promise<Checked> {
  const { tx, world, highWater = null } = at
  const { trust } = world.authority
  await tx.query('begin')
  try {
    await tx.query('set local session_replication_role = replica')
    for (const statement of at.statements) await tx.query(statement)
    return await fsckIn(tx, { trust, verify: nodeVerify, highWater })
  } finally {
    await tx.query('rollback')
  }
}

/** A reason, a name, a document and a cosignature: what only some cases have. */
async function writeBeside({ db, dba }: World): Promise<void> {
  const document = Buffer.from('a document')
  await db('cs_api').query('insert into reasons_side values ($1, $2, $3)', [
    ...[reasonDigest(REASON), REASON.salt, REASON.reason],
  ])
  await db('cs_api').query("insert into persons_side values ($1, $2, $3, 'ana@bank.test')", [
    ...[ANA.personId, ANA.salt, ANA.name],
  ])
  await db('cs_api').query('insert into documents_side values ($1, $2)', [
    ...[digestOf(document), document],
  ])
  const { signer } = aKey('key_witness')
  const key = { name: 'witness.test/w1', publicKey: signer.publicKey }
  const { rows } = await dba.query<{ size: string; note: string }>(
    'select size, note from checkpoints order by size limit 1',
  )
  const [head] = rows
  const { text } = must(parseNote(head?.note ?? ''))
  const signed = await cosign({
    ...{ ...key, text, seconds: 1_800_000_000 },
    sign: (message) => signNoteBytes(signer, message),
  })
  const vkey = formatVkey(key, 'cosignature')
  await db('cs_keeper').query('insert into cosignatures values ($1, $2, $3)', [
    ...[head?.size, vkey, formatSignature(signed)],
  ])
  await db('cs_keeper').query('insert into quorums values ($1)', [head?.size])
}
