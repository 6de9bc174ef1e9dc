/** The keeper's clock is off: nothing is signed, one line says so, and signing goes on by itself when it is right. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MOST_SKEW_MS, skewOf } from '../../src/store/log/skew.js'
import { createSigning } from '../../worker/signing.js'
import { aWorld, type World } from '../support/world.js'

let world: World
let dir: string
beforeAll(async () => {
  world = await aWorld()
  await world.stopSigner()
  dir = await mkdtemp(join(tmpdir(), 'countersign-clock-'))
})
afterAll(async () => {
  await world?.stop()
  await rm(dir, { recursive: true, force: true })
})

const heads = async () => (await world.dba.query('select size from checkpoints order by size')).rows

describe('a clock that is off the database’s', () => {
  it.each([MOST_SKEW_MS + 5000, -MOST_SKEW_MS - 5000])(
    'by %i ms is measured, and stops signing until it is right',
    async (shift) => {
      const db = world.db('cs_keeper')
      let ahead = shift
      const clock = () => Date.now() + ahead
      const measured = await skewOf(db, clock)
      expect(Math.sign(measured)).toBe(Math.sign(shift))
      expect(Math.abs(measured)).toBeGreaterThan(MOST_SKEW_MS)
      const logged: string[] = []
      const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(line) })
      const { signer } = world.authority.keys.log
      const authority = world.keeper.authority
      const before = await heads()
      const sign = createSigning({
        db,
        authority,
        signer,
        clock,
        log,
        stateDir: join(dir, String(shift)),
      })
      await sign()
      await sign()
      const said = () => logged.map((line) => JSON.parse(line).msg)
      const off = 'the clock is off the database’s: nothing is signed'
      expect(said()).toEqual([off, off])
      expect(await heads()).toEqual(before)
      ahead = 0
      await sign()
      expect(said()).toContain('the clock is right again: signing goes on')
      expect((await db.query('select 1 from unsequenced')).rows).toEqual([])
    },
  )
})
