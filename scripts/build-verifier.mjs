/**
 * build-verifier: the offline verifier as one file, `dist/countersign-verify.mjs`, which plain Node runs with nothing
 * installed. The same sources and packages give the same bytes, whose SHA-256 is printed for whoever gets the file.
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'))
const [file = path.join(root, 'dist', 'countersign-verify.mjs')] = process.argv.slice(2)

/** Cedar's engine reads its WebAssembly from a file beside it; in one file it stands inside. */
const READ_ENGINE =
  /const wasmPath = .*;\nconst wasmBytes = require\('fs'\)\.readFileSync\(wasmPath\);/
const engineInside = {
  name: 'engine-inside',
  async transform(code, id) {
    if (!id.endsWith('/cedar-wasm/nodejs/cedar_wasm.js')) return null
    if (!READ_ENGINE.test(code)) throw new Error(`${id} reads its engine in another way`)
    const engine = await readFile(path.join(path.dirname(id), 'cedar_wasm_bg.wasm'), 'base64')
    return code.replace(READ_ENGINE, () => `const wasmBytes = Buffer.from('${engine}', 'base64');`)
  },
}

/** The licence of each package of which the file holds a module, and its text as the package brings it. */
async function licencesOf(modules) {
  const folders = modules.flatMap(
    (id) => /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1] ?? [],
  )
  const texts = await Promise.all([...new Set(folders)].sort().map(licenceOf))
  return `/*\n * Packages in this file, each under its own licence.\n *\n${texts.join('')} */\n`
}

async function licenceOf(folder) {
  const {
    name,
    version: of,
    license,
  } = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8'))
  const file = (await readdir(folder)).find((one) => /^licen[cs]e/i.test(one))
  if (file === undefined && license !== 'Apache-2.0') throw new Error(`${name} brings no licence`)
  // Cedar brings none in its package; the text of its licence is this project's own.
  const text = await readFile(
    file === undefined ? path.join(root, 'LICENSE') : path.join(folder, file),
    'utf8',
  )
  const lines = text.replaceAll('*/', '* /').trimEnd().split(/\r?\n/)
  return [`== ${name} ${of}, ${license}`, ...lines, '']
    .map((line) => ` * ${line}`.trimEnd() + '\n')
    .join('')
}

const bundle = await rolldown({
  input: path.join(root, 'src', 'cli', 'auditors', 'verify-alone.ts'),
  cwd: root,
  platform: 'node',
  plugins: [engineInside],
  // What is not in the file is not there at all: a name that cannot be resolved fails the build.
  onwarn: (warning) => {
    throw new Error(warning.message)
  },
})
const { output } = await bundle.generate({
  format: 'esm',
  codeSplitting: false,
  banner: `// countersign-verify ${version}: node countersign-verify.mjs <packet> --trust <file>`,
})
await bundle.close()
const [chunk] = output
await mkdir(path.dirname(file), { recursive: true })
await writeFile(file, `${chunk.code}\n${await licencesOf(chunk.moduleIds)}`)
const sha256 = createHash('sha256')
  .update(await readFile(file))
  .digest('hex')
console.log(`${path.relative(process.cwd(), file)} sha256:${sha256}`)
