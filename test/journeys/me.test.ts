/** The demonstration with its visitor as the owner, at a pseudo-terminal: asked, approved, and in the end declined. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))

/** `script` gives a command a terminal; its own input is what is typed there. */
const terminal = (command: readonly string[]): readonly [string, readonly string[]] =>
  process.platform === 'darwin'
    ? ['script', ['-q', '/dev/null', ...command]]
    : ['script', ['-qefc', command.join(' '), '/dev/null']]

/** Types one answer for each question that is shown. */
function play(cwd: string, answers: readonly (readonly [question: string, typed: string])[]) {
  const [program, words] = terminal([process.execPath, main, 'demo', '--me'])
  const child = spawn(program, words, { cwd, stdio: ['pipe', 'pipe', 'inherit'] })
  const rest = [...answers]
  let shown = ''
  let read = 0
  return new Promise<{ code: number | null; shown: string; left: number }>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve({ code, shown, left: rest.length }))
    child.stdout.on('data', (bytes: Buffer) => {
      shown += bytes.toString('utf8')
      const [next] = rest
      if (next === undefined || !shown.slice(read).includes(next[0])) return
      read = shown.length
      rest.shift()
      child.stdin.write(`${next[1]}\n`)
    })
  })
}

it('asks its visitor at every gate, and ends as the visitor decides', {
  timeout: 240_000,
}, async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'countersign-me-'))
  const VERDICT = 'or nothing: '
  const { code, shown, left } = await play(cwd, [
    [VERDICT, '?'],
    ['your question: ', 'Why tonight?'],
    [VERDICT, 'a'],
    // Ahead, for the last gate.
    [VERDICT, 'a'],
    [VERDICT, 'd'],
  ])
  expect(left).toBe(0)
  expect(shown).toContain('signed ask for issue')
  expect(shown).toContain('signed approve for issue')
  expect(shown).toMatch(/signed decline for cut-over/)
  expect(shown).toMatch(/VERIFIED case=\S+ /)
  expect(code).toBe(0)
  await rm(cwd, { recursive: true, force: true })
})
