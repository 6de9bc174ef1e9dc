/**
 * binary: the `temporal` command line program, which carries a complete development server.
 *
 * It is looked for where the user says, then on PATH, then in the cache; else fetched into the
 * cache, by download or, where Go is present, from source. Whatever is returned was run once and
 * is new enough.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { withLock } from './lock.js'
import { buildTemporal } from './temporal-build.js'
import { downloadTemporal } from './temporal-download.js'

export const TEMPORAL_CLI_VERSION = '1.5.1'

/** One line about what is going on, each replacing the one before. */
type Progress = (line: string) => void

export type BinaryOptions = {
  progress: Progress
  /** This process's own when absent. */
  env?: NodeJS.ProcessEnv
  /** Where the download asks; `https://temporal.download` when absent. */
  downloadFrom?: string
}

/** No binary can be had here; the message names the ways out. */
export class TemporalUnavailable extends Error {
  override readonly name = 'TemporalUnavailable'
}

/** The path of a usable `temporal` binary. Throws TemporalUnavailable. */
export const temporalBinary = async (options: BinaryOptions): Promise<string> => {
  const env = options.env ?? process.env
  const named = env.TEMPORAL_CLI_PATH
  if (named !== undefined && named !== '') return usableOrThrow(named)
  const onPath = findOnPath({ program: 'temporal', env })
  if (onPath !== undefined && verdictOn(onPath) === 'usable') return onPath
  const cached = cachedBinary(env)
  if (existsSync(cached)) return usableOrThrow(cached)
  return withLock(
    {
      file: path.join(path.dirname(cached), 'fetch.lock'),
      waiting: (pid) => options.progress(`process ${pid} is fetching the Temporal server, waiting`),
    },
    async () => (existsSync(cached) ? cached : fetchBinary({ ...options, env, to: cached })),
  )
}

/** `${XDG_CACHE_HOME:-~/.cache}/countersign/temporal-cli-<version>/temporal` */
export const cachedBinary = (env: NodeJS.ProcessEnv): string =>
  path.join(
    env.XDG_CACHE_HOME || path.join(env.HOME || homedir(), '.cache'),
    'countersign',
    `temporal-cli-${TEMPORAL_CLI_VERSION}`,
    'temporal',
  )

/** Finds a program the way a shell does. */
const findOnPath = (input: { program: string; env: NodeJS.ProcessEnv }): string | undefined =>
  (input.env.PATH ?? '')
    .split(path.delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => path.join(folder, input.program))
    .find(executable)

type Fetching = BinaryOptions & { env: NodeJS.ProcessEnv; to: string }

const fetchBinary = async (input: Fetching): Promise<string> => {
  const { progress, to } = input
  const version = TEMPORAL_CLI_VERSION
  const from = input.downloadFrom ?? 'https://temporal.download'
  progress(`downloading the Temporal server ${version} (once, about 100 MB)`)
  const downloaded = await downloadTemporal({ from, version, to, progress })
  if (downloaded.kind === 'done') return usableOrThrow(to)
  progress(
    `no download (${downloaded.reason}); compiling from source with Go instead, once: it takes about five minutes, because the program holds the whole Temporal server`,
  )
  const go = findOnPath({ program: 'go', env: input.env })
  const built =
    go === undefined
      ? ({ kind: 'failed', reason: 'go is not on PATH' } as const)
      : await buildTemporal({ go, version, to, progress, env: input.env })
  if (built.kind === 'done') return usableOrThrow(to)
  throw new TemporalUnavailable(
    `no Temporal server: set TEMPORAL_ADDRESS to a running one, or TEMPORAL_CLI_PATH to a temporal CLI 1.5 or later, or put one (or Go, to build it) on PATH; download: ${downloaded.reason}; build: ${built.reason}`,
  )
}

const usableOrThrow = (binary: string): string => {
  const verdict = verdictOn(binary)
  if (verdict === 'usable') return binary
  throw new TemporalUnavailable(`${binary} is not a temporal CLI 1.5 or later: ${verdict}`)
}

// A binary built from source calls itself 0.0.0-DEV and is recognised by its server: CLI 1.5 is
// the first with server 1.29.
const verdictOn = (binary: string): 'usable' | string => {
  const run = spawnSync(binary, ['--version'], { encoding: 'utf8', timeout: 30_000 })
  if (run.status !== 0) return run.error?.message ?? `--version ended with ${run.status}`
  const said = run.stdout.trim()
  const found = /version (\d+)\.(\d+)\S*(?: \(Server (\d+)\.(\d+))?/.exec(said)
  if (found === null) return `it says "${said.slice(0, 80)}"`
  const [cliMajor = 0, cliMinor = 0, serverMajor = 0, serverMinor = 0] = found.slice(1).map(Number)
  const cli = cliMajor > 1 || (cliMajor === 1 && cliMinor >= 5)
  const server = serverMajor > 1 || (serverMajor === 1 && serverMinor >= 29)
  return cli || server ? 'usable' : `it says "${said.slice(0, 80)}"`
}

const executable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false
    throw error
  }
}
