/**
 * leash: one tiny shell process per parent that outlives it and ends what it holds.
 * held: a process group and the signal that ends it when the parent is gone.
 *
 * Promise: whatever way the parent ends, SIGKILL included, every held group ends too. The kernel
 * closes the leash's standard input with the parent, and that is the only message it needs.
 */
import { type ChildProcess, spawn } from 'node:child_process'

export type Held = { pid: number; signal: 'KILL' | 'QUIT' }

// Each line is the complete list, newest child first, so a line cut short by the parent's death
// loses nothing: `read` refuses it and the line before it still stands.
const script = `
trap '' INT TERM HUP QUIT
held=''
while read -r line; do held=$line; done
for h in $held; do kill -s "\${h%%:*}" -- "-\${h##*:}"; done
tries=0
while [ $tries -lt 100 ]; do
  left=''
  for h in $held; do kill -s 0 -- "-\${h##*:}" && left=1; done
  [ -z "$left" ] && exit 0
  tries=$((tries + 1))
  sleep 0.05
done
for h in $held; do kill -s KILL -- "-\${h##*:}"; done
`

// Written only by hold, release and the leash's own exit.
const held = new Map<number, Held>()
let leash: ChildProcess | undefined

/** Puts a process group (its leader's pid) on the leash. */
export const hold = (entry: Held): void => {
  held.set(entry.pid, entry)
  tell()
}

/** Takes a process group that has ended off the leash, so that its number is never signalled again. */
export const release = (pid: number): void => {
  if (held.delete(pid)) tell()
}

const tell = (): void => {
  leash ??= startLeash()
  const list = [...held.values()].reverse().map((h) => `${h.signal}:${h.pid}`)
  leash.stdin?.write(`${list.join(' ')}\n`)
}

// `detached` keeps a terminal's Ctrl-C away from the leash; `unref` lets the parent end by itself.
const startLeash = (): ChildProcess => {
  const child = spawn('/bin/sh', ['-c', script], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  })
  const lost = () => {
    if (leash !== child) return
    leash = undefined
    if (held.size > 0) tell()
  }
  child.once('error', (cause) => {
    throw new Error('no /bin/sh to hold child processes with', { cause })
  })
  child.once('exit', lost)
  child.stdin.on('error', lost)
  child.unref()
  if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref()
  return child
}
