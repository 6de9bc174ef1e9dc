/** Files that travel between signers: one JSON document each, whose signatures grow; and the question before a signature. */
import { readFile, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import { Envelope } from '../../domain/shapes/envelope.js'
import { parseAs } from '../../domain/shapes/parse.js'
import type { LoadedKey } from '../../keys/keystore.js'
import { addSignature } from '../../keys/sign.js'
import { print, UsageFault } from './outcome.js'

interface Reading<T> {
  readonly file: string
  readonly parse: (value: unknown) => T | Refusal
  /** What it should be: `mandate`. */
  readonly what: string
  /** How one gets it. */
  readonly otherwise: string
}

/** UNTRUSTED: the file. Throws UsageFault that names it. */
export async function readDocument<T>({ file, parse, what, otherwise }: Reading<T>): Promise<T> {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new UsageFault(`${file} cannot be read; ${otherwise}`)
  })
  const read = parse(jsonOf(text))
  if (isRefusal(read))
    throw new UsageFault(
      `${file} holds no ${what}; ${otherwise} (it is wrong at ${read.where || '/'}: ${read.detail})`,
    )
  return read
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

export const readEnvelope = (
  file: string,
  said: Pick<Reading<Envelope>, 'what' | 'otherwise'>,
): Promise<Envelope> => readDocument({ file, parse: parseAs(Envelope), ...said })

export const textOf = (document: unknown): string => `${JSON.stringify(document, null, 2)}\n`

/** Never over a file that is there. */
export const writeNew = (file: string, document: unknown): Promise<void> =>
  writeFile(file, textOf(document), { mode: 0o600, flag: 'wx' }).catch(() => {
    throw new UsageFault(`${file} cannot be written, or is there already`)
  })

interface Showing {
  readonly file: string
  readonly shown: readonly string[]
  readonly yes: boolean
}

/** Shows what is signed, asks unless told not to, and adds the signature to the file. False: nothing was signed. */
export async function signFile(
  signing: Showing & {
    readonly envelope: Envelope
    readonly key: Pick<LoadedKey, 'keyId' | 'signer'>
  },
): Promise<boolean> {
  const { envelope, key } = signing
  if (envelope.signatures.some(({ keyid }) => keyid === key.keyId))
    throw new UsageFault('you have signed it already')
  return replaceWith({ ...signing, document: () => addSignature({ envelope, ...key }) })
}

/** Shows what is signed, asks unless told not to, and writes the file anew. False: nothing was signed. */
export async function replaceWith({
  file,
  shown,
  yes,
  document,
}: Showing & { readonly document: () => Envelope }): Promise<boolean> {
  if (shown.length > 0) print(shown)
  if (!yes && !(await confirmed())) {
    print(['nothing was signed'])
    return false
  }
  await writeFile(file, textOf(document()), { mode: 0o600 })
  return true
}

/** Asks at the terminal; without one, --yes has to be given. */
async function confirmed(): Promise<boolean> {
  if (process.stdin.isTTY !== true || process.stdout.isTTY !== true)
    throw new UsageFault('without a terminal give --yes')
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    return ['y', 'yes'].includes((await terminal.question('sign? [y/N] ')).trim().toLowerCase())
  } finally {
    terminal.close()
  }
}
