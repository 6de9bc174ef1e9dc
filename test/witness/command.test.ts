/** `countersign witness` as the process that an auditor runs, with the key that it made for itself. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formatAddCheckpoint } from '../../src/ledger/add-checkpoint.js'
import { signCheckpoint } from '../../src/ledger/checkpoint.js'
import { formatVkey } from '../../src/ledger/note-key.js'
import { leafHash } from '../../src/ledger/tree.js'
import { aKey } from '../support/authority.js'
import { transpile } from '../support/transpiled.js'

const ORIGIN = 'log.bank.test'
const NAME = 'auditor.test/w1'
const log = aKey('key_log').signer
const logVkey = formatVkey({ name: ORIGIN, publicKey: log.publicKey })
const cli = path.resolve(import.meta.dirname, '../../src/cli')
const { folder, program } = transpile(path.join(cli, 'main.ts'), [
  path.join(cli, 'processes/witness.ts'),
])

let dir: string
let running: ChildProcess | null = null
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'countersign-witness-'))
})
afterAll(async () => {
  running?.kill('SIGKILL')
  await rm(dir, { recursive: true, force: true })
  await rm(folder, { recursive: true, force: true })
})

const keyFile = () => path.join(dir, 'key_w1.pem')
const wordsOf = (change: Readonly<Record<string, string>> = {}): string[] =>
  Object.entries({
    ...{ '--origin': ORIGIN, '--log-key': logVkey, '--key-file': keyFile(), '--name': NAME },
    ...{ '--state': path.join(dir, 'state'), '--port': '0', ...change },
  }).flat()

const execute = promisify(execFile)
const countersign = (...words: string[]) =>
  execute(process.execPath, [program, ...words]).then(
    ({ stdout }) => ({ code: 0, out: stdout, err: '' }),
    (failed: { code: number; stdout: string; stderr: string }) => ({
      ...{ code: failed.code, out: failed.stdout, err: failed.stderr },
    }),
  )

async function start(): Promise<{ url: string; vkey: string }> {
  const child = spawn(process.execPath, [program, 'witness', ...wordsOf()], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  running = child
  for await (const line of createInterface({ input: child.stdout }))
    if (line.startsWith('ready ')) return JSON.parse(line.slice('ready '.length))
  throw new Error('the witness ended before it was ready')
}

async function end(signal: NodeJS.Signals): Promise<void> {
  const gone = running === null ? null : once(running, 'exit')
  running?.kill(signal)
  await gone
}

async function add(url: string, input: { old: number; leaf: string }): Promise<number> {
  const checkpoint = await signCheckpoint({
    checkpoint: {
      origin: ORIGIN,
      size: 1,
      root: leafHash(Buffer.from(input.leaf)),
      extensions: [],
    },
    ...{ publicKey: log.publicKey, sign: log.sign },
  })
  const body = formatAddCheckpoint({ oldSize: input.old, proof: [], checkpoint })
  return (await fetch(`${url}/add-checkpoint`, { method: 'POST', body })).status
}

describe('the witness process', () => {
  it('makes its key once and says its verifier key', async () => {
    const made = await countersign('witness-key', keyFile(), '--name', NAME)
    expect(made).toMatchObject({ code: 0 })
    expect(made.out).toMatch(/^auditor\.test\/w1\+[0-9a-f]{8}\+\S{44}\n$/)
    expect((await countersign('witness-key', keyFile(), '--name', NAME)).code).toBe(2)
  })

  it('remembers what it cosigned when it is killed, and lets no second one share its memory', async () => {
    const first = await start()
    expect(first.vkey).toContain(NAME)
    expect(await add(first.url, { old: 0, leaf: 'a' })).toBe(200)
    const second = await countersign('witness', ...wordsOf())
    expect(second).toMatchObject({ code: 2 })
    expect(second.err).toContain('is the witness of this --state already')
    await end('SIGKILL')
    const again = await start()
    expect(await add(again.url, { old: 0, leaf: 'b' })).toBe(409)
    expect(await add(again.url, { old: 1, leaf: 'b' })).toBe(422)
    expect(await add(again.url, { old: 1, leaf: 'a' })).toBe(200)
    await end('SIGTERM')
  })

  it.each([
    ['--log-key', 'nonsense'],
    ['--origin', 'log.other.test'],
    ['--name', 'with space'],
    ['--port', '70000'],
    ['--key-file', '/nowhere.pem'],
  ])('does not start with a wrong %s, and names it', async (option, value) => {
    const said = await countersign('witness', ...wordsOf({ [option]: value }))
    expect(said.code).toBe(2)
    expect(said.err.trim().split('\n').length).toBe(1)
  })
})
