/**
 * transpiled: a program of the tests with everything of ours that it imports, as plain JavaScript in a folder
 * of its own, for tests that need a whole second process. It lies inside the clone, so packages are found.
 */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'

const root = path.resolve(import.meta.dirname, '../..')

/** `program` and `more` are paths of TypeScript files; returns the folder and the program in it. */
export function transpile(program: string, more: readonly string[] = []) {
  mkdirSync(path.join(root, '.countersign'), { recursive: true })
  const folder = mkdtempSync(path.join(root, '.countersign', 'test-'))
  const done = new Set<string>()
  const waiting = [program, ...more]
  for (let source = waiting.pop(); source !== undefined; source = waiting.pop()) {
    if (done.has(source)) continue
    done.add(source)
    const text = readFileSync(source, 'utf8')
    const { outputText } = ts.transpileModule(text, {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
    })
    const target = targetOf({ folder, source })
    mkdirSync(path.dirname(target), { recursive: true })
    writeFileSync(target, outputText)
    for (const [, relative] of outputText.matchAll(/from '(\.[^']+)\.js'/g))
      waiting.push(path.resolve(path.dirname(source), `${relative}.ts`))
  }
  return { folder, program: targetOf({ folder, source: program }) }
}

const targetOf = (input: { folder: string; source: string }): string =>
  path.join(input.folder, path.relative(root, input.source)).replace(/\.ts$/, '.js')
