/**
 * What was not written here reads and verifies the log that the API serves: tessera's fsck over HTTP, and
 * Go's signed notes. Without Go the promises are not shown, and one line says so.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formatVkey } from '../../src/ledger/note-key.js'
import { parseWitnessPolicy } from '../../src/ledger/witness-policy.js'
import { append, lockEnd } from '../../src/store/case/apply.js'
import { transaction } from '../../src/store/db.js'
import { awaitProofs } from '../../src/store/log/proof.js'
import { createWitnessing } from '../../worker/witnessing.js'
import { aCommandLine } from '../api/command-line.js'
import { type ApiRig, anApi } from '../api/rig.js'
import { must } from '../support/authority.js'
import { caseworkIn } from '../support/casework.js'
import { aWitness } from '../support/witness.js'
import { anOutsider, saySkipped } from './go.js'

const outsider = await anOutsider()
saySkipped(outsider)

describe.runIf(typeof outsider !== 'string')('tessera and Go', () => {
  let rig: ApiRig
  let dir: string
  beforeAll(async () => {
    rig = await anApi()
    dir = await mkdtemp(join(tmpdir(), 'countersign-log-'))
  })
  afterAll(async () => {
    await rig?.stop()
    await rm(dir, { recursive: true, force: true })
  })

  const look = (...words: string[]) => {
    if (typeof outsider === 'string') throw new Error(outsider)
    const { origin } = rig.world.authority.authority.root.log
    const { publicKey } = rig.world.authority.keys.log.signer
    const vkey = formatVkey({ name: origin, publicKey })
    return outsider.look(['-url', `${rig.url}/log/`, '-log', vkey, ...words])
  }

  /** Afterwards they are under a signed head. */
  async function write(count: number): Promise<void> {
    const bodies = Array.from({ length: count }, () => ({
      type: 'FindingRecorded',
      of: 'nhi_billing',
    }))
    const added = await transaction(rig.world.db('cs_api'), async (tx) =>
      append(tx, { locked: must(await lockEnd(tx, 'findings:notes')), bodies }),
    )
    const { db, log, published } = rig.world.connector
    const hashes = added.map(({ hash }) => hash)
    const waiting = { hashes, log, published, withinMs: 20_000, said: 'not yet' } as const
    must(await awaitProofs(db, waiting))
  }

  it('recompute every tile and the signed head from the entry bundles, over full tiles and partial ones', async () => {
    await write(3)
    expect((await look()).size).toBeGreaterThanOrEqual(3)
    await write(600)
    const { size, records, origin } = await look()
    expect(size).toBeGreaterThanOrEqual(603)
    expect(origin).toBe(rig.world.authority.authority.root.log.origin)
    expect(records.length).toBe(size)
    for (const record of records)
      expect(record).toMatch(/^\{"entry":"sha256:[0-9a-f]{64}","v":1\}$/)
  })

  it('find one entry in the log from its bytes and its tlog-proof, as countersign log proof writes them', async () => {
    const caseId = await caseworkIn(rig.world).open('billing', { kind: 'rotate' })
    await write(1)
    const line = await aCommandLine(rig)
    try {
      const said = await line.countersign('ana', 'log', 'proof', caseId, '1', '-o', dir, '--json')
      const files = JSON.parse(said.out) as { entry: string; proof: string }
      const looking = ['-entry', files.entry, '-proof', files.proof]
      expect((await look(...looking)).entry).toBeTypeOf('number')
      expect((await line.countersign('ana', 'log', 'proof', caseId, '1', '-o', dir)).code).toBe(2)
      const beyond = await line.countersign('ana', 'log', 'proof', caseId, '99', '-o', dir)
      expect(beyond).toMatchObject({ code: 1 })
      const bytes = await readFile(files.entry, 'utf8')
      await writeFile(files.entry, bytes.replace('nhi_', 'nho_'))
      await expect(look(...looking)).rejects.toThrow('root')
    } finally {
      await line.remove()
    }
  })

  it('accept the cosignature of a witness, and only of the one whose key they were given', async () => {
    const { origin, key } = rig.world.authority.authority.root.log
    const logKey = { name: origin, publicKey: Buffer.from(key.publicKey, 'base64') }
    const witness = await aWitness({ name: 'auditor', dir, logKey })
    const stranger = await aWitness({ name: 'stranger', dir, logKey })
    const policy = must(parseWitnessPolicy(`${witness.line}\nquorum auditor\n`))
    await witness.come()
    try {
      const [asked] = policy.witnesses
      if (asked === undefined) throw new Error('nobody is asked')
      const db = rig.world.db('cs_keeper')
      await createWitnessing({ db, policy, witness: { ...asked, url: witness.url } })()
    } finally {
      await witness.leave()
    }
    const keys = ['-witness', witness.vkey, '-witness', stranger.vkey]
    expect((await look(...keys)).cosigners).toEqual(['auditor.test/witness'])
    expect((await look('-witness', stranger.vkey)).cosigners).toEqual([])
  })

  it('refuse a head of another log key', async () => {
    const { publicKey } = rig.world.authority.keys.persons.per_zed.signer
    const { origin } = rig.world.authority.authority.root.log
    const forged = formatVkey({ name: origin, publicKey })
    await expect(look('-log', forged)).rejects.toThrow('fsck')
  })

  it('find a tile that was altered in the store', async () => {
    const flip = () =>
      rig.world.dba.query(
        'update tiles set data = set_byte(data, 70, get_byte(data, 70) # 1) where level = 0 and index = 1',
      )
    await flip()
    await expect(look()).rejects.toThrow('fsck')
    await flip()
    expect((await look()).size).toBeGreaterThan(600)
  })
})
