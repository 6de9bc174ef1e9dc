/** Emergency access from the command line: asked for, signed with its end, opened by its recipient, ended, and reviewed. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { performStep } from '../../src/execution/execute.js'
import { drawPlan, openDueGate } from '../../src/execution/prepare.js'
import { raiseFence } from '../../src/store/streams/fences.js'
import { must } from '../support/authority.js'
import { signFence, soon } from '../support/people.js'
import { aCommandLine, type CommandLine } from './command-line.js'
import { type ApiRig, anApi } from './rig.js'

let rig: ApiRig
let line: CommandLine
let caseId = ''
beforeAll(async () => {
  rig = await anApi(undefined, (section) => ({
    ...section,
    identities: section.identities.map((identity) =>
      identity.identityId === 'nhi_ledger' ? { ...identity, custodian: null } : identity,
    ),
  }))
  line = await aCommandLine(rig)
  await rig.world.targetDba.query('alter role ledger_a nologin')
})
afterAll(async () => {
  await line?.remove()
  await rig?.stop()
})

const request = (who: 'acme' | 'cleo', identity: string) =>
  line.countersign(
    ...([who, 'request', 'break-glass', identity, '--because', 'INC-9', '--json'] as const),
    ...['--recipient', 'cns_ledger', '--until', soon(3_600_000)],
  )

const approve = (who: 'ana' | 'dora', ...words: string[]) =>
  line.countersign(who, 'decide', caseId, ...words, '--approve', '--yes', '--reason', 'INC-9')

const perform = async (stepId: string) => {
  await performStep(rig.world.connector, { caseId, stepId })
  await openDueGate(rig.world.connector, caseId)
}

describe('countersign request break-glass', () => {
  it('is refused to a partner', async () => {
    const asked = await request('acme', 'nhi_billing')
    expect(asked).toMatchObject({ code: 1 })
    expect(asked.err).toContain('NOT_ALLOWED')
  })

  it('is signed together with its end, which says what it is', async () => {
    const asked = await request('cleo', 'nhi_ledger')
    expect(asked).toMatchObject({ code: 0, err: '' })
    caseId = (JSON.parse(asked.out) as { caseId: string }).caseId
    await drawPlan(rig.world.connector, caseId)
    await openDueGate(rig.world.connector, caseId)
    expect((await line.countersign('ana', 'inbox')).out).toContain('EMERGENCY')
    expect((await line.countersign('ana', 'review', caseId)).out).toContain('BREAK-GLASS')
    expect((await approve('ana', 'open')).err).toContain('has approved its end ahead')
    expect(await approve('ana', 'end', '--ahead')).toMatchObject({ code: 0, err: '' })
    expect(await approve('ana', 'open')).toMatchObject({ code: 0, err: '' })
    expect((await line.countersign('cleo', 'emergency', 'list')).out).toContain('never used')
    await perform('open')
  })

  it('gives the secret to whoever holds the recipient’s key', async () => {
    const key = join(line.dir, 'recipient.pem')
    const { privateKeyPem } = rig.world.authority.keys.consumers.cns_billing
    await writeFile(key, privateKeyPem, { mode: 0o600 })
    const opened = await line.countersign('cleo', 'emergency', 'secret', caseId, '--key', key)
    expect(opened).toMatchObject({ code: 0, err: '' })
    expect(opened.out).toMatch(/^login ledger_a\n\S{43}\n$/)
    expect((await line.countersign('acme', 'emergency', 'list')).err).toContain('NOT_ALLOWED')
  })

  it('is listed as not reviewed until somebody who had no part in it reviewed it', async () => {
    const { authority, verify } = rig.world.api
    const scope = { kind: 'identity', id: 'nhi_ledger' } as const
    const { keys } = rig.world.authority
    const envelope = signFence(keys, { person: 'per_cleo', scope, speed: 'stop' })
    must(await raiseFence(rig.world.db('cs_api'), { envelope, authority, verify }))
    await perform('end')
    expect((await line.countersign('cleo', 'emergency', 'list')).out).toContain('NOT REVIEWED')
    expect((await approve('ana', 'review')).code).toBe(1)
    expect(await approve('dora', 'review')).toMatchObject({ code: 0, err: '' })
    await perform('review')
    expect((await line.countersign('cleo', 'emergency', 'list')).out).toMatch(
      /approved by per_ana {2}reviewed/,
    )
  })
})
