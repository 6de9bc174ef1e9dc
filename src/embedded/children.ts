/**
 * child: one process of the product, started, watched and ended by this one.
 * ready: the first line of output that matches; processes print `ready <json>`.
 * exit: how a child ended, kept for whoever asks later.
 * registry: all living children, stopped newest first when this process is told to end.
 *
 * A child leads its own process group, so Ctrl-C in a terminal reaches only this process and the
 * order of stopping is kept; the leash ends the groups when this process cannot.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { setTimeout as timer } from 'node:timers/promises'
import { type Output, watchOutput } from './child-output.js'
import { type Held, hold, release } from './leash.js'

export type ChildExit = { code: number | null; signal: NodeJS.Signals | null }

export type ChildSpec = {
  /** For messages only. */
  name: string
  command: string
  args: readonly string[]
  /** The complete environment; this process's own when absent. */
  env?: NodeJS.ProcessEnv
  cwd?: string
  /** Receives stdout and stderr, appended as they come. */
  logFile: string
  /** A line of stdout or stderr that says the child is in service; `undefined`: at once. */
  ready: RegExp | undefined
  /** Longest wait for `ready`, in milliseconds; 60 000 when absent. */
  readyWithinMs?: number
  /** Signals of `stop`, each with its grace in milliseconds; SIGKILL follows. SIGTERM, 10 s when absent. */
  stopSignals?: readonly { signal: NodeJS.Signals; graceMs: number }[]
  /** What the leash sends when this process is gone; KILL when absent. */
  leashSignal?: Held['signal']
  /** Run as another user; only root can. */
  user?: { uid: number; gid: number }
}

export type Child = {
  name: string
  pid: number
  /** The line that matched (empty without a pattern). Throws ChildFault when the child ends or stays silent. */
  ready(): Promise<string>
  /** Resolves when the child has ended, however it ended. */
  exited: Promise<ChildExit>
  /** How it ended; `undefined` while it lives. */
  exit(): ChildExit | undefined
  /** Asks it to end, then ends it. Safe to call again. */
  stop(): Promise<ChildExit>
  /** SIGKILL to it and its process group. */
  kill(): Promise<ChildExit>
}

/** A child that could not be started, ended early or never became ready. Carries no environment. */
export class ChildFault extends Error {
  override readonly name = 'ChildFault'
  /** The last lines the child printed before the fault. */
  readonly lastLines: readonly string[]
  constructor(message: string, details: { lastLines?: readonly string[]; cause?: unknown }) {
    super(message, { cause: details.cause })
    this.lastLines = details.lastLines ?? []
  }
}

// Insertion order is start order. Written by startChild and by each child's own exit.
const registry = new Map<number, Child>()
let stopping: Promise<void> | undefined
let listening: 'no' | 'yes' = 'no'

/** Starts a process. Resolves once it runs (not yet ready); throws ChildFault when it cannot be started. */
export const startChild = async (spec: ChildSpec): Promise<Child> => {
  listenForSignals()
  const log = openSync(spec.logFile, 'a', 0o600)
  const proc = spawn(spec.command, spec.args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: spec.env ?? process.env,
    ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
    ...(spec.user ?? {}),
  })
  if (proc.pid !== undefined) hold({ pid: proc.pid, signal: spec.leashSignal ?? 'KILL' })
  const output = watchOutput({ proc, log, ready: spec.ready })
  const exited = new Promise<ChildExit>((resolve) => {
    proc.once('exit', (code, signal) => resolve({ code, signal }))
  })
  await spawned({ proc, spec })
  return superviseChild({ proc, spec, output, exited })
}

/** Stops every living child, newest first. */
export const stopChildren = (): Promise<void> => {
  stopping ??= stopNewestFirst().finally(() => {
    stopping = undefined
  })
  return stopping
}

const stopNewestFirst = async (): Promise<void> => {
  const newest = () => [...registry.values()].at(-1)
  for (let child = newest(); child !== undefined; child = newest()) await child.stop()
}

const spawned = (input: { proc: ChildProcess; spec: ChildSpec }): Promise<void> =>
  new Promise((resolve, reject) => {
    input.proc.once('spawn', () => resolve())
    input.proc.once('error', (cause) => {
      reject(new ChildFault(`${input.spec.name}: cannot run ${input.spec.command}`, { cause }))
    })
  })

type Supervised = {
  proc: ChildProcess
  spec: ChildSpec
  output: Output
  exited: Promise<ChildExit>
}

const superviseChild = (input: Supervised): Child => {
  const { proc, spec, exited } = input
  const pid = proc.pid
  if (pid === undefined) throw new Error('a running child has a pid')
  let exit: ChildExit | undefined
  let stopped: Promise<ChildExit> | undefined
  void exited.then((how) => {
    exit = how
    release(pid)
    registry.delete(pid)
  })
  const kill = () => {
    if (exit === undefined) signalGroup(pid)
    return exited
  }
  const stop = () => {
    stopped ??= stopInTurn({ ...input, pid, kill, ended: () => exit !== undefined })
    return stopped
  }
  const ready = () => untilReady(input)
  const child: Child = { name: spec.name, pid, ready, exited, exit: () => exit, stop, kill }
  registry.set(pid, child)
  return child
}

const stopInTurn = async (
  input: Supervised & { pid: number; kill(): Promise<ChildExit>; ended(): boolean },
): Promise<ChildExit> => {
  const signals = input.spec.stopSignals ?? [{ signal: 'SIGTERM' as const, graceMs: 10_000 }]
  for (const { signal, graceMs } of signals) {
    if (input.ended()) break
    input.proc.kill(signal)
    if ((await within(graceMs, input.exited)) !== 'late') break
  }
  return input.kill()
}

const untilReady = async ({ spec, output, exited }: Supervised): Promise<string> => {
  const waitMs = spec.readyWithinMs ?? 60_000
  const line = output.matched.then((text) => ({ kind: 'line', text }) as const)
  const ended = exited.then(async (how) => {
    await output.closed
    return { kind: 'ended', how } as const
  })
  const first = await within(waitMs, Promise.race([line, ended]))
  if (first !== 'late' && first.kind === 'line') return first.text
  const what =
    first === 'late'
      ? `not ready in ${waitMs / 1000} s`
      : `ended before it was ready (${first.how.signal ?? `exit ${first.how.code}`})`
  const lastLines = [...output.lastLines]
  const telling = lastLines.findLast((text) => /error|fatal|fault/i.test(text)) ?? lastLines.at(-1)
  const last = telling === undefined ? '' : `: ${telling}`
  throw new ChildFault(`${spec.name}: ${what}; see ${spec.logFile}${last}`, { lastLines })
}

const within = async <T>(ms: number, promise: Promise<T>): Promise<T | 'late'> => {
  const abort = new AbortController()
  const late = timer(ms, 'late' as const, { signal: abort.signal })
  try {
    return await Promise.race([promise, late.catch(() => 'late' as const)])
  } finally {
    abort.abort()
  }
}

const signalGroup = (pid: number): void => {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // ESRCH: the group ended between the question and the signal, which is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

// A process that has its own handler for a signal decides itself when to end; otherwise this one
// ends it once the children are gone. A crash needs no handler: it closes the leash's input.
const listenForSignals = (): void => {
  if (listening === 'yes') return
  listening = 'yes'
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      void stopChildren().then(() => {
        if (process.listenerCount(signal) === 1) process.exit(codes[signal])
      })
    })
  }
}
