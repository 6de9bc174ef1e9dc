/** What Temporal still remembers is compared with the store: what a run was told and heard, and how it ended, is in it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createPayloadCodec } from '../../src/codec/payload-codec.js'
import { due } from '../../src/domain/case/due.js'
import { fsck } from '../../src/fsck/fsck.js'
import type { History } from '../../src/fsck/histories.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { readHistories } from '../../worker/histories.js'
import { ran } from '../support/command.js'
import { HISTORY_KEYS } from '../support/histories.js'
import { aRig, type Rig, until } from '../support/rig.js'

let rig: Rig
let caseId: string
let history: History
beforeAll(async () => {
  rig = await aRig()
  caseId = await rig.open('billing')
  await rig.approve(caseId, { stepId: 'issue', person: 'per_ana' })
  await until('a decision on cut-over', async () => {
    const next = due(await rig.stateOf(caseId))
    return next.kind === 'decision' && next.stepId === 'cut-over'
  })
  await until('the run has folded it', async () => {
    const { seq } = await rig.client.workflow.getHandle(caseId).query<{ seq: number }>('case')
    return seq === (await rig.stateOf(caseId)).seq
  })
  const histories = await readHistories(rig.client, createPayloadCodec({ keys: HISTORY_KEYS }))
  history = histories[0] as History
})
afterAll(() => rig.stop())

const checked = (...histories: readonly History[]) =>
  fsck(rig.world.db('cs_api'), {
    ...{ trust: rig.world.authority.trust, verify: nodeVerify, highWater: null, histories },
  })
const named = async (changed: History) =>
  (await checked(changed)).problems.map(({ subject, where, detail }) => ({
    subject,
    where,
    detail,
  }))
const place = (eventId: number | undefined) => `/histories/${history.runId}/${eventId}`

describe('fsck with the histories of Temporal', () => {
  it('finds nothing where the store holds what every run was told and heard', async () => {
    const { seq } = await rig.stateOf(caseId)
    const told = new Set([...history.said, ...history.told.map((one) => one.seq)])
    expect([...told].sort((left, right) => left - right)).toEqual(
      Array.from({ length: seq }, (_, index) => index + 1),
    )
    expect(history.heard).toHaveLength(1)
    expect(await checked(history)).toMatchObject({ verdict: 'CLEAN', histories: 1, problems: [] })
  })

  it('names the event by which a run was told what the store does not hold', async () => {
    const [first, ...others] = history.told
    const other = { ...first, hash: `sha256:${'0'.repeat(64)}` } as History['told'][number]
    expect(await named({ ...history, told: [other, ...others] })).toMatchObject([
      { subject: caseId, where: place(first?.eventId) },
    ])
    const last = history.told.at(-1)
    const further = { eventId: 99, seq: (last?.seq ?? 0) + 1, hash: 'sha256:' }
    expect(await named({ ...history, told: [...history.told, further] })).toMatchObject([
      { subject: caseId, where: place(99), detail: expect.stringContaining(`${further.seq}`) },
    ])
  })

  it('names the event before which an entry was never told', async () => {
    const told = history.told.filter(({ seq }) => seq !== 1)
    const gap = told.find(({ seq }) => seq === 2)
    expect(await named({ ...history, told })).toMatchObject([{ where: place(gap?.eventId) }])
  })

  it('names the event by which a run heard a decision that is nowhere', async () => {
    const heard = [{ eventId: 7, envelope: { payload: 'another' } }]
    expect(await named({ ...history, heard })).toMatchObject([{ where: place(7) }])
  })

  it('names a run that ended a case otherwise, and one of a case that is gone', async () => {
    const outcome = { eventId: 8, value: 'completed' }
    expect(await named({ ...history, outcome })).toMatchObject([{ where: place(8) }])
    const gone = caseId.replace(/.{26}$/, '01KB0000000000000000000000')
    expect(await named({ ...history, caseId: gone })).toMatchObject([{ subject: gone }])
  })

  it('is asked for from the command line', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'countersign-fsck-'))
    const file = async (name: string, value: unknown) => {
      await writeFile(join(dir, name), JSON.stringify(value))
      return join(dir, name)
    }
    const keys = HISTORY_KEYS.map(({ kid, key }) => ({
      kid,
      key: Buffer.from(key).toString('base64'),
    }))
    vi.stubEnv('DATABASE_URL', rig.world.url('cs_api'))
    vi.stubEnv('COUNTERSIGN_TRUST', await file('trust.json', rig.world.authority.trust))
    vi.stubEnv('COUNTERSIGN_CODEC_KEYS', await file('codec.json', keys))
    try {
      const words = ['fsck', '--temporal', rig.address]
      const { code, out } = await ran({ words, answers: null })
      expect(out).toMatch(/^CLEAN .* histories=1\n$/)
      expect(code).toBe(0)
    } finally {
      vi.unstubAllEnvs()
      await rm(dir, { recursive: true, force: true })
    }
  })
})
