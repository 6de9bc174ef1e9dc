import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  cachedBinary,
  TEMPORAL_CLI_VERSION,
  TemporalUnavailable,
  temporalBinary,
} from '../../src/embedded/temporal-binary.js'

let folder: string
let service: Server
let downloadFrom: string
// What the download service was asked for, in order.
const asked: string[] = []
let fileToExtract = 'temporal'

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'countersign-binary-'))
  const archive = path.join(folder, 'archive.tar.gz')
  program('temporal', '0.0.0-DEV (Server 1.29.1, UI 2.42.1)')
  execFileSync('tar', ['-czf', archive, '-C', folder, 'temporal'])
  service = createServer((request, response) => {
    asked.push(request.url ?? '')
    const archiveUrl = `${downloadFrom}/archive.tar.gz`
    if (request.url === '/archive.tar.gz') response.end(readFileSync(archive))
    else response.end(JSON.stringify({ archiveUrl, fileToExtract }))
  })
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
  const address = service.address()
  downloadFrom = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
})
afterAll(async () => {
  await new Promise((resolve) => service.close(resolve))
  rmSync(folder, { recursive: true, force: true })
})

/** A program that answers `--version` as the CLI does. */
const program = (name: string, version: string): string => {
  const file = path.join(folder, name)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, `#!/bin/sh\necho 'temporal version ${version}'\n`)
  chmodSync(file, 0o755)
  return file
}

const find = (env: NodeJS.ProcessEnv, more: { downloadFrom?: string } = {}) =>
  temporalBinary({
    progress: () => undefined,
    env: { XDG_CACHE_HOME: path.join(folder, 'empty-cache'), ...env },
    downloadFrom: 'http://127.0.0.1:1',
    ...more,
  })

describe('the Temporal binary', { timeout: 60_000 }, () => {
  it('is the one the user names, and a wrong one there is an error, not a reason to look on', async () => {
    const right = program('named/right', '1.5.0 (Server 1.29.0, UI 2.42.1)')
    const old = program('named/old', '1.4.1 (Server 1.28.0, UI 2.39.0)')
    expect(await find({ TEMPORAL_CLI_PATH: right })).toBe(right)
    await expect(find({ TEMPORAL_CLI_PATH: old })).rejects.toThrow(/not a temporal CLI 1\.5/)
    await expect(find({ TEMPORAL_CLI_PATH: '/no/such' })).rejects.toThrow(TemporalUnavailable)
  })

  it('is the one on PATH when that is new enough, else the one in the cache', async () => {
    const onPath = program('path/temporal', '1.6.2 (Server 1.30.1, UI 2.45.0)')
    program('old-path/temporal', '1.3.0 (Server 1.27.1, UI 2.36.0)')
    const XDG_CACHE_HOME = path.join(folder, 'cache')
    const cached = path.relative(folder, cachedBinary({ XDG_CACHE_HOME }))
    const inCache = program(cached, '0.0.0-DEV (Server 1.29.1, UI 2.42.1)')
    expect(await find({ PATH: path.dirname(onPath), XDG_CACHE_HOME })).toBe(onPath)
    expect(await find({ PATH: path.join(folder, 'old-path'), XDG_CACHE_HOME })).toBe(inCache)
  })

  it('is downloaded once, by however many ask at the same time', async () => {
    const XDG_CACHE_HOME = path.join(folder, 'download')
    asked.length = 0
    const found = await Promise.all([1, 2, 3].map(() => find({ XDG_CACHE_HOME }, { downloadFrom })))
    const cached = cachedBinary({ XDG_CACHE_HOME })
    expect(new Set(found)).toEqual(new Set([cached]))
    expect(asked.filter((url) => url.startsWith(`/cli/v${TEMPORAL_CLI_VERSION}?`))).toHaveLength(1)
    expect(readdirSync(path.dirname(cached))).toEqual(['temporal'])
  })

  it('is not taken from outside the archive', async () => {
    const XDG_CACHE_HOME = path.join(folder, 'evil')
    fileToExtract = '../temporal'
    await expect(find({ XDG_CACHE_HOME }, { downloadFrom })).rejects.toThrow(/names no archive/)
    expect(existsSync(cachedBinary({ XDG_CACHE_HOME }))).toBe(false)
  })

  it('that cannot be had is one line with the ways out', async () => {
    const failure = await find({}).catch((error: Error) => error.message)
    expect(failure).toMatch(/TEMPORAL_ADDRESS.*TEMPORAL_CLI_PATH.*download: .*go is not on PATH/)
    expect(failure).not.toContain('\n')
  })
})
