/** cedar-answers: what a pack answers to some subjects, as JSON, in a process of its own. Argument: the file with both. */
import { readFileSync } from 'node:fs'
import { resolve } from '../../src/domain/policy/policy.js'
import { isRefusal } from '../../src/domain/refusal.js'
import { packHash, parsePack } from '../../src/packs/load.js'

const { pack: files, subjects } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'))
const pack = parsePack(files)
if (isRefusal(pack)) throw new Error(pack.detail)
const hash = packHash(files)
process.stdout.write(
  JSON.stringify(subjects.map((subject: never) => resolve({ pack, packHash: hash, subject }))),
)
