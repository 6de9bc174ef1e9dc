/** log: one entry as the log has it. What is written is enough to find it there with no program of this project. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { canonicalBytes } from '../../domain/bytes/digest.js'
import { isRefusal, refuse } from '../../domain/refusal.js'
import { entryHash } from '../../ledger/entry.js'
import { type Common, clientFor, withProfile } from '../session/options.js'
import { finish, refused, UsageFault } from '../session/outcome.js'

interface Options extends Common {
  readonly output: string
}

export const define = (): Command =>
  new Command('log').addCommand(
    withProfile('proof')
      .description('the exact bytes of one entry, and its C2SP tlog-proof')
      .argument('<case>')
      .argument('<number>', 'of the entry in its case, from 1')
      .option('-o, --output <folder>', 'never replaces a file', '.')
      .action(proof),
  )

/** UNTRUSTED: what the API answers. The entry that is written is the one of the hash that was answered. */
async function proof(caseId: string, number: string, options: Options): Promise<void> {
  if (!/^[1-9][0-9]{0,8}$/.test(number)) throw new UsageFault('<number> is 1 or more')
  const api = await clientFor(options)
  const answer = await api.entries({ caseId, after: Number(number) - 1, limit: 1 })
  if (isRefusal(answer)) return refused(answer, options.json)
  const [found] = answer.entries
  if (found === undefined || found.seq !== Number(number))
    return refused(refuse('ENTRY_MISSING', `/${caseId}/${number}`), options.json)
  const { seq, prev, at, salt, body, hash } = found
  const bytes = canonicalBytes({ v: 1, stream: caseId, seq, prev, at, salt, body })
  if (entryHash(bytes) !== hash)
    return refused(refuse('EVIDENCE_TAMPERED', `/${caseId}/${number}`), options.json)
  if (found.proof === null)
    return refused(refuse('PROOF_MISSING', `/${caseId}/${number}`), options.json)
  const name = join(options.output, `${caseId.replaceAll(':', '-')}-${number}`)
  const files = { entry: `${name}.json`, proof: `${name}.tlog-proof` }
  await write(files.entry, bytes)
  await write(files.proof, found.proof)
  finish({ hash, ...files }, { json: options.json, show: () => [files.entry, files.proof] })
}

const write = (file: string, data: string | Uint8Array): Promise<void> =>
  writeFile(file, data, { flag: 'wx' }).catch((cause: unknown) => {
    throw new UsageFault(`${file} cannot be written, or is there already`, { cause })
  })
