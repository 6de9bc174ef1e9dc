/**
 * What a lost connection does to a write. Each line of the table (test/support/writes.ts) is one write of the product, made four times: the
 * connection ends just before the store hears the end of the write (failed, not persisted), or just after (failed, persisted);
 * then the same process asks again (retry), or another one that knows nothing but what stands in the store and on disks (restart).
 *
 * Whoever asked is told of a failure. The write is there as a whole, or not at all. Asked again, it is answered; it is there once;
 * asked once more, the answer is the first one, or says what the line says; and fsck finds the store clean.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fsck } from '../../src/fsck/fsck.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { openDb } from '../../src/store/db.js'
import { aProcess, failingDb } from '../support/failing.js'
import { aWorld, type World } from '../support/world.js'
import { WRITES, type Write } from '../support/writes.js'

const FAILURES = [
  { persisted: 'not persisted', next: 'the same process asks again' },
  { persisted: 'not persisted', next: 'another process asks' },
  { persisted: 'persisted', next: 'the same process asks again' },
  { persisted: 'persisted', next: 'another process asks' },
] as const

const countIn = async (world: World, trace: string): Promise<number> =>
  (await world.dba.query<{ n: number }>(trace)).rows[0]?.n ?? 0

const urlOf = (world: World, role: Write['role']): string =>
  role === 'owner' ? world.store.superuserUrl : world.url(role)

async function fails(
  world: World,
  of: { readonly write: Write; readonly place: number; readonly dir: string },
): Promise<void> {
  const { write, place, dir } = of
  const { persisted, next: asks } = FAILURES[place] ?? FAILURES[0]
  const { command, trace } = await write.prepare(world, place)
  const before = await countIn(world, trace)
  const failing = await failingDb(urlOf(world, write.role), { ...write.ends, persisted })
  const other = openDb(urlOf(world, write.role), { name: 'other', max: 4 })
  try {
    const first = await aProcess({ world, db: failing.db, dir })
    await expect(command(first)).rejects.toThrow()
    await failing.failed()
    const after = persisted === 'persisted' ? before + 1 : before
    expect(await countIn(world, trace)).toBe(after)
    const next = asks === 'another process asks' ? await aProcess({ world, db: other, dir }) : first
    const answer = await command(next)
    const isFirst = persisted === 'not persisted' || write.again === undefined
    if (!isFirst) expect(answer).toMatchObject(write.again ?? {})
    const again = await command(next)
    if (write.again === undefined) expect(again).toEqual(answer)
    else expect(again).toMatchObject(write.again)
    expect(await countIn(world, trace)).toBe(before + 1)
  } finally {
    await failing.stop()
    await other.end()
  }
}

const clean = async (world: World) => {
  const { trust } = world.authority
  return fsck(world.db('cs_api'), { trust, verify: nodeVerify, highWater: null })
}

let dir: string
const worlds = new Map<string, World>()
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'countersign-failures-'))
})
afterAll(async () => {
  await Promise.all([...worlds.values()].map((world) => world.stop()))
  await rm(dir, { recursive: true, force: true })
})

async function worldOf(what: string, place: number): Promise<World> {
  const of = WRITES[what]?.of ?? 'all'
  const name = of === 'cases' ? `${what} ${FAILURES[place]?.persisted}` : of
  const known = worlds.get(name)
  if (known !== undefined) return known
  const world = await aWorld()
  worlds.set(name, world)
  if (of === 'log') await world.stopSigner()
  return world
}

describe.each(Object.entries(WRITES))('when %s', (what, write) => {
  it.each(FAILURES.map(({ persisted, next: asks }, place) => [persisted, asks, place] as const))(
    'and that failed and is %s: %s',
    async (_, __, place) => {
      const world = await worldOf(what, place)
      await fails(world, { write, place, dir })
      const { problems } = await clean(world)
      expect(problems.filter(({ subject }) => !subject.startsWith('outbox-'))).toEqual([])
    },
  )
})
