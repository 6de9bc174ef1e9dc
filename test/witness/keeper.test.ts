/**
 * The real keeper with a policy of two witnesses, of which one is away at first: signing goes on, packets say who
 * cosigned, and who does not cosign is said for as long as it lasts.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkWitnesses } from '../../src/cli/operators/doctor-witnesses.js'
import { ConfigFault, keeperConfig } from '../../src/config.js'
import { freePort } from '../../src/embedded/ports.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { formatAddCheckpoint } from '../../src/ledger/add-checkpoint.js'
import { signCheckpoint } from '../../src/ledger/checkpoint.js'
import { CHECKPOINT, proofFile } from '../../src/packet/files.js'
import { verifyPacket } from '../../src/packet/verify/verify.js'
import { awaitProof } from '../../src/store/log/proof.js'
import { isMissing, witnessHealth } from '../../src/store/log/witnesses.js'
import { startKeeper } from '../../worker/keeper.js'
import type { Service } from '../../worker/service.js'
import { filesOf, reseal } from '../packet/forge.js'
import { must } from '../support/authority.js'
import { caseworkIn } from '../support/casework.js'
import { type LoggedLine, loggedTo } from '../support/log.js'
import { packetOf } from '../support/packets.js'
import { waitUntil } from '../support/wait.js'
import { aWitness, type TestWitness } from '../support/witness.js'
import { aWorld, type World } from '../support/world.js'

let world: World
let dir: string
let env: Record<string, string>
let keeper: Service
let auditor: TestWitness
let partner: TestWitness
let caseId: string
const lines: LoggedLine[] = []

const originOf = () => world.authority.authority.root.log.origin
const start = async (): Promise<Service> => startKeeper(keeperConfig(env), loggedTo(lines))
const policyOf = (quorum: string) => [
  auditor.line,
  partner.line,
  `group both ${quorum} auditor partner`,
  'quorum both',
]

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'countersign-witnessed-'))
  world = await aWorld()
  await world.stopSigner()
  const { keyId, alg, publicKey, privateKeyPem, signer } = world.authority.keys.log
  const logKey = { name: originOf(), publicKey: signer.publicKey }
  auditor = await aWitness({ name: 'auditor', dir, logKey })
  partner = await aWitness({ name: 'partner', dir, logKey })
  const file = (name: string, text: string) => writeFile(join(dir, name), text, { mode: 0o600 })
  await file('log.pem', privateKeyPem)
  await file('log.json', JSON.stringify({ keyId, alg, publicKey }))
  await file('trust.json', JSON.stringify(world.authority.trust))
  const key = Buffer.alloc(32, 'a').toString('base64')
  await file('codec.json', JSON.stringify([{ kid: 'one', key }]))
  await file('policy', policyOf('any').join('\n'))
  env = {
    DATABASE_URL: world.url('cs_keeper'),
    TEMPORAL_ADDRESS: `127.0.0.1:${await freePort()}`,
    COUNTERSIGN_TRUST: join(dir, 'trust.json'),
    COUNTERSIGN_CODEC_KEYS: join(dir, 'codec.json'),
    // The world's signer kept its mark there: this keeper goes on where that one ended.
    COUNTERSIGN_STATE_DIR: join(dir, 'state'),
    COUNTERSIGN_LOG_KEY: join(dir, 'log.pem'),
    COUNTERSIGN_WITNESS_POLICY: join(dir, 'policy'),
  }
  await auditor.come()
  keeper = await start()
  caseId = await caseworkIn(world).open('billing', { kind: 'rotate' })
})
afterAll(async () => {
  await keeper?.stop()
  await auditor?.leave()
  await partner?.leave()
  await world?.stop()
  await rm(dir, { recursive: true, force: true })
})

const health = () => witnessHealth(world.db('cs_api'))
const missing = async () => (await health()).filter(isMissing).map(({ name }) => name)
const doctor = () => checkWitnesses({ DATABASE_URL: world.url('cs_api') })

const verdictOn = (bytes: Uint8Array, witnesses?: readonly string[]) =>
  verifyPacket({
    bytes,
    trust: {
      ...world.authority.trust,
      ...(witnesses === undefined ? {} : { witnesses: [...witnesses] }),
    },
    verify: nodeVerify,
  })

describe('with one witness away', () => {
  it('entries are signed and proved all the same', async () => {
    const { connector, dba } = world
    const { rows } = await dba.query<{ hash: `sha256:${string}` }>(
      'select hash from entries where stream = $1',
      [caseId],
    )
    const { log, published } = connector
    const [first] = rows
    const waiting = { hash: first?.hash ?? 'sha256:', log, published, withinMs: 20_000 } as const
    must(await awaitProof(connector.db, { ...waiting, said: 'not yet' }))
  })

  it('it is named by log, doctor and store, at each attempt, while the other cosigns', async () => {
    const said = () => lines.filter(({ loop }) => loop === 'witness partner').length
    await waitUntil(async () => (await missing()).join() === 'partner' && said() > 1)
    expect((await doctor()).state).toBe('failed')
    expect((await doctor()).detail).toContain('witness partner is missing')
    expect((await health()).find(({ name }) => name === 'auditor')?.fault).toBeNull()
    expect(lines.some(({ loop }) => loop === 'witness auditor')).toBe(false)
  })

  it('a packet carries the cosignature that there is, and each verifier says whether it counts', async () => {
    const bytes = await packetOf(world, caseId)
    expect(verdictOn(bytes)).toMatchObject({
      ...{ verdict: 'VERIFIED', witnesses: 'single party', cosigned: [], quorum: 'not asked' },
    })
    expect(verdictOn(bytes, policyOf('any'))).toMatchObject({
      ...{ verdict: 'VERIFIED', witnesses: 'witnessed by 1 of 2', quorum: 'met' },
      cosigned: [{ name: 'auditor' }],
    })
    expect(verdictOn(bytes, policyOf('all'))).toMatchObject({
      ...{ verdict: 'VERIFIED', witnesses: 'witnessed by 1 of 2', quorum: 'not met' },
    })
    expect(verdictOn(bytes, [partner.line, 'quorum partner'])).toMatchObject({
      ...{ verdict: 'VERIFIED', witnesses: 'single party', quorum: 'not met' },
    })
    const readme = Buffer.from(filesOf(bytes).get('README.txt') ?? []).toString()
    expect(readme).toContain('auditor.test/witness')
  })

  it('a packet whose cosignature was altered is refused by whoever knows the witness', async () => {
    const files = filesOf(await packetOf(world, caseId))
    const note = Buffer.from(files.get(CHECKPOINT) ?? []).toString()
    const line = note.trimEnd().split('\n').at(-1) ?? ''
    const broken = `${line.slice(0, -6)}${line.at(-6) === 'A' ? 'B' : 'A'}${line.slice(-5)}`
    for (const [name, bytes] of files)
      if (name === CHECKPOINT || name === proofFile(1) || name.endsWith('.tlog-proof'))
        files.set(name, utf8ToBytes(Buffer.from(bytes).toString().replace(line, broken)))
    const forged = reseal(files)
    expect(verdictOn(forged)).toMatchObject({ verdict: 'VERIFIED', witnesses: 'single party' })
    expect(verdictOn(forged, policyOf('any'))).toMatchObject({
      ...{ verdict: 'NOT VERIFIED', witnesses: 'single party' },
      problems: [{ code: 'PROOF_INVALID', where: CHECKPOINT }],
    })
  })

  it('once it comes, it cosigns what is newest, and nothing is missing', async () => {
    await partner.come()
    await waitUntil(async () => (await missing()).length === 0)
    await waitUntil(async () => (await doctor()).state === 'good')
    await waitUntil(async () => {
      const verdict = verdictOn(await packetOf(world, caseId), policyOf('all'))
      return verdict.witnesses === 'witnessed by 2 of 2' && verdict.quorum === 'met'
    })
  })
})

describe('a witness that knows another log', () => {
  /** Somebody with the log's key shows a witness what is not in the store. */
  async function show(witness: TestWitness, grownBy: number): Promise<void> {
    const size = Math.max(...(await health()).map((each) => each.size)) + grownBy
    const checkpoint = await signCheckpoint({
      checkpoint: { origin: originOf(), size, root: new Uint8Array(32).fill(7), extensions: [] },
      ...{
        publicKey: world.authority.keys.log.signer.publicKey,
        sign: world.authority.keys.log.signer.sign,
      },
    })
    const answer = await witness.add(formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint }))
    expect(answer.status).toBe(200)
  }
  const faultOf = async (name: string) =>
    (await health()).find((each) => each.name === name)?.fault ?? ''

  it('and a larger one says so: a restored backup does not go unnoticed', async () => {
    await partner.leave()
    await rm(join(dir, 'partner'), { recursive: true })
    await partner.come()
    await show(partner, 1000)
    await caseworkIn(world).open('ledger', { kind: 'rotate' })
    await waitUntil(async () => (await faultOf('partner')).includes('a backup was restored'))
    expect(await missing()).toEqual(['partner'])
  })

  it('and one that is no continuation says so: a fork', async () => {
    await auditor.leave()
    await rm(join(dir, 'auditor'), { recursive: true })
    await auditor.come()
    const [before] = await health()
    await show(auditor, -1)
    expect(before?.name).toBe('auditor')
    await caseworkIn(world).open('vault', { kind: 'rotate' })
    await waitUntil(async () => (await faultOf('auditor')).includes('a fork'))
    expect((await doctor()).detail).toContain('a fork')
  })
})

describe('the configuration', () => {
  it('with a policy that cannot be read is refused, and the line named', async () => {
    await writeFile(join(dir, 'wrong'), 'witness auditor nonsense\nquorum auditor\n')
    const wrong = () => keeperConfig({ ...env, COUNTERSIGN_WITNESS_POLICY: join(dir, 'wrong') })
    expect(wrong).toThrow(ConfigFault)
    expect(wrong).toThrow(/COUNTERSIGN_WITNESS_POLICY.*policy\/line 1/)
  })
})
