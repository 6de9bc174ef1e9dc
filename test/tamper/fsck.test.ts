/** fsck on a real store with evidence of every sort in it, while the signer is at work, and from the command line. */
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { fsck } from '../../src/fsck/fsck.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { ran } from '../support/command.js'
import { type Evidence, writeEvidence } from '../support/evidence.js'
import { asSuperuser } from '../support/superuser.js'
import { aWorld, type World } from '../support/world.js'

let world: World
let evidence: Evidence
beforeAll(async () => {
  world = await aWorld()
  evidence = await writeEvidence(world)
})
afterAll(() => world.stop())

const beside = (name: string): string => join(dirname(world.memoryFile), name)

const fromTheCommandLine = async (...words: string[]) => {
  const trust = beside('trust.json')
  await writeFile(trust, JSON.stringify(world.authority.trust))
  vi.stubEnv('DATABASE_URL', world.url('cs_api'))
  vi.stubEnv('COUNTERSIGN_TRUST', trust)
  try {
    return await ran({ words: ['fsck', ...words], answers: null })
  } finally {
    vi.unstubAllEnvs()
  }
}

describe('fsck', () => {
  it('finds nothing in a store that holds what was signed, with entries that wait for the log too', async () => {
    const by = { trust: world.authority.trust, verify: nodeVerify, highWater: null }
    const checked = await fsck(world.db('cs_api'), by)
    expect(checked).toMatchObject({ verdict: 'CLEAN', cases: 3, problems: [] })
    expect(checked.entries).toBeGreaterThan(60)
  })

  it('says so in one line and ends with 0, and with 1 and a line for each entry that is wrong', async () => {
    const mark = beside('high-water.json')
    const clean = await fromTheCommandLine('--high-water', mark)
    expect(clean).toMatchObject({ code: 0, err: '' })
    expect(clean.out).toMatch(
      /^CLEAN at=\S+ streams=6 cases=3 entries=\d+ leaves=\d+ checkpoints=\d+\n$/,
    )
    const flip = (seq: number) =>
      asSuperuser(world.dba, async () => {
        await world.dba.query(
          'update entries set bytes = set_byte(bytes, 40, get_byte(bytes, 40) # 1) where stream = $1 and seq = $2',
          [evidence.rotation, seq],
        )
      })
    await flip(7)
    const { code, out } = await fromTheCommandLine()
    expect(code).toBe(1)
    expect(out).toMatch(/^NOT CLEAN /)
    expect(out).toContain(`EVIDENCE_TAMPERED ${evidence.rotation} /7: `)
    const json = JSON.parse((await fromTheCommandLine('--json')).out)
    expect(json).toMatchObject({ verdict: 'NOT CLEAN', cases: 3 })
    expect(json.problems[0]).toMatchObject({ subject: evidence.rotation, where: '/7' })
    await flip(7)
    expect((await fromTheCommandLine()).code).toBe(0)
  })

  it('ends with 2 for a mark that is not there, and for an environment that names no store', async () => {
    expect(await fromTheCommandLine('--high-water', beside('nowhere.json'))).toMatchObject({
      ...{ code: 2, out: '' },
    })
    expect((await ran({ words: ['fsck'], answers: null })).code).toBe(2)
  })
})
