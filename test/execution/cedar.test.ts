/** What a Cedar policy forbids is not asked for, not signed and not executed, and a packet says so years later. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { define } from '../../src/cli/officers/policy.js'
import { identityScope } from '../../src/domain/authority/matter.js'
import { readCase } from '../../src/execution/deps.js'
import { CEDAR_SCHEMA } from '../../src/packs/cedar-words.js'
import { type PackFiles, packHash } from '../../src/packs/load.js'
import { openCase } from '../../src/store/case/open-case.js'
import { forge } from '../packet/forge.js'
import { must } from '../support/authority.js'
import { type Casework, caseworkIn } from '../support/casework.js'
import { packetOf, verdictOf } from '../support/packets.js'
import { installPack } from '../support/packs.js'
import { aWorld, quickPack, type World } from '../support/world.js'

const forbidding = (more: string): PackFiles => ({
  ...quickPack(),
  'cedar/schema.cedarschema': CEDAR_SCHEMA,
  'cedar/more.cedar': more,
})
const EMERGENCIES = `@id("no-emergency-by-a-partner")
forbid (principal, action == Action::"ask:rotate", resource)
when { context.change == Change::"emergency" && context.requester.partner };
`
const STOPPED = `${EMERGENCIES}
@id("not-the-ledger")
forbid (principal, action in Action::"ask", resource == Identity::"nhi_ledger");
`

let world: World
let work: Casework
let dir: string
beforeAll(async () => {
  world = await aWorld({}, forbidding(EMERGENCIES))
  work = caseworkIn(world)
  dir = await mkdtemp(path.join(tmpdir(), 'countersign-cedar-'))
})
afterAll(async () => {
  await world.stop()
  await rm(dir, { recursive: true, force: true })
})

const rotation = { kind: 'rotate' as const }
const eventsOf = async (caseId: string) =>
  (await readCase(world.connector, caseId)).recorded.map(({ event }) => event)

describe('a case that a Cedar policy forbids', () => {
  it('is refused before anybody is asked, by the name of the policy, and the refusal is recorded', async () => {
    expect(await work.ask('billing', rotation, 'emergency')).toMatchObject({
      ...{ refused: 'FORBIDDEN', where: '/cedar/no-emergency-by-a-partner' },
    })
    const { rows } = await world.dba.query(
      "select convert_from(bytes, 'UTF8') as entry from entries where stream = 'requests:com_acme'",
    )
    expect(rows.at(-1)?.entry).toContain('no-emergency-by-a-partner')
  })

  it('is opened for somebody whom no policy forbids it', async () => {
    const { caseId } = must(
      await openCase(world.api, {
        request: {
          ...{ asked: rotation, scope: identityScope('nhi_reports'), change: 'emergency' },
          requester: { kind: 'enterprise', companyId: 'com_bank', personId: 'per_dora' },
          changeReference: null,
        },
        ...{ principal: 'per_dora', idempotencyKey: 'dora-1' },
      }),
    )
    expect(caseId).toContain('nhi_reports')
  })
})

describe('the packet of a case under a pack with Cedar policies', () => {
  let bytes: Uint8Array
  beforeAll(async () => {
    const caseId = await work.open('billing', rotation)
    await work.signAndPerform(caseId, { stepId: 'issue', by: ['per_ana'] })
    bytes = await packetOf(world, caseId)
    await writeFile(path.join(dir, 'case.zip'), bytes)
  })

  it('verifies offline, and does not when the opening is rewritten to one that is forbidden', async () => {
    expect(verdictOf(world, bytes)).toMatchObject({ verdict: 'VERIFIED', problems: [] })
    const forged = await forge({
      ...{ bytes, authority: world.authority },
      rewrite: (written) =>
        written.map((one) =>
          one.body.type === 'CaseOpened'
            ? { ...one, body: { ...one.body, change: 'emergency' as const } }
            : one,
        ),
    })
    const verdict = verdictOf(world, forged)
    expect(verdict.verdict).not.toBe('VERIFIED')
    expect(JSON.stringify(verdict.problems)).toContain('no-emergency-by-a-partner')
  })

  it('is what `policy simulate` asks another pack about: who could sign each gate, and what it forbids', async () => {
    const trust = path.join(dir, 'trust.json')
    await writeFile(trust, JSON.stringify(world.authority.trust))
    const simulated = async (pack: PackFiles) => {
      const folder = await mkdtemp(path.join(dir, 'pack-'))
      for (const [name, text] of Object.entries(pack)) {
        await mkdir(path.dirname(path.join(folder, name)), { recursive: true })
        await writeFile(path.join(folder, name), text)
      }
      const said: string[] = []
      const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
        said.push(String(text))
        return true
      })
      const words = ['simulate', folder, '--packets', dir, '--trust', trust]
      await define().parseAsync(words, { from: 'user' })
      write.mockRestore()
      return said.join('')
    }
    const same = await simulated(forbidding(EMERGENCIES))
    expect(same).toMatch(/retire {7}same {6}2 of 2 who could sign/)
    expect(same).toContain('1 of 1 packets')
    const without = await simulated(
      forbidding('@id("no-acme")\nforbid (principal in Company::"com_acme", action, resource);\n'),
    )
    expect(without).toMatch(/retire {7}stricter {2}refused: FORBIDDEN/)
  })
})

describe('an open gate', () => {
  it('keeps its signatures when the new pack has other words only, and is not passed when it forbids the case', async () => {
    const caseId = await work.open('ledger', rotation)
    await work.approve(caseId, { stepId: 'issue', person: 'per_ana' })
    const before = forbidding(EMERGENCIES)
    const words = Object.fromEntries(
      Object.entries(before).map(([name, text]) => [
        name,
        `${name.startsWith('cedar/') ? '//' : '#'} Better words.\n${text}`,
      ]),
    )
    expect(packHash(words)).not.toBe(packHash(before))
    await installPack(world, { pack: words, version: 2 })
    await work.perform(caseId, 'issue')
    const passed = (await eventsOf(caseId)).map(({ type }) => type)
    expect(passed).toContain('Granted')
    expect(passed).not.toContain('GateRefused')

    await work.approve(caseId, { stepId: 'cut-over', person: 'per_ana' })
    await installPack(world, { pack: forbidding(STOPPED), version: 3 })
    await expect(work.perform(caseId, 'cut-over')).rejects.toThrow('FORBIDDEN')
    expect(await eventsOf(caseId)).toContainEqual(
      expect.objectContaining({ type: 'GateRefused', stepId: 'cut-over', code: 'FORBIDDEN' }),
    )
  })
})
