/**
 * restore: the way forward after a backup was restored, or a fail-over lost commits. What happened; what the targets
 * show that the store has lost; and a successor log, which two officers sign and the owner of the database opens.
 */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { z } from 'zod'
import { connectTargets } from '../../../worker/targets.js'
import { connectorConfig, fsckConfig, ownerConfig } from '../../config.js'
import { reasonDigest, type SaltedReason } from '../../domain/bytes/commitment.js'
import { isRefusal, type Refusal } from '../../domain/refusal.js'
import type { Trust } from '../../domain/shapes/authority.js'
import { Envelope } from '../../domain/shapes/envelope.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { SuccessorLog } from '../../domain/shapes/successor-log.js'
import { reconcileTargets } from '../../execution/restored.js'
import { loadKey } from '../../keys/keystore.js'
import { signEnvelope } from '../../keys/sign.js'
import { nodeVerify } from '../../keys/verify.js'
import { openCheckpoint } from '../../ledger/checkpoint.js'
import { gapWords, highestProblem, readSuccessor } from '../../ledger/successor-log.js'
import { authoritySource } from '../../store/authority/authority.js'
import { type Db, now, openDb } from '../../store/db.js'
import { type HighWater, readHighWater } from '../../store/log/high-water.js'
import { shorterIn } from '../../store/log/lost.js'
import { readMemory } from '../../store/log/memory.js'
import { openSuccessor } from '../../store/log/open-successor.js'
import { logNamed } from '../../store/log/proof.js'
import { trustFrom } from '../auditors/verify.js'
import {
  readDocument,
  readEnvelope,
  replaceWith,
  signFile,
  writeNew,
} from '../session/envelope-file.js'
import { EXIT, finish, print, UsageFault } from '../session/outcome.js'
import { trustFingerprint } from './fingerprints.js'
import { type LogState, logState, showReconciled, showState } from './restore-state.js'
import { keyAt } from './root.js'

export const define = (): Command =>
  new Command('restore')
    .addCommand(
      new Command('status')
        .description('one line: what happened to the log; then what comes next')
        .option('--high-water <file>', 'what the signer remembers: the keeper’s high-water.json')
        .option('--json', 'one JSON document on stdout')
        .action(status),
    )
    .addCommand(
      new Command('reconcile')
        .description('look at every target and record what it shows that the store does not know')
        .addHelpText('after', '\nWhere the connector runs, with its environment.')
        .option('--json', 'one JSON document on stdout')
        .action(reconcile),
    )
    .addCommand(
      new Command('draft')
        .description('write down the successor log for its officers, as this store makes it')
        .requiredOption('--high-water <file>', 'the keeper’s high-water.json')
        .option('--checkpoint <file>', 'a larger signed head, of a packet or a witness')
        .requiredOption('--origin <name>', 'of the new log')
        .requiredOption('--reason <text>', 'why entries are lost')
        .requiredOption('--out <file>', 'never replaces a file; <file>.reason holds the reason')
        .action(draft),
    )
    .addCommand(
      new Command('sign')
        .description('add an officer’s signature, after showing all that it says')
        .argument('<file>')
        .requiredOption('--key <file>', 'your root key')
        .option('--yes', 'do not ask')
        .action(sign),
    )
    .addCommand(
      new Command('open')
        .description('the successor log begins; as the database’s owner (DATABASE_URL)')
        .argument('<file>', 'as two officers signed it')
        .requiredOption('--trust <file>')
        .option('--reason <file>', 'the reason that was drafted: <file>.reason')
        .action(open),
    )

async function withStore<T>(work: (db: Db, trust: Trust) => Promise<T>): Promise<T> {
  const { databaseUrl, trust } = fsckConfig(process.env)
  const db = openDb(databaseUrl, { name: 'restore', max: 2 })
  return work(db, trust).finally(() => db.end())
}

/** Throws UsageFault for a file that is not there. */
async function markAt(file: string): Promise<HighWater> {
  const mark = await readHighWater(file)
  if (mark === null) throw new UsageFault(`${file} is not there`)
  return mark
}

async function status(options: {
  readonly highWater?: string
  readonly json?: boolean
}): Promise<void> {
  const { highWater: file, json } = options
  const highWater = file === undefined ? null : await markAt(file)
  const state = await withStore((db, trust) => logState(db, { trust, highWater }))
  finish(state, { json, show: showState })
  if (!isRefusal(state) && state.compared !== null && state.compared.store !== 'whole')
    process.exitCode = EXIT.refused
}

async function reconcile({ json }: { readonly json?: boolean }): Promise<void> {
  const config = connectorConfig(process.env)
  const { path, ...options } = config.connectorKey
  const key = await loadKey(path, options)
  const db = openDb(config.databaseUrl, { name: 'restore', max: 4 })
  const connectors = connectTargets(config.targets)
  try {
    const { trust } = config
    const state = await logState(db, { trust, highWater: null })
    const today = await authoritySource({ trust, verify: nodeVerify }).today(db, 'taking-away')
    const reconciled =
      isRefusal(state) || isRefusal(today)
        ? [state, today].find(isRefusal)
        : await reconcileTargets({
            ...{ db, connectors, authority: today.authority },
            remembered: await readMemory(join(config.stateDir, 'seen.json')),
            attestor: { keyId: key.keyId, sign: key.signer.sign },
            log: { origin: state.log.origin, size: state.stored.size },
          })
    if (reconciled !== undefined) finish(reconciled, { json, show: showReconciled })
  } finally {
    await Promise.all([...connectors.values()].map((connector) => connector.close()))
    await db.end()
  }
}

