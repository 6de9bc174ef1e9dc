import { execFile, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = path.resolve(import.meta.dirname, '../..')

let clone: string
beforeAll(() => {
  clone = mkdtempSync(path.join(tmpdir(), 'countersign-clone-'))
  cpSync(path.join(root, 'scripts'), path.join(clone, 'scripts'), { recursive: true })
  put('package.json', '{ "type": "module" }')
  put('package-lock.json', '{ "packages": { "": {} } }')
  put('node_modules/.package-lock.json', '{ "packages": {} }')
  symlinkSync(
    path.join(root, 'node_modules', 'typescript'),
    path.join(clone, 'node_modules', 'typescript'),
  )
  put(
    'tsconfig.json',
    '{ "compilerOptions": { "module": "NodeNext", "outDir": "dist", "rootDir": ".", "types": [], "lib": ["ES2022"] }, "include": ["src", "worker"] }',
  )
  put(
    'src/cli/main.ts',
    `declare const process: { argv: string[] }
     declare const console: { log(text: string): void }
     console.log(process.argv.slice(2).join())
     export {}`,
  )
  put('src/store/migrations/001.sql', 'select 1')
  put('src/store/migrations/002.sql', 'select 2')
})
afterAll(() => rmSync(clone, { recursive: true, force: true }))

const put = (name: string, text: string): void => {
  const file = path.join(clone, name)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, text)
}

type Outcome = { code: unknown; out: string; said: string }

const bootstrap = (...args: string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    const program = path.join(clone, 'scripts', 'bootstrap.mjs')
    execFile(process.execPath, [program, ...args], { cwd: tmpdir() }, (error, out, said) =>
      resolve({ code: error === null ? 0 : error.code, out, said }),
    )
  })

const inDist = (folder: string) => readdirSync(path.join(clone, 'dist', folder)).sort()

describe('bootstrap', { timeout: 60_000 }, () => {
  it('prepares a clone once when two ask at the same time, then runs both commands', async () => {
    const both = await Promise.all([bootstrap('decide', 'a'), bootstrap('decide', 'b')])
    expect(both.map(({ code, out }) => [code, out])).toEqual([
      [0, 'decide,a\n'],
      [0, 'decide,b\n'],
    ])
    const said = both.map((one) => one.said).join('')
    expect(said.match(/compiling .*: done/g)).toHaveLength(1)
    expect(inDist('src/store/migrations')).toEqual(['001.sql', '002.sql'])
  })

  it('says nothing and does nothing when everything is up to date', async () => {
    expect(await bootstrap('decide')).toEqual({ code: 0, out: 'decide\n', said: '' })
  })

  it('takes over from a bootstrap that was killed', async () => {
    put('.countersign/bootstrap.lock', String(spawnSync('true').pid))
    expect(await bootstrap('decide')).toEqual({ code: 0, out: 'decide\n', said: '' })
    expect(existsSync(path.join(clone, '.countersign', 'bootstrap.lock'))).toBe(false)
  })

  it('leaves nothing in dist of a source that was removed', async () => {
    rmSync(path.join(clone, 'src/store/migrations/002.sql'))
    await bootstrap('decide')
    expect(inDist('src/store/migrations')).toEqual(['001.sql'])
  })

  it('bundles the workflows when their sources changed, and only then', async () => {
    put(
      'worker/bundle.ts',
      `declare const process: { getBuiltinModule(name: string): { writeFileSync(a: string, b: string): void } }
       process.getBuiltinModule('node:fs').writeFileSync('dist/workflow-bundle.js', '')
       export {}`,
    )
    const first = await bootstrap('decide')
    expect(first.said).toMatch(/bundling workflows .*: done/)
    expect((await bootstrap('decide')).said).toBe('')
  })

  it('shows what the compiler says and runs nothing when a source is wrong', async () => {
    put('src/wrong.ts', 'export const n: number = "no"')
    const { code, out, said } = await bootstrap('decide')
    expect([code, out]).toEqual([1, ''])
    expect(said).toMatch(/src\/wrong\.ts.*TS2322/)
    rmSync(path.join(clone, 'src/wrong.ts'))
    expect((await bootstrap('decide')).code).toBe(0)
  })
})
