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

const bundle = await rolldown({
  input: path.join(root, 'src', 'cli', 'verify-alone.ts'),
  cwd: root,
  platform: 'node',
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
