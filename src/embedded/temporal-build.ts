/**
 * build: the CLI compiled from its published source by the Go toolchain, once.
 *
 * It takes four to five minutes on two cores, because the binary holds the whole Temporal server.
 * Promise: the destination appears complete or not at all, and nothing of the build stays.
 */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { type ChildExit, startChild } from './children.js'
import type { Fetched } from './temporal-download.js'

export type Build = {
  /** Path of the `go` program. */
  go: string
  version: string
  /** The binary's final path. */
  to: string
  progress: (line: string) => void
  env: NodeJS.ProcessEnv
}

/** Builds one binary. Never throws for a failing build: that is a reason. */
export const buildTemporal = async (build: Build): Promise<Fetched> => {
  mkdirSync(path.dirname(build.to), { recursive: true })
  const folder = mkdtempSync(`${build.to}-build-`)
  const logFile = path.join(folder, 'go.log')
  try {
    const exit = await compile({ ...build, folder, logFile })
    if (exit.code !== 0) return { kind: 'failed', reason: lastLine(logFile) }
    renameSync(path.join(folder, 'bin', 'temporal'), build.to)
    return { kind: 'done' }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

// Everything Go writes stays in the folder; -modcacherw lets that folder be removed again.
const compile = async (input: Build & { folder: string; logFile: string }): Promise<ChildExit> => {
  const child = await startChild({
    name: 'go install',
    command: input.go,
    args: ['install', '-v', `github.com/temporalio/cli/cmd/temporal@v${input.version}`],
    cwd: input.folder,
    env: {
      ...input.env,
      GOBIN: path.join(input.folder, 'bin'),
      GOMODCACHE: path.join(input.folder, 'mod'),
      GOCACHE: path.join(input.folder, 'cache'),
      GOFLAGS: '-modcacherw',
      GOWORK: 'off',
    },
    logFile: input.logFile,
    ready: undefined,
  })
  const started = performance.now()
  const ticking = setInterval(() => {
    const seconds = Math.round((performance.now() - started) / 1000)
    input.progress(`${describe(input.logFile)}, ${seconds} s of about 300`)
  }, 1_000)
  try {
    return await child.exited
  } finally {
    clearInterval(ticking)
  }
}

const describe = (logFile: string): string => {
  const lines = readFileSync(logFile, 'utf8').split('\n')
  const fetched = lines.filter((line) => line.startsWith('go: downloading')).length
  const compiled = lines.length - 1 - fetched
  return `compiling the Temporal server, once: ${fetched} modules fetched, ${compiled} packages compiled`
}

const lastLine = (logFile: string): string =>
  readFileSync(logFile, 'utf8').trim().split('\n').at(-1)?.slice(0, 200) ?? 'go install failed'
