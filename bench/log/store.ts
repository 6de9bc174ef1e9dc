/** The evidence store of the log bench: a real cluster with fsync, migrated, and a sequencer that signs; no Temporal, no cases. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { startPostgres } from '../../src/embedded/postgres.js'
import { generateEd25519, signerFromPem, signNoteBytes } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { ed25519Verifier } from '../../src/ledger/note-key.js'
import { append, lockEnd } from '../../src/store/case/apply.js'
import { type Db, openDb, transaction } from '../../src/store/db.js'
import type { Log } from '../../src/store/log/proof.js'
import { createSequencer } from '../../src/store/log/sequencer.js'
import { migrate, type Role } from '../../src/store/migrate.js'

const ORIGIN = 'bench.test/log'
/** With what an entry has besides, about 300 bytes are in each. */
const PADDING = 'x'.repeat(80)

export interface BenchStore {
  /** Commits entries into a stream as the API does; resolves with the last one's hash when they are durable. */
  readonly commit: (input: {
    readonly stream: string
    readonly entries: number
  }) => ReturnType<typeof commit>
  /** Integrates what is committed and signs the head; resolves with the size of the tree. */
  readonly sequence: () => Promise<number>
  readonly db: Db
  readonly log: Log
  /** Bytes of one entry. */
  readonly entryBytes: () => Promise<number>
  readonly stop: () => Promise<void>
}

export async function startStore(dir: string): Promise<BenchStore> {
  const password = () => randomBytes(9).toString('base64url')
  const cluster = await startPostgres({
    dataDir: join(dir, 'store'),
    logFile: join(dir, 'store.log'),
    superuserPassword: password(),
  })
  const passwords: Readonly<Record<Role, string>> = {
    ...{ cs_api: password(), cs_worker: password() },
    ...{ cs_keeper: password(), cs_connector: password() },
  }
  await migrate({ ownerUrl: cluster.superuserUrl, passwords })
  const open = (role: Role, max: number): Db =>
    openDb(cluster.url(role, passwords[role], 'postgres'), { name: `bench-${role}`, max })
  const [api, keeper] = [open('cs_api', 16), open('cs_keeper', 2)]
  const signer = signerFromPem(generateEd25519().privateKeyPem)
  const { publicKey } = signer
  const sequencer = createSequencer({
    db: keeper,
    signer: { origin: ORIGIN, publicKey, sign: (message) => signNoteBytes(signer, message) },
    highWaterFile: join(dir, 'high-water.json'),
  })
  return {
    commit: (input) => commit(api, input),
    sequence: sequencer.run,
    db: api,
    log: {
      origin: ORIGIN,
      verifier: ed25519Verifier({ name: ORIGIN, publicKey, verify: nodeVerify }),
    },
    entryBytes: async () => {
      const { rows } = await api.query<{ bytes: string }>(
        'select avg(length(bytes)) as bytes from (select bytes from entries limit 100) e',
      )
      return Math.round(Number(rows[0]?.bytes))
    },
    stop: async () => {
      await Promise.all([api.end(), keeper.end()])
      await cluster.stop()
    },
  }
}

const commit = (db: Db, input: { readonly stream: string; readonly entries: number }) =>
  transaction(db, async (tx) => {
    const locked = await lockEnd(tx, `findings:${input.stream}`)
    const body = { type: 'FindingRecorded', note: PADDING }
    const bodies = Array.from({ length: input.entries }, () => body)
    const hash = (await append(tx, { locked, bodies })).at(-1)?.hash
    if (hash === undefined) throw new TypeError('nothing was appended')
    return hash
  })
