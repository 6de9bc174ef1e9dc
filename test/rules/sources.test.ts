/** Promises about the sources themselves: sizes, no doubles of what must be real, nothing left out, nothing of one machine. */
import { describe, expect, it } from 'vitest'
import { longFunctions } from './functions.js'
import { product, shrinking, tests, tree } from './tree.js'

const lines = (text: string): number => text.trimEnd().split('\n').length
const hits = (files: readonly { name: string; text: string }[], pattern: RegExp): string[] =>
  files.filter(({ text }) => pattern.test(text)).map(({ name }) => name)

const code = () => [...product(), ...tests()]

describe('the tree', () => {
  it('is really read (control)', () => {
    expect(product().length).toBeGreaterThan(50)
    expect(tests().length).toBeGreaterThan(20)
  })
})

describe('sizes', () => {
  /** Files above the limit, with the size that they may not exceed. */
  const TALL: Readonly<Record<string, number>> = {
    'test/packet/packet.test.ts': 454,
  }
  const tall = () => code().filter(({ text }) => lines(text) > 350)

  it('keeps every file within 350 lines', () => {
    const names = tall().map(({ name }) => name)
    expect(shrinking(names, Object.keys(TALL))).toEqual({ added: [], stale: [] })
    const grown = tall().filter(({ name, text }) => lines(text) > (TALL[name] ?? 350))
    expect(grown.map(({ name }) => name)).toEqual([])
  })

  it('keeps the workflows within 425 lines in all, without the list of kinds', () => {
    const shell = product().filter(
      ({ name }) => name.startsWith('workflows/') && name !== 'workflows/index.ts',
    )
    expect(shell.reduce((sum, { text }) => sum + lines(text), 0)).toBeLessThanOrEqual(425)
  })

  it('keeps every function of the product within 70 lines', () => {
    expect(product().flatMap((file) => longFunctions(file, 70))).toEqual([])
  })

  it('notices a long function (control)', () => {
    const text = `const short = () => 1\nfunction long() {\n${'  1\n'.repeat(70)}}\n`
    expect(longFunctions({ name: 'a.ts', text }, 70)).toEqual(['a.ts: long has 72 lines'])
  })
})

describe('tests', () => {
  const MOCKED = /\b(vi|jest)\.(mock|doMock|hoisted)\(\s*['"`](@temporalio\/|pg\b|node:crypto)/
  const LEFT_OUT = /\b(describe|it|test)(\.\w+)*\.(only|skip|todo|fails)\b|\bx(it|describe)\(/

  it('never puts a double in the place of Temporal, PostgreSQL or cryptography', () => {
    expect(hits(tests(), MOCKED)).toEqual([])
  })

  it('leaves no test out and prefers none', () => {
    expect(hits([...tests(), ...tree().filter(isRule)], LEFT_OUT)).toEqual([])
  })

  it('notices a double and a left-out test (control)', () => {
    expect(MOCKED.test(`${'vi'}.mock('@temporalio/client')`)).toBe(true)
    expect(MOCKED.test(`${'vi'}.mock("pg", () => ({}))`)).toBe(true)
    expect(MOCKED.test(`${'vi'}.mock('./pages.js')`)).toBe(false)
    expect(LEFT_OUT.test(`${'it'}.${'only'}('x', f)`)).toBe(true)
    expect(LEFT_OUT.test(`${'describe'}.concurrent.${'skip'}('x', f)`)).toBe(true)
    expect(LEFT_OUT.test('it.each(rows)("x", f)')).toBe(false)
  })
})

const isRule = ({ name }: { name: string }): boolean => name.startsWith('test/rules/')

describe('the code', () => {
  const MACHINE = new RegExp(
    [
      `/${'work'}/(main|shared)`,
      `/${'root'}/[\\w.]+/`,
      `/tmp/${'brief'}`,
      '/home/(?!node)\\w+/',
      '/Users/\\w+/',
    ].join('|'),
  )
  const SWITCHED_OFF = new RegExp(`@ts-(ignore|nocheck)|biome-${'ignore'}|eslint-${'disable'}`)
  const UNFINISHED = new RegExp(`\\b(${'TO'}DO|${'FIX'}ME|X${'XX'})\\b`)
  const EMPTY_CATCH = /catch\s*(\([^)]*\))?\s*\{\s*\}/
  const FIXED_SLEEP = /\bsleep\(\s*\d/

  it('names no path of one machine', () => {
    expect(hits(tree(), MACHINE)).toEqual([])
  })

  it('switches no check off, leaves nothing for later and swallows no error', () => {
    expect(hits(code(), SWITCHED_OFF)).toEqual([])
    expect(hits(code(), UNFINISHED)).toEqual([])
    expect(hits(code(), EMPTY_CATCH)).toEqual([])
  })

  it('waits for conditions, never for a fixed time', () => {
    expect(hits(tests(), FIXED_SLEEP)).toEqual([])
  })

  it('notices each of them (control)', () => {
    expect(MACHINE.test(`see /${'work'}/main/src`)).toBe(true)
    expect(MACHINE.test(`/${'root'}/.cache/x`)).toBe(true)
    expect(MACHINE.test("refuse('EXPIRED', '/root/expiresAt')")).toBe(false)
    expect(SWITCHED_OFF.test(`// @ts-${'ignore'}`)).toBe(true)
    expect(UNFINISHED.test(`// ${'TO'}DO later`)).toBe(true)
    expect(EMPTY_CATCH.test('try { f() } catch (e) { }')).toBe(true)
    expect(FIXED_SLEEP.test('await sleep(100)')).toBe(true)
  })
})
