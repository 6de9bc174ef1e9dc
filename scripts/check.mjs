/**
 * check: one tool's opinion on the whole tree; all of them run, and one failure fails the chain.
 */
import { spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const bin = (name) => path.join(root, 'node_modules', '.bin', name)

const checks = [
  { name: 'types', command: ['tsc', '--noEmit', '-p', '.'] },
  { name: 'format and lint', command: ['biome', 'check', '.'] },
  {
    name: 'import arrows',
    command: [
      ...['depcruise', '--config', '.dependency-cruiser.cjs'],
      ...['src', 'workflows', 'activities', 'worker'],
    ],
  },
  { name: 'unused code', command: ['knip'] },
  { name: 'rules', command: ['vitest', 'run', 'test/rules'] },
]

// Signals go on to the tool at work, and end the chain with it.
const run = ([program, ...args]) =>
  new Promise((resolve) => {
    const child = spawn(bin(program), args, { cwd: root, stdio: 'inherit' })
    const pass = (signal) => child.kill(signal)
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    for (const signal of signals) process.on(signal, pass)
    const end = (outcome) => {
      for (const signal of signals) process.off(signal, pass)
      resolve(outcome)
    }
    child.once('error', (error) => end(error.message))
    child.once('exit', (code, signal) => end(signal ?? (code === 0 ? 'ok' : `exit ${code}`)))
  })

const results = []
for (const { name, command } of checks) {
  console.log(`\n== ${name}: ${command.join(' ')}`)
  const outcome = await run(command)
  results.push({ name, outcome })
  if (/^SIG/.test(outcome)) break
}
console.log('')
for (const { name, outcome } of results) console.log(`${outcome.padEnd(8)} ${name}`)
process.exitCode = results.every(({ outcome }) => outcome === 'ok') ? 0 : 1
