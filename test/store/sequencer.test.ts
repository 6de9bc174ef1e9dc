import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Digest } from '../../src/domain/bytes/digest.js'
import { signNoteBytes } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { openCheckpoint } from '../../src/ledger/checkpoint.js'
import { leafOf } from '../../src/ledger/entry.js'
import { ed25519Verifier } from '../../src/ledger/note-key.js'
import { rootOf } from '../../src/ledger/tree.js'
import { proofsOf } from '../../src/store/log/proof.js'
import { createSequencer, LogForked, type Sequencer } from '../../src/store/log/sequencer.js'
import { aKey, must } from '../support/authority.js'
import { aStore, type TestStore } from '../support/store.js'

const key = aKey('key_log')
const ORIGIN = 'log.bank.test'
const log = {
  origin: ORIGIN,
  verifier: ed25519Verifier({
    name: ORIGIN,
    publicKey: key.signer.publicKey,
    verify: nodeVerify,
  }),
}

let store: TestStore
beforeEach(async () => {
  store = await aStore()
})
afterEach(() => store.stop())

/** Each has its own memory of the largest head, as a keeper on another machine has. */
async function aSequencer(name: string): Promise<Sequencer> {
  await mkdir(join(store.dir, name), { recursive: true })
  return createSequencer({
    db: store.db('cs_keeper'),
    signer: {
      origin: ORIGIN,
      publicKey: key.signer.publicKey,
      sign: (message) => signNoteBytes(key.signer, message),
    },
    highWaterFile: join(store.dir, name, 'high-water.json'),
  })
}

const write = (count: number) =>
  store.write(
    'findings:notes',
    Array.from({ length: count }, () => ({ type: 'FindingRecorded' })),
  )

const leaves = async (): Promise<readonly Digest[]> =>
  (await store.dba.query<{ hash: Digest }>('select hash from leaves order by index')).rows.map(
    ({ hash }) => hash,
  )

/** Afterwards every signed head is the root of the first leaves of the log, and every leaf has a proof. */
async function checkLog(): Promise<readonly number[]> {
  const hashes = await leaves()
  const { rows } = await store.dba.query<{ note: string }>(
    'select note from checkpoints order by size',
  )
  const sizes = rows.map(({ note }) => {
    const { size, root } = must(openCheckpoint({ note, ...log })).checkpoint
    const expected = rootOf(hashes.slice(0, size).map(leafOf))
    expect(Buffer.from(root).toString('hex')).toBe(Buffer.from(expected).toString('hex'))
    return size
  })
  expect(sizes.at(-1)).toBe(hashes.length)
  const proofs = must((await proofsOf(store.db('cs_api'), { hashes, log })) ?? [])
  expect(proofs.length).toBe(hashes.length)
  return sizes
}

describe('one sequencer', () => {
  it('signs a consistent head after each run, over full tiles and partial ones', async () => {
    const sequencer = await aSequencer('one')
    const sizes: number[] = []
    for (const count of [1, 2, 252, 1, 1, 300]) {
      await write(count)
      sizes.push(await sequencer.run())
    }
    expect(await checkLog()).toEqual([1, 3, 255, 256, 257, 557])
    expect(sizes).toEqual([1, 3, 255, 256, 257, 557])
  })

  it('goes on where another process ended', async () => {
    await write(5)
    await (await aSequencer('one')).run()
    await write(5)
    expect(await (await aSequencer('one')).run()).toBe(10)
    expect(await checkLog()).toEqual([5, 10])
  })

  it('signs nothing before its high-water mark is durable, and signs what it owes once it is', async () => {
    const sequencer = await aSequencer('one')
    await write(1)
    await sequencer.run()
    await rm(join(store.dir, 'one'), { recursive: true })
    await write(2)
    await expect(sequencer.run()).rejects.toThrow('ENOENT')
    expect((await store.dba.query('select from checkpoints')).rowCount).toBe(1)
    await mkdir(join(store.dir, 'one'))
    expect(await sequencer.run()).toBe(3)
    expect(await checkLog()).toEqual([1, 3])
  })
})

