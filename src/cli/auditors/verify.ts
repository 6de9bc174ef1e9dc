/** verify: judges a packet, or a collection of them, on its bytes and the trusted keys alone. Reads two files, opens no connection. */
import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { isRefusal } from '../../domain/refusal.js'
import { Trust } from '../../domain/shapes/authority.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { nodeVerify } from '../../keys/verify.js'
import { type Verdict, verifyPacket } from '../../packet/verify/verify.js'
import {
  type CollectionVerdict,
  isCollection,
  verifyCollection,
} from '../../packet/verify/verify-collection.js'
import { type Witnessed, witnessesIn } from '../../packet/verify/verify-witnesses.js'
import { trustFingerprint } from '../officers/fingerprints.js'
import { EXIT, finish, UsageFault } from '../session/outcome.js'

interface Options {
  readonly trust: string
  readonly fingerprint?: string
  readonly json?: boolean
}

export const define = (): Command =>
  new Command('verify')
    .argument('<packet>')
    .requiredOption('--trust <file>', 'the root keys that you got from the enterprise')
    .option('--fingerprint <sha256>', 'of the trust file, as the officers read it to you')
    .option('--json', 'one JSON document on stdout')
    .action(verify)

async function verify(path: string, options: Options): Promise<void> {
  const trust = await trustFrom(options.trust)
  const { fingerprint } = options
  if (fingerprint !== undefined && fingerprint !== trustFingerprint(trust))
    throw new UsageFault(`${options.trust} has another fingerprint: ${trustFingerprint(trust)}`)
  const input = { bytes: await bytesOf(path), trust, verify: nodeVerify }
  const verdict = isCollection(input.bytes) ? verifyCollection(input) : verifyPacket(input)
  finish<Verdict | CollectionVerdict>(verdict, { json: options.json, show: showVerdict })
  if (verdict.verdict !== 'VERIFIED') process.exitCode = EXIT.refused
}

export async function trustFrom(path: string): Promise<Trust> {
  const trust = parseAs(Trust)(jsonOf((await bytesOf(path)).toString('utf8')))
  if (isRefusal(trust))
    throw new UsageFault(`${path} is no trust file: wrong at ${trust.where || '/'}`)
  const witnesses = witnessesIn(trust)
  if (isRefusal(witnesses))
    throw new UsageFault(`${path} names no witnesses: wrong at ${witnesses.detail}`)
  return trust
}

const bytesOf = (path: string): Promise<Buffer> =>
  readFile(path).catch((cause: unknown) => {
    throw new UsageFault(`${path} cannot be read`, { cause })
  })

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function witnessWords({ witnesses, cosigned, quorum }: Witnessed): string {
  const by = cosigned.map(({ name, at }) => `${name} at ${at}`).join(', ')
  const enough = quorum === 'not asked' ? '' : `; the quorum is ${quorum}`
  return `${witnesses}${by === '' ? '' : ` (${by})`}${enough}`
}

const showVerdict = (verdict: Verdict | CollectionVerdict): readonly string[] => [
  `${verdict.verdict} ${'cases' in verdict ? `cases=${verdict.cases}` : `case=${verdict.caseId}`} entries=${verdict.entries} decisions=${verdict.decisions} refusals=${verdict.refusals} checkpoint=${verdict.checkpoint ?? 'unknown'}`,
  ...(verdict.keys === 'demonstration' ? ['made with DEMONSTRATION keys: it proves nothing'] : []),
  `witnesses: ${witnessWords(verdict)}`,
  ...(verdict.log === null ? [] : [`log: ${verdict.log}`]),
  ...verdict.words,
  ...verdict.problems.map(({ code, where, detail }) => `${code} ${where}: ${detail}`),
]
