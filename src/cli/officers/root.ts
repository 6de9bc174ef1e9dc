/**
 * root: the ceremony of the officers. Each makes a root key on a machine of their own and gives away its public
 * half; together they sign the root statement, which says whose signatures count for what. No private key is
 * needed, or wanted, where the service runs.
 */
import { basename, dirname } from 'node:path'
import { Command } from 'commander'
import { ownerConfig } from '../../config.js'
import { isRefusal } from '../../domain/refusal.js'
import { AuthorityBundle, PublicKey, Root, Trust } from '../../domain/shapes/authority.js'
import { KeyId } from '../../domain/shapes/basic.js'
import type { Envelope } from '../../domain/shapes/envelope.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { openEnvelope, verifySignature } from '../../domain/signed/envelope.js'
import { createKey, type LoadedKey, loadKey } from '../../keys/keystore.js'
import { signEnvelope } from '../../keys/sign.js'
import { nodeVerify } from '../../keys/verify.js'
import { installRoot } from '../../store/authority/genesis.js'
import { openDb } from '../../store/db.js'
import { trustFrom } from '../auditors/verify.js'
import { readDocument, readEnvelope, signFile, writeNew } from '../session/envelope-file.js'
import { finish, print, UsageFault } from '../session/outcome.js'
import { keyLine, showRoot, showTrust } from './fingerprints.js'

const DAY_MS = 86_400_000
/** What this machine's clock may be ahead of the database's. */
const CLOCK_MS = 5000

export const define = (): Command =>
  new Command('root')
    .addCommand(
      new Command('key')
        .description('make a key: <file>.pem stays where it is, <file>.json is its public half')
        .argument('<file>', 'key_<name>.pem; never replaces a file')
        .action(makeKey),
    )
    .addCommand(
      new Command('draft')
        .description('write a root statement for its signers, signed by you as the first')
        .requiredOption('--key <file>', 'your root key')
        .option('--after <file>', 'the root statement that this one follows')
        .requiredOption('--enterprise <id>', 'ent_…')
        .requiredOption(
          '--signer <scopes=file...>',
          'people,ownership,contracts,policy,manifest=key_….json: for what this key signs',
        )
        .requiredOption('--connector <files...>', 'public halves of the connectors’ keys')
        .requiredOption('--log-key <file>', 'public half of the key of the log')
        .requiredOption('--origin <name>', 'of the log: like bank.example/countersign')
        .option('--days <n>', 'how long the root lasts', '1825')
        .option('--signer-days <n>', 'how long the signers’ keys count', '365')
        .option('--demonstration', 'every packet says that it proves nothing')
        .requiredOption('--out <file>', 'never replaces a file')
        .action(draft),
    )
    .addCommand(
      new Command('sign')
        .description('add your signature, after showing all that it says')
        .argument('<file>')
        .requiredOption('--key <file>', 'your root key')
        .option('--yes', 'do not ask')
        .action(sign),
    )
    .addCommand(
      new Command('trust')
        .description('write the trust file: which root keys a process or a verifier believes')
        .requiredOption('--enterprise <id>', 'ent_…')
        .requiredOption('--root-key <files...>', 'public halves of the officers’ root keys')
        .option('--threshold <n>', 'how many of them sign a root; at least 2', '2')
        .option('--minimum-root-version <n>', 'no older root is believed', '1')
        .requiredOption('--out <file>', 'never replaces a file')
        .action(trusting),
    )
    .addCommand(
      new Command('show')
        .description('a root statement and whose signatures it has, in fingerprints')
        .argument('<file>')
        .requiredOption('--trust <file>')
        .action(show),
    )
    .addCommand(
      new Command('install')
        .description(
          'the bundle of a new root takes effect; as the database’s owner (DATABASE_URL)',
        )
        .argument('<bundle>', 'as `authority assemble` wrote it')
        .requiredOption('--trust <file>', 'the trust file in use until now')
        .action(install),
    )

async function makeKey(file: string): Promise<void> {
  const keyId = basename(file, '.pem')
  if (!file.endsWith('.pem') || !KeyId.safeParse(keyId).success)
    throw new UsageFault(`${file} is not key_<name>.pem`)
  const made = await createKey({ dir: dirname(file), keyId, ...passphrase() })
  print([keyLine(made)])
}

/** From the environment, so that it stands in no list of processes. */
const passphrase = (): { readonly passphrase?: string } => {
  const given = process.env.COUNTERSIGN_KEY_PASSPHRASE
  return given === undefined ? {} : { passphrase: given }
}

export const keyAt = (file: string): Promise<LoadedKey> => loadKey(file, passphrase())

/** The public half, beside `key_….pem`. */
export const publicKeyAt = (file: string): Promise<PublicKey> =>
  readDocument({
    ...{ file, parse: parseAs(PublicKey), what: 'public key' },
    otherwise: '`countersign root key` writes one',
  })

/** From a moment ago, so that a slower clock believes it at once. */
export const lasting = (
  days: string,
): { readonly notBefore: string; readonly notAfter: string } => {
  const from = Date.now() - CLOCK_MS
  if (!(Number(days) > 0 && Number(days) <= 3650))
    throw new UsageFault('days are more than 0 and at most 3650')
  return {
    notBefore: new Date(from).toISOString(),
    notAfter: new Date(from + Number(days) * DAY_MS).toISOString(),
  }
}