interface Draft {
  readonly highWater: string
  readonly checkpoint?: string
  readonly origin: string
  readonly reason: string
  readonly out: string
}

async function draft(options: Draft): Promise<void> {
  const mark = await markAt(options.highWater)
  const reason = { salt: randomBytes(16).toString('hex'), reason: options.reason }
  const drafted = await withStore(async (db, trust) => {
    const state = await logState(db, { trust, highWater: mark })
    return isRefusal(state)
      ? state
      : statementOf({ options, trust, state, mark, reason, at: await now(db) })
  })
  if (!isRefusal(drafted)) {
    await writeNew(options.out, drafted)
    await writeNew(`${options.out}.reason`, reason)
  }
  finish(drafted, { show: showSuccessor })
}

/** Throws UsageFault where there is nothing to draft. */
async function statementOf(of: {
  readonly options: Draft
  readonly trust: Trust
  readonly state: LogState
  readonly mark: HighWater
  readonly reason: SaltedReason
  readonly at: string
}): Promise<SuccessorLog | Refusal> {
  const { options, trust, state, mark, reason, at } = of
  const { log, stored, compared, reconciled } = state
  if (compared?.store !== 'lost')
    throw new UsageFault(`there is no gap to close: ${showState(state)[0]}`)
  const highest = await highestHead(log, { mark, file: options.checkpoint })
  const statement = parseAs(SuccessorLog)({
    ...{ type: 'successor-log', v: 1, enterprise: trust.enterprise, from: log, highest },
    ...{ restored: stored, lost: highest.size - stored.size, to: { origin: options.origin } },
    ...{ shorter: shorterIn(reconciled), reasonDigest: reasonDigest(reason), issuedAt: at },
  })
  if (isRefusal(statement))
    throw new UsageFault(`no statement at ${statement.where}: ${statement.detail}`)
  return highestProblem(statement, nodeVerify) ?? statement
}

/** The signer's mark, or a larger head that somebody else has seen signed. */
async function highestHead(
  log: LogState['log'],
  of: { readonly mark: HighWater; readonly file: string | undefined },
): Promise<SuccessorLog['highest']> {
  const { mark, file } = of
  const { size, root, note } = mark
  if (file === undefined) {
    if (note === undefined) throw new UsageFault('the mark holds no note: give --checkpoint')
    return { size, root, note }
  }
  const text = await readFile(file, 'utf8')
  const opened = openCheckpoint({ note: text, ...logNamed(log, nodeVerify) })
  if (isRefusal(opened))
    throw new UsageFault(`${file} is no head of ${log.origin}: ${opened.detail}`)
  if (opened.checkpoint.size < size) throw new UsageFault(`${file} is smaller than the mark`)
  const encoded = Buffer.from(opened.checkpoint.root).toString('base64')
  return { size: opened.checkpoint.size, root: encoded, note: text }
}

const showSuccessor = (of: SuccessorLog): readonly string[] => [
  `successor log of ${of.enterprise}, ${of.issuedAt}`,
  `  from ${of.from.origin}  head ${of.highest.size} ${of.highest.root}`,
  `  left  ${of.restored.size} entries ${of.restored.root}`,
  `  lost  ${of.lost} entries, for ever`,
  `  to   ${of.to.origin}`,
  ...of.shorter.map(
    ({ stream, had, has }) =>
      `  given up  ${stream}: ${had.seq} entries, of which ${has?.seq ?? 0} are left`,
  ),
  '  every open case is signed anew, and grants of before are dead',
]

async function sign(
  file: string,
  options: { readonly key: string; readonly yes?: boolean },
): Promise<void> {
  const key = await keyAt(options.key)
  const document = await readDocument({
    ...{ file, parse: parseAs(z.union([Envelope, SuccessorLog])), what: 'successor log' },
    otherwise: '`countersign restore draft` writes one',
  })
  const envelope = 'payload' in document ? document : null
  const statement = 'payload' in document ? readSuccessor(document) : document
  if (isRefusal(statement)) throw new UsageFault(`no successor log at ${statement.where}`)
  const shown = showSuccessor(statement)
  const signed =
    envelope === null
      ? await replaceWith({
          ...{ file, shown, yes: options.yes === true },
          document: () => signEnvelope({ kind: 'successor-log', payload: statement, ...key }),
        })
      : await signFile({ file, envelope, key, shown, yes: options.yes === true })
  if (signed) print([`signed by ${key.keyId}`])
}

const Reason = z.strictObject({ salt: z.string().min(32).max(200), reason: z.string().max(10_000) })

async function open(
  file: string,
  options: { readonly trust: string; readonly reason?: string },
): Promise<void> {
  const { ownerUrl } = ownerConfig(process.env)
  const trust = await trustFrom(options.trust)
  const envelope = await readEnvelope(file, {
    what: 'signed successor log',
    otherwise: '`countersign restore sign` makes one',
  })
  const reason =
    options.reason === undefined
      ? null
      : await readDocument({
          ...{ file: options.reason, parse: parseAs(Reason), what: 'reason' },
          otherwise: '`countersign restore draft` writes one',
        })
  const db = openDb(ownerUrl, { name: 'restore', max: 1 })
  const opened = await openSuccessor(db, { envelope, trust, verify: nodeVerify, reason }).finally(
    () => db.end(),
  )
  finish(opened, {
    show: ({ successor, resumed, dead }) => [
      gapWords(successor),
      `trust ${trust.enterprise}  ${trustFingerprint(trust)}`,
      `${resumed} open cases are signed anew`,
      ...dead.map((caseId) => `${caseId} cannot be read: nothing of it counts any more`),
      'start every process anew, and witnesses with the new name of the log',
    ],
  })
}
