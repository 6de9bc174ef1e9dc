/**
 * readYaml reads one document of YAML 1.2 (core schema) in which nothing is written twice, referred to or
 * given a type of its own: no duplicate keys, anchors, aliases, merges, tags or directives. A value that has
 * not the expected shape is refused at its line and column.
 */
import {
  type Document,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml'
import type { z } from 'zod'
import { type Refusal, refuse } from '../domain/refusal.js'

export const MAX_FILE_BYTES = 64 * 1024

export interface YamlFile {
  readonly path: string
  readonly text: string
}

/** UNTRUSTED: the text may come from anybody. POLICY_INVALID at `path:line:column`, both counted from 1. */
export function readYaml<Schema extends z.ZodType>(
  file: YamlFile,
  schema: Schema,
):
  | { readonly value: z.output<Schema>; readonly at: (path: readonly PropertyKey[]) => string }
  | Refusal {
  if (new TextEncoder().encode(file.text).length > MAX_FILE_BYTES)
    return refuse('POLICY_INVALID', `${file.path}:1:1`, 'the file is larger than 64 KiB')
  const lines = new LineCounter()
  const document = parse(file.text, lines)
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return `${file.path}:${Math.max(line, 1)}:${Math.max(col, 1)}`
  }
  const [problem] = [...document.errors, ...document.warnings]
  if (problem !== undefined) return refuse('POLICY_INVALID', place(problem.pos[0]), problem.message)
  const foreign = foreignPart(document)
  if (foreign !== null) return refuse('POLICY_INVALID', place(foreign.offset), foreign.what)
  const at = (path: readonly PropertyKey[]) => place(offsetOf(document, path))
  const parsed = schema.safeParse(document.toJS({ maxAliasCount: 0 }))
  if (parsed.success) return { value: parsed.data, at }
  const [issue] = parsed.error.issues
  const extra = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
  const path = [...(issue?.path ?? []), ...extra]
  const pointer = path.map((part) => `/${String(part)}`).join('')
  return refuse('POLICY_INVALID', at(path), `${pointer}: ${issue?.message ?? ''}`)
}

const parse = (text: string, lineCounter: LineCounter): Document.Parsed =>
  parseDocument(text, {
    ...{ version: '1.2', schema: 'core', strict: true, uniqueKeys: true, stringKeys: true },
    ...{ merge: false, resolveKnownTags: false, prettyErrors: false, logLevel: 'error' },
    lineCounter,
  })

interface Part {
  readonly offset: number
  readonly what: string
}

/** What YAML offers and a pack has no use for. A `<<` is no merge here but a key that no shape has. */
function foreignPart(document: Document.Parsed): Part | null {
  const { yaml, tags } = document.directives
  if (yaml.explicit === true || Object.keys(tags).some((handle) => handle !== '!!'))
    return { offset: 0, what: 'directives have no place here' }
  let found: Part | null = null
  const stop = (node: Node, what: string) => {
    found = { offset: node.range?.[0] ?? 0, what }
    return visit.BREAK
  }
  visit(document, {
    Alias: (_, node) => stop(node, 'aliases have no place here'),
    Value: (_, node) => {
      if (node.anchor !== undefined) return stop(node, 'anchors have no place here')
      if (node.tag !== undefined) return stop(node, 'tags have no place here')
      return isScalar(node) && node.value === '__proto__'
        ? stop(node, 'no shape has such a name')
        : undefined
    },
  })
  return found
}

/** Where the value at this path begins, or the nearest part around it that exists. */
function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const found: unknown =
      length === 0 ? document.contents : document.getIn(path.slice(0, length), true)
    const node = isPair(found) ? found.key : found
    if (isNode(node) && node.range) return node.range[0]
  }
  return 0
}
