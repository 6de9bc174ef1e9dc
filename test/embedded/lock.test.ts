import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { withLock } from '../../src/embedded/lock.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'countersign-lock-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('lets one at a time do the work', async () => {
  const file = path.join(folder, 'one')
  let inside = 0
  const most: number[] = []
  const work = async () => {
    inside += 1
    most.push(inside)
    await new Promise(setImmediate)
    inside -= 1
  }
  await Promise.all([1, 2, 3].map(() => withLock({ file, waiting: () => undefined }, work)))
  expect(most).toEqual([1, 1, 1])
})

it('takes over a lock whose process is gone', async () => {
  const file = path.join(folder, 'stale')
  const dead = spawnSync('true').pid
  writeFileSync(file, String(dead))
  expect(await withLock({ file, waiting: () => undefined }, async () => 'done')).toBe('done')
  expect(existsSync(file)).toBe(false)
})

it('waits while the process that holds it lives, and names it', async () => {
  const file = path.join(folder, 'held')
  writeFileSync(file, String(process.ppid))
  const named: number[] = []
  const waiting = (pid: number) => {
    named.push(pid)
    rmSync(file)
  }
  await withLock({ file, waiting }, async () => undefined)
  expect(named).toEqual([process.ppid])
})

it('is free again after work that failed', async () => {
  const file = path.join(folder, 'failed')
  const failing = withLock({ file, waiting: () => undefined }, async () => {
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  expect(existsSync(file)).toBe(false)
})
