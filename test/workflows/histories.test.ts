import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { failureConverterPath } from '../../src/codec/data-converter.js'
import { CaseKind } from '../../src/domain/shapes/basic.js'
import { buildBundle } from '../../worker/bundle.js'
import { HISTORIES, readGolden, writeGolden } from '../support/histories.js'
import { transpile } from '../support/transpiled.js'

const run = promisify(execFile)
const folder = fileURLToPath(HISTORIES)
const modules: string[] = []
let dir: string
let bundle: string
let replayer: ReturnType<typeof transpile>

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'countersign-histories-'))
  bundle = join(dir, 'bundle.js')
  await writeFile(bundle, (await buildBundle({ modules })).code)
  replayer = transpile(fileURLToPath(new URL('./replayer.ts', import.meta.url)), [
    failureConverterPath,
  ])
})
afterAll(async () => {
  await rm(dir, { recursive: true, force: true })
  await rm(replayer.folder, { recursive: true, force: true })
})

async function replayIn(zone: string, ...files: readonly string[]): Promise<string> {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, TZ: zone }
  const { stdout } = await run(process.execPath, [replayer.program, bundle, ...files], { env })
  return stdout.trim()
}

describe('the golden histories', () => {
  it('are there: one of each kind of case, a case under noise, an expired and a recovered one, a window', async () => {
    const { options } = CaseKind.exclude(['rotate'])
    const names = [...options, 'noise', 'expired', 'recovered', 'rotation', 'window']
    expect((await readdir(folder)).sort()).toEqual(names.map((name) => `${name}.json`).sort())
  })

  it.each(['UTC', 'Asia/Kolkata', 'America/New_York'])(
    'replay without a difference in %s',
    async (zone) => {
      const files = (await readdir(folder)).map((name) => join(folder, name))
      const known = zone === 'Asia/Kolkata' ? 'Asia/(Kolkata|Calcutta)' : zone
      expect(await replayIn(zone, ...files)).toMatch(
        new RegExp(`^replayed ${files.length} in ${known}$`),
      )
    },
  )

  it('no longer replay when what the workflow did is changed', async () => {
    const { workflowId, history } = readGolden(join(folder, 'rotation.json'))
    const events = (history.events ?? []).filter((event) => !event.timerStartedEventAttributes)
    const file = join(dir, 'changed.json')
    writeGolden(file, { workflowId, history: { ...history, events } })
    await expect(replayIn('UTC', file)).rejects.toThrow(/nondeterminism|Nondeterminism|replay/i)
  })
})

describe('the bundle', () => {
  const FORBIDDEN = [
    /\/zod\//,
    /@noble/,
    /cedar/,
    /\/domain\/policy/,
    /\/domain\/decide/,
    /\/domain\/approval/,
    /\/node:/,
    /\/src\/store\//,
    /canonicalize/,
  ]

  it('holds the fold, the messages, the failure converter and the workflows, and nothing else of ours', () => {
    const names = modules
      .filter((name) => name.endsWith('.ts') && !name.includes('node_modules'))
      .map((name) => name.replace(/^.*\/(?=(src|workflows|activities|worker)\/)/, ''))
    expect([...new Set(names)].sort()).toEqual([
      'src/codec/failure-converter.ts',
      'src/contract/bounded.ts',
      'src/contract/messages.ts',
      'src/contract/told.ts',
      'src/contract/views.ts',
      'src/contract/why.ts',
      'src/domain/case/case.ts',
      'src/domain/case/due.ts',
      'src/domain/case/evolve.ts',
      'workflows/alarm.ts',
      'workflows/effects.ts',
      'workflows/inbox.ts',
      'workflows/index.ts',
      'workflows/reserved-signals.ts',
      'workflows/run-case.ts',
      'workflows/visibility.ts',
    ])
  })

  it('holds no schema library, cryptography, policy or node module', () => {
    for (const forbidden of FORBIDDEN)
      expect(modules.filter((name) => forbidden.test(name))).toEqual([])
  })

  it('would show one of them: the same list finds what the bundle does hold', () => {
    expect(modules.some((name) => /@temporalio\/workflow/.test(name))).toBe(true)
    expect(FORBIDDEN.some((forbidden) => forbidden.test('/x/node_modules/zod/v4/index.js'))).toBe(
      true,
    )
  })
})
