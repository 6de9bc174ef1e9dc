/** A packet in the hands of an auditor whose machine has Node, one file of this project or none, and nothing else. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { filesOf, flip, reseal } from '../packet/forge.js'
import { packetOf, rotate, verdictOn } from '../packet/story.js'
import { aWorld, type World } from '../support/world.js'

const BUILD = fileURLToPath(new URL('../../scripts/build-verifier.mjs', import.meta.url))
const VERIFIER = 'countersign-verify.mjs'

let world: World
let dir: string
let packet: Uint8Array
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'countersign-outsider-'))
  world = await aWorld()
  const caseId = await rotate(world, { reasonDigest: null })
  packet = (await packetOf(world, caseId)).bytes
})
afterAll(async () => {
  await world.stop()
  await rm(dir, { recursive: true, force: true })
})

interface Ended {
  readonly code: unknown
  readonly out: string
  readonly said: string
}

/** Node alone, in a folder where nothing else is, with an empty environment. */
const node = (folder: string, words: readonly string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(process.execPath, words, { cwd: folder, env: {} }, (error, out, said) =>
      resolve({ code: error === null ? 0 : error.code, out, said }),
    )
  })

describe('the verifier as one file', () => {
  let folder: string
  beforeAll(async () => {
    folder = join(dir, 'verifier')
    await mkdir(folder)
    await promisify(execFile)(process.execPath, [BUILD, join(folder, VERIFIER)])
    const altered = filesOf(packet)
    altered.set('entries/0007.json', flip(altered.get('entries/0007.json') ?? new Uint8Array()))
    await writeFile(join(folder, 'packet.zip'), packet)
    await writeFile(join(folder, 'altered.zip'), reseal(altered))
    await writeFile(join(folder, 'keys.json'), JSON.stringify(world.authority.trust))
  })
  const verify = (...words: string[]) => node(folder, [VERIFIER, ...words])

  it('verifies a packet where nothing is installed, and says what `countersign verify` says', async () => {
    expect(await readdir(folder)).toHaveLength(4)
    const { code, out, said } = await verify('packet.zip', '--trust', 'keys.json', '--json')
    expect({ code, said }).toEqual({ code: 0, said: '' })
    expect(JSON.parse(out)).toEqual(verdictOn(world, packet))
    const words = await verify('packet.zip', '--trust', 'keys.json')
    expect(words.out).toMatch(/^VERIFIED case=rotate:com_acme:nhi_billing:\S+ entries=\d+ /)
    expect(words.out).toContain('Who approved? per_ben approved retire at ')
  })

  it('ends with 1 for a packet that is not what it says, and names the entry', async () => {
    const { code, out } = await verify('altered.zip', '--trust', 'keys.json')
    expect(code).toBe(1)
    expect(out).toMatch(/^NOT VERIFIED /)
    expect(out).toContain(' entries/0007.json: ')
  })

  it.each([
    ['a file that is not there', ['nowhere.zip', '--trust', 'keys.json'], 'nowhere.zip'],
    ['trust that is none', ['packet.zip', '--trust', 'packet.zip'], 'is no trust file'],
    ['no trust at all', ['packet.zip'], 'countersign-verify --help says more'],
  ])('ends with 2 and one line for %s', async (_what, words, line) => {
    const { code, out, said } = await verify(...words)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(said).toContain(line)
    expect(said.trim().split('\n')).toHaveLength(1)
  })

  it('has no way to the network, and needs nothing but what Node brings', async () => {
    const text = await readFile(join(folder, VERIFIER), 'utf8')
    const named = [
      ...text.matchAll(/(?:^import .* from |\brequire\$?\d*\(|\b__require\()"([^"]+)"/gm),
    ]
    const modules = [...new Set(named.map(([, name]) => name ?? ''))]
    expect(modules.length).toBeGreaterThan(2)
    expect(modules.filter((name) => !isBuiltin(name))).toEqual([])
    expect(modules.filter((name) => /\b(net|tls|http|https|http2|dns|dgram)$/.test(name))).toEqual(
      [],
    )
    expect(text).not.toMatch(/\bfetch\(|\bWebSocket\(/)
  })
})