describe('a second sequencer that takes over', () => {
  it('is noticed by the first, which reads the tree again before it adds to it', async () => {
    const first = await aSequencer('first')
    const second = await aSequencer('second')
    await write(3)
    await first.run()
    await write(4)
    await second.run()
    await write(2)
    await first.run()
    await write(1)
    await second.run()
    expect(await checkLog()).toEqual([3, 7, 9, 10])
  })

  it('can work at the same moment without harm', async () => {
    const both = await Promise.all([aSequencer('first'), aSequencer('second')])
    for (let round = 0; round < 10; round += 1) {
      await write(3)
      await Promise.all(both.map((sequencer) => sequencer.run()))
    }
    expect((await leaves()).length).toBe(30)
    await checkLog()
  })
})

describe('a restore under a running sequencer', () => {
  const cutTo = async (size: number): Promise<void> => {
    await store.dba.query('delete from leaves where index >= $1', [size])
    await store.dba.query('update tiles set data = substring(data for $1) where level = 0', [
      size * 32,
    ])
    await store.dba.query('delete from checkpoints where size > $1', [size])
  }

  it('to a smaller tree is a fork, also once it has grown past what was signed', async () => {
    const sequencer = await aSequencer('one')
    await write(6)
    await sequencer.run()
    await cutTo(4)
    await write(5)
    await expect(sequencer.run()).rejects.toThrow(LogForked)
    await expect(sequencer.run()).rejects.toThrow(LogForked)
    expect((await store.dba.query('select from checkpoints')).rowCount).toBe(0)
  })

  it('is told in one line: how much there is, how much was signed, and what that means', async () => {
    const sequencer = await aSequencer('one')
    await write(6)
    await sequencer.run()
    await cutTo(4)
    const next = await aSequencer('one')
    await expect(next.run()).rejects.toThrow(
      /of 4 entries, but 6 were signed: a backup was restored/,
    )
  })

  it('is a fork too where the file of the mark was taken away with it', async () => {
    const sequencer = await aSequencer('one')
    await write(6)
    await sequencer.run()
    await cutTo(4)
    await rm(join(store.dir, 'one', 'high-water.json'))
    await write(5)
    await expect(sequencer.run()).rejects.toThrow(LogForked)
  })

  it('to another tree of the same size is a fork', async () => {
    const sequencer = await aSequencer('one')
    const other = await aSequencer('other')
    await write(4)
    await sequencer.run()
    await cutTo(3)
    await rm(join(store.dir, 'other'), { recursive: true })
    await mkdir(join(store.dir, 'other'))
    await write(1)
    await other.run()
    expect((await leaves()).length).toBe(4)
    await write(1)
    await expect(sequencer.run()).rejects.toThrow(LogForked)
    expect((await leaves()).length).toBe(4)
  })
})

describe('a head', () => {
  it('is published without a wait for the disk, and one that a crash of the store lost is signed again, the same', async () => {
    await store.dba.query(`create table commits (waits text); grant insert on commits to public;
      create function note() returns trigger language plpgsql as $$ begin
        insert into commits values (current_setting('synchronous_commit')); return null; end $$;
      create trigger noted after insert on checkpoints for each row execute function note();
      create trigger noted after insert on leaves for each row execute function note();`)
    const waits = async () =>
      (await store.dba.query('select waits from commits')).rows.map((row) => row.waits)
    await write(1)
    await (await aSequencer('one')).run()
    expect(await waits()).toEqual(['on', 'off'])
    const notes = async () => (await store.dba.query('select size, note from checkpoints')).rows
    const published = await notes()
    await store.dba.query('delete from checkpoints')
    await (await aSequencer('one')).run()
    expect(await notes()).toEqual(published)
  })
})