interface Draft {
  readonly key: string
  readonly after?: string
  readonly enterprise: string
  readonly signer: readonly string[]
  readonly connector: readonly string[]
  readonly logKey: string
  readonly origin: string
  readonly days: string
  readonly signerDays: string
  readonly demonstration?: boolean
  readonly out: string
}

async function draft(options: Draft): Promise<void> {
  const key = await keyAt(options.key)
  const before = options.after === undefined ? null : rootIn(await rootFile(options.after))
  const { notBefore: issuedAt, notAfter: expiresAt } = lasting(options.days)
  const root = parseAs(Root)({
    ...{ type: 'root', v: 1, enterprise: options.enterprise },
    version: (before?.version ?? 0) + 1,
    ...{ issuedAt, expiresAt },
    purpose: options.demonstration === true ? 'demonstration' : 'production',
    signers: await Promise.all(options.signer.map((said) => signerOf(said, options.signerDays))),
    connectors: await Promise.all(options.connector.map(publicKeyAt)),
    log: { origin: options.origin, key: await publicKeyAt(options.logKey) },
  })
  if (isRefusal(root)) throw new UsageFault(`no root at ${root.where}: ${root.detail}`)
  await writeNew(options.out, signEnvelope({ kind: 'root', payload: root, ...key }))
  print(showRoot(root))
}

async function signerOf(said: string, days: string) {
  const [scopes = '', file] = said.split('=')
  if (file === undefined) throw new UsageFault(`--signer ${said} is not <scopes>=<file>`)
  return { ...(await publicKeyAt(file)), scopes: scopes.split(','), ...lasting(days) }
}

const rootFile = (file: string): Promise<Envelope> =>
  readEnvelope(file, { what: 'root statement', otherwise: '`countersign root draft` writes one' })

function rootIn(envelope: Envelope): Root {
  const opened = openEnvelope({ envelope, kind: 'root', parse: parseAs(Root) })
  if (isRefusal(opened)) throw new UsageFault(`no root at ${opened.where}: ${opened.detail}`)
  return opened.payload
}

async function sign(
  file: string,
  options: { readonly key: string; readonly yes?: boolean },
): Promise<void> {
  const envelope = await rootFile(file)
  const key = await keyAt(options.key)
  const shown = showRoot(rootIn(envelope))
  if (await signFile({ file, envelope, key, shown, yes: options.yes === true }))
    print([`signed by ${key.keyId}`])
}

async function trusting(options: {
  readonly enterprise: string
  readonly rootKey: readonly string[]
  readonly threshold: string
  readonly minimumRootVersion: string
  readonly out: string
}): Promise<void> {
  const rootKeys = await Promise.all(options.rootKey.map(publicKeyAt))
  const threshold = Number(options.threshold)
  const distinct = new Set(rootKeys.map(({ publicKey }) => publicKey)).size
  if (!(threshold >= 2 && threshold <= distinct))
    throw new UsageFault('--threshold is at least 2, and at most the number of different root keys')
  const trust = parseAs(Trust)({
    ...{ enterprise: options.enterprise, rootKeys, threshold },
    minimumRootVersion: Number(options.minimumRootVersion),
    minimumBundleVersion: 1,
  })
  if (isRefusal(trust)) throw new UsageFault(`no trust at ${trust.where}: ${trust.detail}`)
  await writeNew(options.out, trust)
  print(showTrust(trust))
}

async function show(file: string, options: { readonly trust: string }): Promise<void> {
  const envelope = await rootFile(file)
  const trust = await trustFrom(options.trust)
  const signed = trust.rootKeys.filter((key) =>
    envelope.signatures.some(
      ({ keyid }, index) =>
        keyid === key.keyId &&
        verifySignature({ envelope, index, key, verify: nodeVerify }) === true,
    ),
  )
  const by = signed.map(({ keyId }) => keyId).join(', ')
  print([
    ...showTrust(trust),
    ...showRoot(rootIn(envelope)),
    `  signed by ${signed.length} of ${trust.threshold}${by === '' ? '' : `: ${by}`}`,
  ])
}

/** UNTRUSTED: the file. */
export const bundleAt = (file: string): Promise<AuthorityBundle> =>
  readDocument({
    ...{ file, parse: parseAs(AuthorityBundle), what: 'authority bundle' },
    otherwise: '`countersign authority assemble` writes one',
  })

async function install(file: string, options: { readonly trust: string }): Promise<void> {
  const { ownerUrl } = ownerConfig(process.env)
  const trust = await trustFrom(options.trust)
  const bundle = await bundleAt(file)
  const db = openDb(ownerUrl, { name: 'root', max: 1 })
  const installed = await installRoot(db, { bundle, trust, verify: nodeVerify }).finally(() =>
    db.end(),
  )
  finish(installed, {
    show: ({ version, root }) => [
      ...showRoot(root),
      `authority version ${version} is in force: start every process anew`,
    ],
  })
}
