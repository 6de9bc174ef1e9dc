/**
 * transpiled: modules of the product as plain JavaScript in a folder of their own, for tests that
 * need a whole second process. The folder lies inside the clone, so packages are found.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'

const root = path.resolve(import.meta.dirname, '../..')

/** Transpiles `src/embedded` and this folder's parent program; returns the new folder. */
export const transpileEmbedded = (): string => {
  mkdirSync(path.join(root, '.countersign'), { recursive: true })
  const folder = mkdtempSync(path.join(root, '.countersign', 'test-'))
  const embedded = path.join(root, 'src', 'embedded')
  const sources = [
    ...readdirSync(embedded).map((name) => path.join(embedded, name)),
    path.join(import.meta.dirname, 'parent.ts'),
  ]
  for (const source of sources) {
    const { outputText } = ts.transpileModule(readFileSync(source, 'utf8'), {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
    })
    const target = path.join(folder, path.relative(root, source)).replace(/\.ts$/, '.js')
    mkdirSync(path.dirname(target), { recursive: true })
    writeFileSync(target, outputText)
  }
  return folder
}
