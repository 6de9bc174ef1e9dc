/**
 * tree: the files of the repository as a person would commit them, read once for all rules.
 * shrinking: compares what a rule finds with what is known; known things may only go away.
 */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..')

export interface SourceFile {
  /** From the root, with `/`. */
  readonly name: string
  readonly text: string
}

const LEFT_OUT = ['node_modules', 'dist', '.git', '.countersign', 'coverage']

const namesIn = (folder: string): string[] =>
  readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) return LEFT_OUT.includes(entry.name) ? [] : namesIn(name)
    return entry.isFile() && !entry.name.endsWith('.log') ? [name] : []
  })

let known: readonly SourceFile[] | undefined

export const tree = (): readonly SourceFile[] => {
  known ??= namesIn('')
    .sort()
    .map((name) => ({ name, text: readFileSync(path.join(root, name), 'utf8') }))
  return known
}

export const product = (): readonly SourceFile[] =>
  tree().filter(({ name }) => /^(src|workflows|activities|worker|web)\/.*\.tsx?$/.test(name))

/** Tests and what helps them; these rules themselves speak about everything and are left out. */
export const tests = (): readonly SourceFile[] =>
  tree().filter(({ name }) => /^test\/(?!rules\/).*\.ts$/.test(name))

/** `added` is new, `stale` is on the list and gone; both empty means that the list says the truth. */
export const shrinking = (found: readonly string[], allowed: readonly string[]) => ({
  added: found.filter((item) => !allowed.includes(item)),
  stale: allowed.filter((item) => !found.includes(item)),
})
