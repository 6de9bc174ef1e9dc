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
import { type Evidence, writeEvidence } from '../support/evidence.js'
import { packetOf, verdictOf } from '../support/packets.js'
import { aWorld, type World } from '../support/world.js'

const BUILD = fileURLToPath(new URL('../../scripts/build-verifier.mjs', import.meta.url))
const QUESTIONS = fileURLToPath(new URL('./five-questions.mjs', import.meta.url))
const VERIFIER = 'countersign-verify.mjs'

let world: World
let dir: string
let packet: Uint8Array
let evidence: Evidence
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'countersign-outsider-'))
  world = await aWorld()
  evidence = await writeEvidence(world)
  packet = await packetOf(world, evidence.rotation)
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
    expect(JSON.parse(out)).toEqual(verdictOf(world, packet))
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

  it('carries the licence of everything that stands in it', async () => {
    const text = await readFile(join(folder, VERIFIER), 'utf8')
    const named = [...text.matchAll(/^ \* == (\S+) (\S+), (\S+)$/gm)].map(([, name]) => name)
    expect(named).toEqual([...named].sort())
    for (const name of ['@cedar-policy/cedar-wasm', '@noble/hashes', 'commander', 'fflate', 'zod'])
      expect(named).toContain(name)
    expect(text).toContain('THE SOFTWARE IS PROVIDED "AS IS"')
    expect(text).toContain('Apache License')
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

describe('the five questions', () => {
  const ask = async (bytes: Uint8Array, ...words: string[]): Promise<Ended> => {
    const file = join(dir, 'asked.zip')
    await writeFile(file, bytes)
    return node(dir, [QUESTIONS, file, ...words])
  }
  const logKey = () => verdictOf(world, packet).log ?? ''

  it('are answered from the packet of a rotation alone, by a program that shares nothing with this project', async () => {
    const { code, out, said } = await ask(packet, '--log-key', logKey())
    expect({ code, said }).toEqual({ code: 0, said: '' })
    expect(out).toMatch(/^bank\.test\/log, \d+ entries, signed by the given key\n/)
    const answers = [
      /per_ana: approve issue at \S+, signature checked with key_ana\./,
      /per_ben: approve retire at \S+, signature checked with key_ben\./,
      /retire: demo version 1, sha256:\S+: 1 of identity-owner \(per_ana\) and 1 of /,
      /\S+Z Granted retire\./,
      /\S+Z CaseClosed: completed\./,
      /issue: Disable billing_b and remove its secret\./,
      /retire\/prove-dead: done, seen: old-refused, no-session-left\./,
    ]
    for (const answer of answers) expect(out).toMatch(answer)
  })

  it('name those who signed a mandate for what was done in the night, and are asked of every case', async () => {
    const night = await ask(await packetOf(world, evidence.containment), '--log-key', logKey())
    expect(night.said).toBe('')
    for (const person of ['cleo', 'dora'])
      expect(night.out).toMatch(
        new RegExp(
          `per_${person}: approve contain in advance, by mandate \\S+ given at \\S+, signature checked`,
        ),
      )
    const lift = await ask(await packetOf(world, evidence.lift))
    expect(lift.out).toContain('signature NOT checked: no --log-key')
    expect(lift.out).toMatch(/per_cleo: approve lift at /)
  })

  it('are asked of every packet of a folder, and not of an empty one', async () => {
    const folder = join(dir, 'packets')
    await mkdir(folder)
    expect(await node(dir, [QUESTIONS, folder])).toMatchObject({ code: 1 })
    for (const [name, caseId] of Object.entries(evidence))
      await writeFile(join(folder, `${name}.zip`), await packetOf(world, caseId))
    const { code, out } = await node(dir, [QUESTIONS, folder, '--log-key', logKey()])
    expect(code).toBe(0)
    expect(out.match(/^What really happened\?$/gm)).toHaveLength(3)
    expect(out).toMatch(/^containment\.zip\n.* signed by the given key$/m)
  })

  it('are not answered from a packet in which one entry, or the key of the log, is another', async () => {
    for (const name of ['entries/0005.json', 'proofs/0005.tlog-proof', 'checkpoint']) {
      const altered = filesOf(packet)
      altered.set(name, flip(altered.get(name) ?? new Uint8Array()))
      const { code, out } = await ask(reseal(altered), '--log-key', logKey())
      expect({ code, out }, name).toEqual({ code: 1, out: '' })
    }
    const missing = filesOf(packet)
    missing.delete('entries/0005.json')
    expect(await ask(reseal(missing))).toMatchObject({ code: 1, out: '' })
    const other = await ask(packet, '--log-key', logKey().replace(/.{8}$/, 'AAAAAAA='))
    expect(other).toMatchObject({ code: 1, out: '', said: 'the log did not sign this head\n' })
  })
})
