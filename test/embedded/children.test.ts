import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  type Child,
  ChildFault,
  type ChildSpec,
  startChild,
  stopChildren,
} from '../../src/embedded/children.js'
import { alive } from '../../src/embedded/lock.js'
import { freePorts, portTaken } from '../../src/embedded/ports.js'
import { transpileEmbedded } from './transpiled.js'

let folder: string
let program: string
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'countersign-children-'))
  program = transpileEmbedded()
})
afterEach(() => stopChildren())
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
  rmSync(program, { recursive: true, force: true })
})

const node = (script: string, more: Partial<ChildSpec> = {}): Promise<Child> =>
  startChild({
    name: 'sample',
    command: process.execPath,
    args: ['-e', script],
    logFile: path.join(folder, 'sample.log'),
    ready: /^ready /,
    ...more,
  })

const forever = 'setInterval(() => undefined, 1000); console.log("ready {}");'

const gone = (pids: number[]) =>
  vi.waitFor(() => expect(pids.filter(alive)).toEqual([]), { timeout: 10_000, interval: 20 })

describe('a child', { timeout: 60_000 }, () => {
  it('is ready when it prints the line, and hands that line over', async () => {
    const child = await node(`console.error('first'); ${forever.replace('{}', '{\\"port\\":7}')}`)
    expect(await child.ready()).toBe('ready {"port":7}')
    expect(child.exit()).toBeUndefined()
  })

  it('leaves everything it said in its log, after what was there before', async () => {
    const logFile = path.join(folder, 'twice.log')
    for (const word of ['one', 'two'])
      await (await node(`console.log('${word}'); console.error('err ${word}')`, { logFile })).exited
    await vi.waitFor(() => {
      const said = readFileSync(logFile, 'utf8').trim().split('\n').sort()
      expect(said).toEqual(['err one', 'err two', 'one', 'two'])
    })
  })

  it('that ends before it is ready is a fault with its exit code and last words', async () => {
    const child = await node(`console.error('no configuration'); process.exitCode = 4`)
    await expect(child.ready()).rejects.toThrow(
      /sample: ended before it was ready \(exit 4\).*no configuration/,
    )
  })

  it('that stays silent is a fault after its time', async () => {
    const child = await node('setInterval(() => undefined, 1000)', { readyWithinMs: 50 })
    await expect(child.ready()).rejects.toThrow('not ready in 0.05 s')
  })

  it('that cannot be run is a fault at once', async () => {
    await expect(node('', { command: '/no/such/program' })).rejects.toThrow(ChildFault)
  })

  it('tells its exit code to whoever asks later', async () => {
    const child = await node('process.exitCode = 3')
    expect(await child.exited).toEqual({ code: 3, signal: null })
    expect(await child.stop()).toEqual({ code: 3, signal: null })
  })

  it('that ignores SIGTERM is killed after the grace', async () => {
    const child = await node(`process.on('SIGTERM', () => undefined); ${forever}`, {
      stopSignals: [{ signal: 'SIGTERM', graceMs: 100 }],
    })
    await child.ready()
    expect(await child.stop()).toEqual({ code: null, signal: 'SIGKILL' })
  })

  it('takes its own children along when it is killed', async () => {
    const child = await node(
      `const inner = require('node:child_process').spawn('sleep', ['600']); setInterval(() => undefined, 1000); console.log('ready ' + inner.pid)`,
    )
    const inner = Number((await child.ready()).slice('ready '.length))
    expect(alive(inner)).toBe(true)
    await child.kill()
    await gone([inner])
  })

  it('gets the given environment and nothing else', async () => {
    const child = await node('', {
      args: ['-e', `console.log('ready ' + JSON.stringify(process.env))`],
      env: { ONLY: 'this' },
    })
    expect(JSON.parse((await child.ready()).slice(6))).toEqual({ ONLY: 'this' })
  })
})

it('stops children started after a stop that found none', async () => {
  await stopChildren()
  const child = await node(forever)
  await stopChildren()
  expect(child.exit()).toBeDefined()
})

describe('a parent', { timeout: 60_000 }, () => {
  const parent = (name: string, sorts: string[]): Promise<Child> =>
    startChild({
      name: 'parent',
      command: process.execPath,
      args: [path.join(program, 'test', 'embedded', 'parent.js'), folder, ...sorts],
      logFile: path.join(folder, `${name}.log`),
      ready: /^ready /,
    })

  const pidsOf = async (child: Child): Promise<number[]> =>
    JSON.parse((await child.ready()).slice('ready '.length))

  it('that is killed leaves no process behind', async () => {
    const child = await parent('killed', ['plain', 'postgres', 'temporal'])
    const pids = await pidsOf(child)
    expect(pids.filter(alive)).toHaveLength(3)
    // To the parent alone: its group would be a gentler death than the one that is meant.
    process.kill(child.pid, 'SIGKILL')
    await gone(pids)
  })

  it('that is told to end stops its children newest first, then ends with the signal', async () => {
    const child = await parent('told', ['first', 'second', 'third'])
    const pids = await pidsOf(child)
    expect(await child.stop()).toEqual({ code: 143, signal: null })
    expect(pids.filter(alive)).toEqual([])
    expect(readFileSync(path.join(folder, 'order.txt'), 'utf8')).toBe('third\nsecond\nfirst\n')
  })
})

describe('free ports', () => {
  it('are distinct and free', async () => {
    const ports = await freePorts(20)
    expect(new Set(ports).size).toBe(20)
    expect(await Promise.all(ports.map(portTaken))).not.toContain(true)
  })
})
