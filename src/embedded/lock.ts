/**
 * lock: a file that names the one process allowed to do something, among all on this machine.
 * stale: a lock whose process is gone; the next one who asks takes it over.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as timer } from 'node:timers/promises'

export type LockRequest = {
  file: string
  /** Called again and again while another process, named by its pid, holds the lock. */
  waiting: (pid: number) => void
}

/** Runs `work` while holding the lock; waits for it as long as its holder lives. */
export const withLock = async <T>(request: LockRequest, work: () => Promise<T>): Promise<T> => {
  mkdirSync(path.dirname(request.file), { recursive: true })
  for (let holder = tryLock(request.file); holder !== 'mine'; holder = tryLock(request.file)) {
    if (holder !== undefined && alive(holder)) {
      request.waiting(holder)
      await timer(200)
    } else if (holder !== undefined) removeStale({ file: request.file, holder })
  }
  try {
    return await work()
  } finally {
    rmSync(request.file, { force: true })
  }
}

/** True while a process with this pid exists. */
export const alive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

// The lock appears by link, complete with its pid, so nobody ever reads a half-written one.
const tryLock = (file: string): 'mine' | number | undefined => {
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, String(process.pid))
  try {
    linkSync(draft, file)
    return 'mine'
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    return holderOf(file)
  } finally {
    rmSync(draft, { force: true })
  }
}

const holderOf = (file: string): number | undefined => {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

// Moved aside before it is removed: should another process have replaced the stale lock in
// between, its lock is what was moved, and goes back.
const removeStale = (input: { file: string; holder: number }): void => {
  const aside = `${input.file}.stale.${process.pid}`
  try {
    renameSync(input.file, aside)
    if (holderOf(aside) !== input.holder) linkSync(aside, input.file)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'EEXIST') throw error
  }
  rmSync(aside, { force: true })
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code
