/** The arrows between folders hold, and the rules that say so do catch what they are for. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import {
  cruise,
  type ICruiseOptions,
  type ICruiseResult,
  type IForbiddenRuleType,
} from 'dependency-cruiser'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from './tree.js'

const rules = createRequire(import.meta.url)(path.join(root, '.dependency-cruiser.cjs')) as {
  forbidden: IForbiddenRuleType[]
  options: ICruiseOptions
}

/** `from: rule: to`, one for each broken arrow below `base`. */
async function broken(base: string, folders: string[]): Promise<string[]> {
  const { output } = await cruise(
    folders,
    { ...rules.options, baseDir: base, ruleSet: { forbidden: rules.forbidden }, validate: true },
    {},
    {
      tsConfig: {
        options: { module: 199, moduleResolution: 99, target: 9 },
        fileNames: [],
        errors: [],
      },
    },
  )
  const { violations } = (output as ICruiseResult).summary
  return violations.map(({ rule, from, to }) => `${from}: ${rule.name}: ${to}`)
}

/** One small file for each rule, each breaking only it. */
const SINS: Readonly<Record<string, { readonly text: string; readonly rule: string }>> = {
  'src/domain/clock.ts': { text: "import 'node:fs'", rule: 'domain: values' },
  'src/domain/rows.ts': { text: "import pg from 'pg'\npg", rule: 'domain: values' },
  'src/domain/typed.ts': {
    text: "import type { Pool } from 'pg'\nexport type P = Pool",
    rule: 'domain: types',
  },
  'src/domain/zod.ts': { text: "import 'zod'", rule: 'domain: values' },
  'src/ledger/store.ts': { text: "import '../store/ok.js'", rule: 'ledger: values' },
  'src/contract/runs.ts': { text: "import '../domain/ok.js'", rule: 'contract: values' },
  'src/connectors/store.ts': { text: "import '../store/ok.js'", rule: 'connectors: values' },
  'src/store/temporal.ts': { text: "import '@temporalio/client'", rule: 'store: values' },
  'src/execution/api.ts': { text: "import '../api/ok.js'", rule: 'execution: values' },
  'src/packet/reads.ts': { text: "import '../store/ok.js'", rule: 'packet: values' },
  'src/packet/verify/verify.ts': {
    text: "import '../export/export.js'",
    rule: 'verify needs neither database nor Temporal',
  },
  'src/api/signs.ts': {
    text: "import '../keys/sign.js'",
    rule: 'the doors for people hold no signing key',
  },
  'src/embedded/domain.ts': { text: "import '../domain/ok.js'", rule: 'embedded: values' },
  'src/store/demo.ts': {
    text: "import '../demo/ok.js'",
    rule: 'only the command line knows the demo',
  },
  'src/store/test.ts': {
    text: "import '../../test/ok.js'",
    rule: 'nothing imports tests or benches',
  },
  'src/store/gone.ts': { text: "import './nowhere.js'", rule: 'nothing unresolved' },
  'src/store/ring.ts': { text: "import './ring-too.js'", rule: 'no cycles' },
  'src/store/ring-too.ts': { text: "import './ring.js'", rule: 'no cycles' },
  'src/store/alone.ts': { text: 'export const alone = 1', rule: 'no orphans' },
  'src/elsewhere/new.ts': { text: "import '../domain/ok.js'", rule: 'every folder has its arrows' },
  'workflows/policy.ts': { text: "import '../src/domain/ok.js'", rule: 'workflows: values' },
  'activities/express.ts': { text: "import 'express'", rule: 'activities: values' },
  'worker/workflows.ts': {
    text: "import '../workflows/index.js'",
    rule: 'only the workflow bundle knows workflows',
  },
}
const FINE: Readonly<Record<string, string>> = {
  'src/domain/ok.ts': "import { sha256 } from '@noble/hashes/sha2.js'\nexport const ok = sha256",
  'src/domain/case/case.ts': "import { ok } from '../ok.js'\nexport const fold = ok",
  'src/domain/shapes/ok.ts': "import { z } from 'zod'\nexport const shape = z.string()",
  'src/store/ok.ts': "import pg from 'pg'\nimport '../domain/shapes/ok.js'\nexport const p = pg",
  'src/keys/sign.ts': "import 'node:crypto'\nimport '../domain/ok.js'\nexport const s = 1",
  'src/packet/export/export.ts': "import '../../store/ok.js'\nexport const e = 1",
  'src/api/ok.ts': "import '../store/ok.js'\nimport 'express'\nexport const a = 1",
  'src/demo/ok.ts': "import '../store/ok.js'\nexport const d = 1",
  'src/cli/main.ts': "import('../api/ok.js')\nimport('../demo/ok.js')",
  'workflows/index.ts':
    "import { fold } from '../src/domain/case/case.js'\nimport type { shape } from '../src/domain/shapes/ok.js'\nexport const w: typeof shape = fold as never",
  'test/ok.ts': 'export const t = 1',
  ...Object.fromEntries(
    ['pg', 'zod', 'express', '@noble/hashes', '@temporalio/client'].flatMap((name) => [
      [`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0' })],
      [`node_modules/${name}/index.js`, ''],
      [`node_modules/${name}/sha2.js`, ''],
    ]),
  ),
}

describe('the arrows between folders', () => {
  let base = ''
  let found: string[] = []

  beforeAll(async () => {
    base = mkdtempSync(path.join(os.tmpdir(), 'countersign-arrows-'))
    const files = {
      ...FINE,
      ...Object.fromEntries(Object.entries(SINS).map(([f, s]) => [f, s.text])),
    }
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(base, name)), { recursive: true })
      writeFileSync(path.join(base, name), `${text}\n`)
    }
    for (const name of ['package.json', 'tsconfig.json'])
      cpSync(path.join(root, name), path.join(base, name))
    found = await broken(base, ['src', 'workflows', 'activities', 'worker'])
  })
  afterAll(() => rmSync(base, { recursive: true, force: true }))

  it('hold in the product', async () => {
    expect(await broken(root, ['src', 'workflows', 'activities', 'worker'])).toEqual([])
  })

  it.each(Object.entries(SINS))('catch %s', (file, { rule }) => {
    // A cycle is reported at one of its files.
    const at = rule === 'no cycles' ? ['src/store/ring.ts', 'src/store/ring-too.ts'] : [file]
    expect(
      found.filter((line) => at.some((name) => line.startsWith(`${name}: ${rule}: `))),
    ).not.toEqual([])
  })

  it('let pass what is allowed', () => {
    const fine = found.filter((line) =>
      Object.keys(FINE).some((name) => line.startsWith(`${name}:`)),
    )
    expect(fine).toEqual([])
  })
})
