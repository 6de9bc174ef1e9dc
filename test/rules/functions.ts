/** Finds functions that are longer than a limit, by TypeScript's own parser. */
import ts from 'typescript'
import type { SourceFile } from './tree.js'

const nameOf = (node: ts.Node): string => {
  const named = node as { name?: ts.Node; parent?: { name?: ts.Node } }
  return (named.name ?? named.parent?.name)?.getText() ?? 'a function'
}

/** One line for each function above `limit` lines, its own comment excluded. */
export function longFunctions({ name, text }: SourceFile, limit: number): string[] {
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true)
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
      const from = file.getLineAndCharacterOfPosition(node.getStart()).line
      const size = file.getLineAndCharacterOfPosition(node.end).line - from + 1
      if (size > limit) found.push(`${name}: ${nameOf(node)} has ${size} lines`)
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}
