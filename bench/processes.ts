/**
 * What the operating system says about running processes (Linux, /proc). CPU seconds are user and system
 * time of a process and everything it started, ended children included; resident memory is RSS.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** USER_HZ, which Linux fixes at 100 for /proc on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100

interface Stat {
  readonly pid: number
  readonly parent: number
  readonly ticks: number
}

/** Process ids by name. */
export type Pids = Readonly<Record<string, number>>
/** CPU seconds by the same names. */
export type Cpu = Readonly<Record<string, number>>

/** CPU seconds used so far, of each process and all that descend from it. */
export function cpuSeconds(pids: Pids): Cpu {
  const stats = allStats()
  return Object.fromEntries(
    Object.entries(pids).map(([name, pid]) => [name, treeSeconds(stats, pid)]),
  )
}

function treeSeconds(stats: readonly Stat[], root: number): number {
  const wanted = new Set([root])
  for (let grown = true; grown; ) {
    const found = stats.filter(({ pid, parent }) => wanted.has(parent) && !wanted.has(pid))
    for (const { pid } of found) wanted.add(pid)
    grown = found.length > 0
  }
  const ticks = stats.reduce((sum, stat) => sum + (wanted.has(stat.pid) ? stat.ticks : 0), 0)
  return ticks / TICKS_PER_SECOND
}

/** What was used since, for each of so many steps. */
export function cpuSince(before: Cpu, input: { readonly pids: Pids; readonly steps: number }): Cpu {
  const after = cpuSeconds(input.pids)
  return Object.fromEntries(
    Object.entries(after).map(([name, used]) => [name, (used - (before[name] ?? 0)) / input.steps]),
  )
}

export const total = (cpu: Cpu): number => Object.values(cpu).reduce((sum, used) => sum + used, 0)

const allStats = (): readonly Stat[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => statOf(Number(name)))

/** proc(5): after the command in parentheses come state, ppid, …, utime, stime, cutime, cstime. */
function statOf(pid: number): Stat[] {
  const text = read(`/proc/${pid}/stat`)
  if (text === null) return []
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return [{ pid, parent: Number(fields[1]), ticks }]
}

/** A process can end between the listing and the look. */
function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

/** Resident memory in MiB; 0 for a process that is gone. */
export function residentMiB(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1]
  return Number(kib ?? 0) / 1024
}
