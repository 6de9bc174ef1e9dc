/** witness: whoever does not want to take the enterprise's word for its log runs this, on a machine of their own. */
import { basename, dirname, join } from 'node:path'
import { Command } from 'commander'
import { serve } from '../../../worker/service.js'
import { fromBase64 } from '../../domain/bytes/base64.js'
import { isRefusal } from '../../domain/refusal.js'
import { KeyId } from '../../domain/shapes/basic.js'
import { withLock } from '../../embedded/lock.js'
import { createKey, loadKey } from '../../keys/keystore.js'
import { formatVkey, isKeyName, type NoteKey, parseVkey } from '../../ledger/note-key.js'
import { serveWitness } from '../../witness/server.js'
import { openWitness } from '../../witness/witness.js'
import { finish, UsageFault } from '../session/outcome.js'
import { service } from './service.js'

interface Options {
  readonly origin: string
  readonly logKey: string
  readonly keyFile: string
  readonly name: string
  readonly state: string
  readonly host: string
  readonly port: string
}

export const define = (): Command =>
  new Command('witness')
    .requiredOption('--origin <origin>', 'of the log: the first line of its checkpoints')
    .requiredOption('--log-key <vkey>', 'the verifier key of the log, got from the enterprise')
    .requiredOption('--key-file <file>', 'the key of this witness, as `witness-key` made it')
    .requiredOption('--name <name>', 'of this witness, as in its verifier key: like example.com/w1')
    .requiredOption('--state <folder>', 'what it cosigned last; losing it is losing its memory')
    .option('--host <address>', 'where it listens', '127.0.0.1')
    .option('--port <port>', 'where it listens', '8092')
    .action(run)

/** `witness-key`: what the witness signs with. Its verifier key goes into witness policies. */
export const defineKey = (): Command =>
  new Command('witness-key')
    .argument('<file>', 'key_<name>.pem; never replaces a file')
    .requiredOption('--name <name>', 'of the witness')
    .option('--json', 'one JSON document on stdout')
    .action(async (file: string, options: { readonly name: string; readonly json?: boolean }) => {
      const keyId = basename(file, '.pem')
      if (!KeyId.safeParse(keyId).success) throw new UsageFault(`${file} is not key_<name>.pem`)
      const name = nameOf(options.name)
      const made = await createKey({ dir: dirname(file), keyId })
      const publicKey = fromBase64(made.publicKey) ?? new Uint8Array()
      const vkey = formatVkey({ name, publicKey }, 'cosignature')
      finish({ file: made.path, vkey }, { json: options.json, show: () => [vkey] })
    })

async function run(options: Options): Promise<void> {
  const logKey = logKeyOf(options)
  const name = nameOf(options.name)
  const port = /^[0-9]{1,5}$/.test(options.port) ? Number(options.port) : -1
  if (port < 0 || port > 65_535) throw new UsageFault('--port is 0 to 65535')
  const { signer } = await loadKey(options.keyFile)
  if (signer.alg !== 'ed25519') throw new UsageFault('--key-file is not an Ed25519 key')
  const now = () => Math.floor(Date.now() / 1000)
  const lock = { file: join(options.state, 'lock'), waiting: isRunning }
  await withLock(lock, () =>
    serve({
      name: 'witness',
      start: async (log) => {
        const witness = await openWitness({ logKey, name, signer, stateDir: options.state, now })
        const server = await serveWitness({
          ...{ witness, host: options.host, port },
          onAnswer: (line) => log.info({ ...line, origin: logKey.name }, 'add-checkpoint'),
        })
        const vkey = formatVkey({ name, publicKey: signer.publicKey }, 'cosignature')
        return service({ ready: { url: server.url, vkey }, stop: server.close })
      },
    }),
  )
}

/** Two that share a memory could each cosign another tree. */
function isRunning(pid: number): never {
  throw new UsageFault(`process ${pid} is the witness of this --state already`)
}

function logKeyOf({ origin, logKey }: Options): NoteKey {
  const key = parseVkey(logKey)
  if (isRefusal(key)) throw new UsageFault(`--log-key is no verifier key: ${key.detail}`)
  if (key.name !== origin) throw new UsageFault(`--log-key is of the log ${key.name}`)
  return key
}

function nameOf(name: string): string {
  if (!isKeyName(name)) throw new UsageFault('--name has no space and no plus')
  return name
}
