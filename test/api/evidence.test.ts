/** Evidence of many cases over the real API: taken away, verified, sampled, and handed to other tools. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sampleOf } from '../../src/packet/sample.js'
import { aCommandLine, type CommandLine } from './command-line.js'
import { type ApiRig, anApi } from './rig.js'

let rig: ApiRig
let line: CommandLine
let trust: string
let file: string
const cases: string[] = []
const countersign: CommandLine['countersign'] = (...words) => line.countersign(...words)

beforeAll(async () => {
  rig = await anApi()
  line = await aCommandLine(rig)
  trust = join(line.dir, 'trust.json')
  file = join(line.dir, 'acme.zip')
  await writeFile(trust, JSON.stringify(rig.world.authority.trust))
  for (const identity of ['nhi_billing', 'nhi_ledger']) {
    const asked = await countersign('acme', 'request', 'rotate', identity, '--json')
    cases.push((JSON.parse(asked.out) as { caseId: string }).caseId)
  }
  const words = ['evidence', 'export', '--partner', 'com_acme', '--from', '2020-01-01']
  const taken = await countersign('dora', ...words, '--zone', 'Europe/Berlin', '-o', file)
  expect(taken).toMatchObject({ code: 0, err: '' })
})
afterAll(async () => {
  await line?.remove()
  await rig?.stop()
})

describe('evidence of many cases', () => {
  it('is taken away by a query and verified with the trusted keys alone', async () => {
    const verified = await countersign(null, 'verify', file, '--trust', trust)
    expect(verified).toMatchObject({ code: 0, err: '' })
    expect(verified.out).toMatch(/^VERIFIED cases=2 entries=/)
    expect(verified.out).toContain('by per_dora, as the log says')
  })

  it('is asked for in words that make sense, and found by control', async () => {
    const refusedBy = async (...words: string[]) => {
      const { code, err } = await countersign('dora', 'evidence', 'export', ...words)
      return `${code} ${err}`
    }
    expect(await refusedBy(cases[0] ?? '', '--partner', 'com_acme')).toMatch(/^2 .*either one case/)
    expect(await refusedBy('--from', 'yesterday')).toMatch(/^2 .*--from is a date/)
    expect(await refusedBy('--control', 'NHI99:2025')).toMatch(/^2 .*docs\/controls\.md/)
    expect(await refusedBy('--identity', 'nhi_unheard-of')).toMatch(/^1 refused CASE_UNKNOWN/)
    const found = join(line.dir, 'nhi7.zip')
    const words = ['evidence', 'export', '--control', 'NHI7:2025', '-o', found]
    expect(await countersign('dora', ...words)).toMatchObject({ code: 0, err: '' })
  })

  it('is taken away in parts where it is large, which verify together and not one without the others', async () => {
    const folder = join(line.dir, 'parts')
    await mkdir(folder)
    const output = ['-o', join(folder, 'acme.zip'), '--part-bytes', '20000']
    const words = ['evidence', 'export', '--partner', 'com_acme', ...output]
    expect(await countersign('dora', ...words)).toMatchObject({ code: 0, err: '' })
    const names = (await readdir(folder)).sort().map((name) => join(folder, name))
    expect(names[1]).toMatch(/acme\.part-\d*2-of-\d+\.zip$/)
    const trusted = ['--trust', trust]
    const folderSaid = await countersign(null, 'verify', folder, ...trusted)
    expect(folderSaid.out).toMatch(/^VERIFIED cases=2 /)
    const listed = await countersign(null, 'verify', ...names.toReversed(), ...trusted)
    expect(listed.out).toBe(folderSaid.out)
    const [first = '', , ...rest] = names
    const lacking = await countersign(null, 'verify', first, ...rest, ...trusted)
    expect(lacking).toMatchObject({ code: 1, out: expect.stringContaining('part 2 of ') })
    const alone = await countersign(null, 'verify', first, ...trusted)
    expect(alone).toMatchObject({ code: 1, out: expect.stringContaining('which proves nothing') })
  })

  it('is no partner’s to take', async () => {
    const { code, err } = await countersign('acme', 'evidence', 'export', '--partner', 'com_acme')
    expect({ code, err }).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^refused NOT_ALLOWED/),
    })
  })
})

describe('a sample', () => {
  const sample = async (folder: string, seed: string) => {
    const output = join(line.dir, folder)
    await mkdir(output)
    const words = [
      'evidence',
      'sample',
      '--in',
      file,
      '--trust',
      trust,
      '--seed',
      seed,
      '--of',
      '1',
    ]
    const made = await countersign(null, ...words, '-o', output, '--json')
    expect(made).toMatchObject({ code: 0, err: '' })
    return { output, files: (await readdir(output)).sort() }
  }

  it('is the same wherever it is drawn by the same seed: one page and one packet that verifies', async () => {
    const one = await sample('one', 'audit-2026')
    const two = await sample('two', 'audit-2026')
    expect(one.files).toEqual(two.files)
    const [drawn = ''] = sampleOf([...cases].reverse(), { seed: 'audit-2026', of: 1 })
    const name = `countersign-${drawn.replaceAll(':', '-')}`
    expect(one.files).toEqual([`${name}.html`, `${name}.zip`])
    const verified = await countersign(
      null,
      'verify',
      join(one.output, `${name}.zip`),
      '--trust',
      trust,
    )
    expect(verified.out).toContain(`VERIFIED case=${drawn} `)
  })

  it('depends on nothing but seed and cases', () => {
    const many = ['a', 'b', 'c', 'd', 'e', 'f']
    const drawn = sampleOf(many, { seed: 'x', of: 3 })
    expect(sampleOf([...many].reverse(), { seed: 'x', of: 3 })).toEqual(drawn)
    // As `printf 'x\na' | sha256sum` orders them.
    expect(drawn).toEqual(['a', 'e', 'f'])
    expect(sampleOf(many, { seed: 'y', of: 3 })).not.toEqual(drawn)
    expect(sampleOf(many, { seed: 'x', of: 9 })).toHaveLength(6)
  })
})

describe('events for other tools', () => {
  const made = (format: string, from = file) =>
    countersign(null, 'evidence', 'events', '--format', format, '--in', from, '--trust', trust)

  it('are one OCSF event for each entry, in the order of the log, with the fields that its classes ask for', async () => {
    const { code, out } = await made('ocsf')
    expect(code).toBe(0)
    const events = out
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text) as OcsfEvent)
    expect(events.map(({ metadata }) => metadata.event_code)).toContain('CaseOpened')
    for (const event of events) {
      expect(event.type_uid).toBe(event.class_uid * 100 + event.activity_id)
      expect(event).toMatchObject({ category_uid: 3, severity_id: expect.any(Number) })
      expect(event[event.class_uid === 3001 ? 'user' : 'entity']).toBeDefined()
      expect(event.metadata).toMatchObject({ version: '1.3.0', product: { name: 'Countersign' } })
    }
    const places = events.map(({ metadata }) => metadata.sequence)
    expect(places).toEqual([...places].sort((left, right) => left - right))
  })

  it('are OSCAL assessment results, the same each time', async () => {
    const { out } = await made('oscal')
    expect((await made('oscal')).out).toBe(out)
    const results = JSON.parse(out)['assessment-results'].results
    expect(results[0].observations).toHaveLength(2)
  })

  it('are not made from what does not verify', async () => {
    const bytes = await readFile(file)
    const broken = join(line.dir, 'broken.zip')
    await writeFile(broken, Buffer.concat([bytes, Buffer.from([0])]))
    const { code, out, err } = await made('ocsf', broken)
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(/^refused PACKET_INVALID/)
  })
})

interface OcsfEvent {
  readonly class_uid: number
  readonly activity_id: number
  readonly type_uid: number
  readonly user?: object
  readonly entity?: object
  readonly metadata: { readonly sequence: number; readonly event_code: string }
}
