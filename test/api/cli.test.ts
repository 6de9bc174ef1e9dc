/** The command line in this process, as `countersign …` runs it, against the real API. No terminal is attached. */
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { plain } from '../../src/cli/session/outcome.js'
import { performStep } from '../../src/execution/execute.js'
import { drawPlan, openDueGate } from '../../src/execution/prepare.js'
import { waitUntil } from '../support/wait.js'
import { aCommandLine, type CommandLine } from './command-line.js'
import { type ApiRig, anApi } from './rig.js'

let rig: ApiRig
let dir: string
let caseId: string

let line: CommandLine
const countersign: CommandLine['countersign'] = (...words) => line.countersign(...words)
beforeAll(async () => {
  rig = await anApi()
  line = await aCommandLine(rig)
  dir = line.dir
})
afterAll(async () => {
  await line?.remove()
  await rig?.stop()
})

describe('countersign', () => {
  it('asks for a rotation, shows the review, signs and sends the decision', async () => {
    const asked = await countersign('acme', 'request', 'rotate', 'nhi_billing', '--json')
    expect(asked.code).toBe(0)
    caseId = (JSON.parse(asked.out) as { caseId: string }).caseId
    await drawPlan(rig.world.connector, caseId)
    await openDueGate(rig.world.connector, caseId)

    expect((await countersign('ana', 'inbox')).out).toContain(`${caseId}  issue`)
    const review = await countersign('ana', 'review', caseId)
    for (const word of ['blast radius', 'rollback', 'pre-state', 'policy', 'per_ana', 'plan hash'])
      expect(review.out).toContain(word)
    const decided = await countersign(
      'ana',
      'decide',
      caseId,
      'issue',
      '--approve',
      '--yes',
      '--reason',
      'due',
    )
    expect(decided).toMatchObject({ code: 0, err: '' })
    expect(decided.out.trimEnd().split('\n').at(-1)).toMatch(
      /^signed approve for issue: entry \d+, the gate is satisfied$/,
    )
    await performStep(rig.world.connector, { caseId, stepId: 'issue' })
    await openDueGate(rig.world.connector, caseId)
  })

  it('shows what an approver asks to whoever asked for the case', async () => {
    const words = ['decide', caseId, 'cut-over', '--ask', '--yes', '--reason', 'Why now?']
    expect(await countersign('ana', ...words)).toMatchObject({ code: 0 })
    const shown = await countersign('acme', 'cases', caseId)
    expect(shown.out).toContain('QUESTION of per_ana on cut-over: Why now?')
  })

  it('signs ahead of a gate that is not open yet, and not at it', async () => {
    const words = ['decide', caseId, 'close', '--approve', '--yes']
    const early = await countersign('ana', ...words)
    expect(early.code).toBe(1)
    expect(early.err).toMatch(/^refused GATE_NOT_OPEN at /)
    expect(await countersign('ana', ...words, '--ahead')).toMatchObject({ code: 0 })
  })

  it('says in one line and with status 1 why something is refused', async () => {
    const refused = await countersign('acme', 'review', caseId)
    expect(refused).toMatchObject({ code: 1, out: '' })
    expect(refused.err).toMatch(/^refused NOT_ALLOWED at [^\n]+\n$/)
    const json = await countersign(
      'cleo',
      'decide',
      caseId,
      'cut-over',
      '--decline',
      '--yes',
      '--json',
    )
    expect(JSON.parse(json.out)).toMatchObject({ refused: 'NOT_AN_APPROVER' })
  })

  it('asks nobody without a terminal', async () => {
    expect(await countersign('ana', 'decide', caseId)).toMatchObject({ code: 2, out: '' })
    expect(await countersign('ana', 'decide', caseId, '--approve')).toMatchObject({ code: 2 })
    expect(await countersign('ana', 'decide', caseId, '--yes')).toMatchObject({ code: 2 })
    const unnamed = await countersign('ana', 'decide', caseId, '--approve', '--yes')
    expect(unnamed).toMatchObject({ code: 2 })
    expect(unnamed.err).toContain('--yes needs the step')
  })

  it.each([
    ['an unknown command', ['frobnicate']],
    ['a missing argument', ['review']],
    ['an unknown option', ['inbox', '--loud']],
    ['no profile', ['inbox']],
    ['a profile that is not there', ['inbox', '--profile', '/nowhere.json']],
    ['two scopes for a fence', ['fence', 'stop', '--partner', 'com_a', '--system', 'sys_a']],
    ['a process without configuration', ['doctor', '--verbose']],
  ])('ends with status 2 for %s', async (_, words) => {
    const ran = await countersign(null, ...words)
    expect(ran.code).toBe(2)
    expect(ran.out).toBe('')
  })

  it('ends with status 3 when the API cannot be reached', async () => {
    const text = await readFile(join(dir, 'ana.json'), 'utf8')
    const gone = { ...(JSON.parse(text) as object), api: 'http://127.0.0.1:9' }
    await writeFile(join(dir, 'gone.json'), JSON.stringify(gone))
    const ran = await countersign(null, 'cases', '--profile', join(dir, 'gone.json'))
    expect(ran).toMatchObject({
      code: 3,
      err: expect.stringMatching(/^countersign: the API at \S+ cannot be reached; .*\n$/),
    })
  })

  it('uses no key file that others can read', async () => {
    const file = join(dir, 'key_ben.pem')
    await chmod(file, 0o644)
    const ran = await countersign('ben', 'decide', caseId, 'cut-over', '--approve', '--yes')
    await chmod(file, 0o600)
    expect(ran.code).toBe(2)
    expect(ran.err).toContain('open to others')
  })

  it('exports a packet, never over another file, and verifies it with the trusted keys alone', async () => {
    const file = join(dir, 'packet.zip')
    const exported = await countersign('ana', 'evidence', 'export', caseId, '-o', file)
    expect(exported).toMatchObject({ code: 0 })
    expect(await countersign('ana', 'evidence', 'export', caseId, '-o', file)).toMatchObject({
      code: 2,
    })
    const trust = join(dir, 'trust.json')
    await writeFile(trust, JSON.stringify(rig.world.authority.trust))
    const verified = await countersign(null, 'verify', file, '--trust', trust)
    expect(verified).toMatchObject({ code: 0, err: '' })
    expect(verified.out).toMatch(/^VERIFIED /)
    const bytes = await readFile(file)
    bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 1
    await writeFile(join(dir, 'changed.zip'), bytes)
    const changed = await countersign(
      null,
      'verify',
      join(dir, 'changed.zip'),
      '--trust',
      trust,
      '--json',
    )
    expect(changed.code).toBe(1)
    expect(JSON.parse(changed.out)).toMatchObject({ verdict: 'NOT VERIFIED' })
  })

  it('stops an identity by a fence that a duty person signs', async () => {
    const stopped = await countersign('cleo', 'fence', 'stop', '--identity', 'nhi_billing')
    expect(stopped).toMatchObject({ code: 0 })
    expect(stopped.out).toMatch(/^stopped identity nhi_billing: fence /)
    expect((await countersign('acme', 'cases')).out).toContain(caseId)
  })
})

