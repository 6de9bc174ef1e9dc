/** verify: judges a packet, or a collection of them, on its bytes and the trusted keys alone. Reads files, opens no connection. */
import { Command } from 'commander'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import { Trust } from '../../domain/shapes/authority.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { nodeVerify } from '../../keys/verify.js'
import { unreadable, type Verdict, verifyPacket } from '../../packet/verify/verify.js'
import {
  type CollectionVerdict,
  isCollection,
  verifyCollection,
} from '../../packet/verify/verify-collection.js'
import { type Witnessed, witnessesIn } from '../../packet/verify/verify-witnesses.js'
import { trustFingerprint } from '../officers/fingerprints.js'
import { EXIT, finish, UsageFault } from '../session/outcome.js'
import { bytesOf, evidenceAt } from './evidence-read.js'

interface Options {
  readonly trust: string
  readonly fingerprint?: string
  readonly json?: boolean
}

export const define = (): Command =>
  new Command('verify')
    .argument(
      '<packet...>',
      'an archive, or all parts of one: files, or the folder that holds them',
    )
    .requiredOption('--trust <file>', 'the root keys that you got from the enterprise')
    .option('--fingerprint <sha256>', 'of the trust file, as the officers read it to you')
    .option('--json', 'one JSON document on stdout')
    .action(verify)

async function verify(paths: readonly string[], options: Options): Promise<void> {
  const trust = await trustFrom(options.trust)
  const { fingerprint } = options
  if (fingerprint !== undefined && fingerprint !== trustFingerprint(trust))
    throw new UsageFault(`${options.trust} has another fingerprint: ${trustFingerprint(trust)}`)
  const verdict = verdictOn(await evidenceAt(paths), trust)
  finish<Verdict | CollectionVerdict>(verdict, { json: options.json, show: showVerdict })
  if (verdict.verdict !== 'VERIFIED') process.exitCode = EXIT.refused
}

function verdictOn(bytes: Uint8Array | Refusal, trust: Trust): Verdict | CollectionVerdict {
  if (isRefusal(bytes)) return unreadable([bytes])
  const input = { bytes, trust, verify: nodeVerify }
  return isCollection(bytes) ? verifyCollection(input) : verifyPacket(input)
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
