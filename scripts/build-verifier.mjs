/**
 * build-verifier: the offline verifier as one file, `dist/countersign-verify.mjs`, which plain Node runs with nothing
 * installed. The same sources and packages give the same bytes, whose SHA-256 is printed for whoever gets the file.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
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
await bundle.write({
  file,
  format: 'esm',
  codeSplitting: false,
  banner: `// countersign-verify ${version}: node countersign-verify.mjs <packet> --trust <file>`,
})
await bundle.close()
const sha256 = createHash('sha256')
  .update(await readFile(file))
  .digest('hex')
console.log(`${path.relative(process.cwd(), file)} sha256:${sha256}`)