describe('what is shown', () => {
  it('cannot act on a terminal', () => {
    expect(plain('a\u001b[2Jb\u009b1m\u202ec\r\n')).toBe('a\ufffd[2Jb\ufffd1m\ufffdc\ufffd\ufffd')
  })

  it('is nothing of a secret: profiles, errors and output hold no key', async () => {
    await waitUntil(() => rig.logged.length > 0)
    const { privateKeyPem } = rig.loginKeys.ana
    const ran = await countersign('ana', 'cases', caseId)
    expect(ran.out + ran.err + rig.logged.join('')).not.toContain(privateKeyPem.split('\n')[1])
  })
})

describe('a campaign', () => {
  let page: string
  let campaignId: string

  it('is asked for with one command, which opens every page; whoever asks decides on none', async () => {
    const asked = await countersign(
      'ben',
      ...['request', 'recertify', '--partner', 'com_acme', '--tier', 'tier1', '--json'],
    )
    expect(asked).toMatchObject({ code: 0 })
    const answer = JSON.parse(asked.out)
    campaignId = answer.campaignId
    page = answer.pages[0].caseId
    expect(answer.pages).toMatchObject([{ ownerId: 'per_ana', refused: null, page: 1 }])
    await drawPlan(rig.world.connector, page)
    await openDueGate(rig.world.connector, page)
    const shown = await countersign('ana', 'review', page, 'decide')
    expect(shown.out).toContain('ODD: not-rotated, never-recertified')
  })

  it('is signed item by item: what is odd is in no batch, and nothing may be left over', async () => {
    const decide = ['decide', page, 'decide', '--approve', '--yes']
    const batch = await countersign('ana', ...decide, '--keep-rest')
    expect(batch).toMatchObject({ code: 1 })
    expect(batch.err + batch.out).toContain('nhi_billing is odd')
    const vain = await countersign('ana', ...decide, '--keep', 'nhi_unheard-of')
    expect(vain).toMatchObject({ code: 1 })
    const keep = ['--keep', 'nhi_billing', 'nhi_intake', '--revoke', 'nhi_ledger']
    expect(await countersign('ana', ...decide, ...keep)).toMatchObject({ code: 0 })
  })

  it('is shown with its pages and how its role decided, without a person', async () => {
    const shown = await countersign('ben', 'campaign', 'show', campaignId)
    expect(shown.out).toContain('3 identities, 3 odd, 2 kept, 1 revoked')
    expect(shown.out).toMatch(/by named-person: 1 decision\(s\), 0 kept everything/)
    expect(shown.out).not.toContain('per_ana')
  })
})
