/** The table of controls: docs/controls.md is what it says (`npx vitest run test/rules/controls.test.ts -u` makes it again). */
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { CONTROLS, controlsOf } from '../../src/domain/review/controls.js'
import { CaseKind } from '../../src/domain/shapes/basic.js'
import { controlsPage } from './controls-page.js'
import { root } from './tree.js'

describe('controls', () => {
  it('are the page in docs', async () => {
    const file = path.join(root, 'docs', 'controls.md')
    await expect(controlsPage()).toMatchFileSnapshot(file)
  })

  it('are each named once', () => {
    const ids = CONTROLS.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('have a place for every kind of case', () => {
    const without = CaseKind.options.filter((kind) => controlsOf(kind).length === 0)
    expect(without).toEqual([])
  })
})
