/**
 * pid file: what PostgreSQL leaves in its data folder to say "a server runs here".
 * heir: the process about to start a server there.
 *
 * PostgreSQL clears a pid file whose process is gone. It refuses one whose number now belongs to
 * some other program, which is what a reboot or a restarted container leads to.
 */

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** A server already runs on this data folder. */
export class ClusterInUse extends Error {
  override readonly name = 'ClusterInUse'
}

/**
 * Afterwards PostgreSQL either finds no pid file or one it will judge rightly: only the number is
 * replaced, by the one that PostgreSQL accepts as its own parent's, so its check for sessions that
 * outlived the old server (by the shared memory named further down) still happens.
 * Throws ClusterInUse when the number is that of a living server of this folder.
 */
export const recoverPidFile = (input: { dataDir: string; heir: number }): void => {
  const file = path.join(input.dataDir, 'postmaster.pid')
  if (!existsSync(file)) return
  const [first = '', ...rest] = readFileSync(file, 'utf8').split('\n')
  const pid = Number.parseInt(first, 10)
  if (!Number.isSafeInteger(pid) || pid <= 0) return
  const command = commandOf(pid)
  if (command === undefined) return
  if (command.includes('postgres') && command.includes(input.dataDir))
    throw new ClusterInUse(`a PostgreSQL server (process ${pid}) already runs on ${input.dataDir}`)
  writeFileSync(file, [String(input.heir), ...rest].join('\n'))
}

/** The command line of a living process; `undefined` when there is none. */
const commandOf = (pid: number): string | undefined => {
  if (existsSync('/proc/self/cmdline')) {
    const file = `/proc/${pid}/cmdline`
    return existsSync(file) ? readFileSync(file, 'utf8').replaceAll('\0', ' ') : undefined
  }
  const ps = spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' })
  return ps.status === 0 ? ps.stdout : undefined
}
