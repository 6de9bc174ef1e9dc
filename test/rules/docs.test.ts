/** What the documents say exists, exists: commands, links, folders, decisions. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { root, tree } from './tree.js'

const documents = () => tree().filter(({ name }) => /^([A-Z]+\.md|(docs|ops)\/.*\.md)$/.test(name))
const read = (name: string): string => readFileSync(path.join(root, name), 'utf8')

/** npm's own commands need no script. */
const BUILT_IN = ['ci', 'install', 'test', 'start']
const commandsIn = (text: string): string[] =>
  [...text.matchAll(/\bnpm (?:run )?([a-z][\w:-]*)/g)].map(([, name]) => name ?? '')

describe('documents', () => {
  const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts)
  const unknown = (text: string): string[] =>
    commandsIn(text).filter((name) => !scripts.includes(name) && !BUILT_IN.includes(name))

  it('name only commands that package.json has', () => {
    for (const { name, text } of documents()) expect(unknown(text), name).toEqual([])
    expect(unknown('run `npm run no-such-thing` then npm start')).toEqual(['no-such-thing'])
  })

  it('link only to files that exist', () => {
    const broken = ({ name, text }: { name: string; text: string }): string[] =>
      [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)]
        .map(([, target]) => target ?? '')
        .filter((target) => !existsSync(path.join(root, path.dirname(name), target)))
    for (const document of documents()) expect(broken(document), document.name).toEqual([])
    expect(broken({ name: 'docs/x.md', text: '[a](nowhere.md) [b](../package.json)' })).toEqual([
      'nowhere.md',
    ])
  })
})

describe('docs/architecture.md', () => {
  const text = read('docs/architecture.md')

  it('names every folder of the product', () => {
    const sources = readdirSync(path.join(root, 'src'), { withFileTypes: true })
    const folders = sources.filter((entry) => entry.isDirectory()).map(({ name }) => `src/${name}`)
    const all = [...folders, 'workflows', 'activities', 'worker']
    expect(all.filter((folder) => !text.includes(`${folder}/`))).toEqual([])
  })

  it('names only files and folders that exist', () => {
    const named = [
      ...text.matchAll(/`((?:src|workflows|activities|worker|test|docs|ops|scripts)\/[\w./-]*)`/g),
    ]
    const gone = named
      .map(([, name]) => name ?? '')
      .filter((name) => !existsSync(path.join(root, name)))
    expect(gone).toEqual([])
    expect(named.length).toBeGreaterThan(20)
  })
})

describe('docs/decisions', () => {
  const pages = readdirSync(path.join(root, 'docs', 'decisions')).sort()
  const PARTS = ['Context', 'Decision', 'Consequences']

  it('are numbered, each number once', () => {
    const numbers = pages.map((page) => /^(\d{3})-[a-z0-9-]+\.md$/.exec(page)?.[1])
    expect(numbers).not.toContain(undefined)
    expect(new Set(numbers).size).toBe(pages.length)
    expect(pages.length).toBeGreaterThanOrEqual(7)
  })

  it.each(pages)('%s is one page with date, status, context, decision and consequences', (page) => {
    const text = read(`docs/decisions/${page}`)
    expect(text).toMatch(
      /^# \d{3}\. \S.*\n\nDate: \d{4}-\d{2}-\d{2}\nStatus: (accepted|superseded by \d{3})\n/,
    )
    expect([...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title)).toEqual(PARTS)
    expect(text.split('\n').length).toBeLessThanOrEqual(60)
    expect(text.split(/\s+/).length).toBeLessThanOrEqual(500)
  })
})
