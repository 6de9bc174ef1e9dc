/**
 * The files that a process's configuration names: read once at its start, each wrong one a fault that names the
 * variable, the file and the place in it, and never shows what stands there.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { fromBase64 } from './domain/bytes/base64.js'
import { isRefusal } from './domain/refusal.js'
import { Trust } from './domain/shapes/authority.js'
import { Channels, type NoticeSettings } from './domain/shapes/channel.js'
import { parseAs } from './domain/shapes/parse.js'
import { type KeyRing, newestOf } from './keys/aead.js'
import { parseWitnessPolicy, type WitnessPolicy } from './ledger/witness-policy.js'

/** A variable, or the file it names, is missing or wrong. */
export class ConfigFault extends Error {
  override readonly name = 'ConfigFault'
  constructor(variable: string, wrong: string) {
    super(`${variable}: ${wrong}`)
  }
}

/** UNTRUSTED: the file. Throws ConfigFault. */
export function readJson<Shape extends z.ZodType>(input: {
  readonly variable: string
  readonly path: string
  readonly shape: Shape
}): z.infer<Shape> {
  const { variable, path, shape } = input
  const read = parseAs(shape)(jsonIn(variable, path))
  if (isRefusal(read)) throw new ConfigFault(variable, `${path} is wrong at ${read.where || '/'}`)
  return read
}

function textIn(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw new ConfigFault(variable, `${path} cannot be read`)
  }
}

/** A parser's message can quote the text, so it is not passed on. */
function jsonIn(variable: string, path: string): unknown {
  const text = textIn(variable, path)
  try {
    return JSON.parse(text)
  } catch {
    throw new ConfigFault(variable, `${path} is not JSON`)
  }
}

const RingFile = z
  .array(z.strictObject({ kid: z.string().min(1).max(100), key: z.base64() }))
  .min(1)

export function readRing(variable: string, path: string): KeyRing {
  const ring = readJson({ variable, path, shape: RingFile }).map(({ kid, key }) => ({
    kid,
    key: fromBase64(key) ?? new Uint8Array(),
  }))
  try {
    newestOf(ring)
  } catch (error) {
    throw new ConfigFault(variable, `${path}: ${error instanceof Error ? error.message : 'unfit'}`)
  }
  return ring
}

/** Null where no policy is named: the log is single-party. */
export function readWitnessPolicy(path: string | undefined): WitnessPolicy | null {
  const variable = 'COUNTERSIGN_WITNESS_POLICY'
  if (path === undefined) return null
  const policy = parseWitnessPolicy(textIn(variable, path))
  if (isRefusal(policy))
    throw new ConfigFault(variable, `${path} is wrong at ${policy.where}: ${policy.detail}`)
  return policy
}

export const readTrust = (path: string): Trust =>
  readJson({ variable: 'COUNTERSIGN_TRUST', path, shape: Trust })

/** A signing secret of Standard Webhooks: 24 to 64 bytes. */
const WEBHOOK_SECRET = /^whsec_[A-Za-z0-9+/]{32,86}={0,2}$/

/** Null where no file is named: nobody is told anything. */
export function readNotices(path: string | undefined): NoticeSettings | null {
  const variable = 'COUNTERSIGN_NOTICES'
  if (path === undefined) return null
  const read = parseAs(Channels)(jsonIn(variable, path))
  if (isRefusal(read))
    throw new ConfigFault(variable, `${path} is wrong at ${read.where || '/'}: ${read.detail}`)
  const secrets = Object.entries(read.channels).map(([name, channel]) => {
    const file = channel.kind === 'webhook' ? channel.secretFile : channel.login?.passwordFile
    const lines = file === undefined ? [] : textIn(variable, file).split('\n').filter(Boolean)
    if (channel.kind === 'webhook' && !isSigning(lines))
      throw new ConfigFault(
        variable,
        `${file} does not hold secrets of the form whsec_…, one a line`,
      )
    return [name, lines] as const
  })
  return { ...read, secrets: Object.fromEntries(secrets) }
}

const isSigning = (lines: readonly string[]): boolean =>
  lines.length > 0 && lines.every((line) => WEBHOOK_SECRET.test(line))
