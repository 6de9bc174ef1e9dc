/**
 * countersign: the table of contents of the command line. Each command is a file with `define`, loaded only
 * when it is called, so that `verify` needs neither a database nor Temporal. Exit codes: see outcome.ts.
 */
import { Command } from 'commander'
import { EXIT_CODES, runProgram } from './program.js'

interface CommandFile {
  readonly define: () => Command
}

const COMMANDS: Readonly<Record<string, readonly [string, () => Promise<CommandFile>]>> = {
  demo: [
    'a whole enterprise on this machine: one rotation, and attacks on it',
    () => import('./processes/demo.js'),
  ],
  start: ['the embedded system, kept running', () => import('./processes/start.js')],
  api: ['the HTTP API', () => import('./processes/api.js')],
  worker: ['the workflow worker', () => import('./processes/worker.js')],
  keeper: ['the relay, the log and the reconciler', () => import('./processes/keeper.js')],
  connector: ['the connector of the configured targets', () => import('./processes/connector.js')],
  codec: ['the codec server of the Temporal UI', () => import('./processes/codec.js')],
  issuer: ['the embedded token issuer', () => import('./processes/issuer.js')],
  request: ['ask for work on an identity', () => import('./cases/request.js')],
  cases: ['list cases, or show one', () => import('./cases/cases.js')],
  show: ['one case by its workflow id, from the ledger', () => import('./cases/show.js')],
  inbox: ['gates that await you', () => import('./owners/inbox.js')],
  review: ['all that a decision would sign', () => import('./owners/review.js')],
  decide: ['approve, decline or ask about one step', () => import('./owners/decide.js')],
  fence: ['stop a partner, a system or an identity, or cut it', () => import('./owners/fence.js')],
  kit: [
    'the sealed kit: access cut while the evidence store is down',
    () => import('./owners/kit.js'),
  ],
  quality: ['what control costs the owners, month by month', () => import('./owners/quality.js')],
  rights: ['when each of the three rights last worked', () => import('./owners/rights.js')],
  mandate: [
    'decisions in advance: draft, sign, give, list, revoke',
    () => import('./owners/mandate.js'),
  ],
  campaign: [
    'campaigns of recertification, and how they were decided',
    () => import('./owners/campaign.js'),
  ],
  root: [
    'the officers’ ceremony: root keys, the root statement, trust',
    () => import('./officers/root.js'),
  ],
  init: ['the first authority of an empty evidence store', () => import('./officers/init.js')],
  authority: [
    'sign and assemble an authority bundle, and bring it',
    () => import('./officers/authority.js'),
  ],
  responsibilities: ['who answers for what', () => import('./officers/responsibilities.js')],
  ownership: ['what lacks an owner who is there', () => import('./officers/ownership.js')],
  task: ['the partner’s tasks: list, lease, claim', () => import('./cases/task.js')],
  ops: [
    'operators: list-stuck, why, nudge, reattach, drain, who',
    () => import('./operators/ops.js'),
  ],
  emergency: [
    'uses of emergency access, and the secret of one',
    () => import('./cases/emergency.js'),
  ],
  person: ['erase what is kept of a person', () => import('./officers/person.js')],
  hold: ['keep what a case, an identity or a partner left', () => import('./officers/hold.js')],
  purge: ['what policy lets go of closed cases', () => import('./officers/purge.js')],
  findings: [
    'what was found against a partner, by demands and by reviews',
    () => import('./owners/findings.js'),
  ],
  log: ['one entry and its proof, as files', () => import('./auditors/log.js')],
  'witness-key': [
    'make the key of a witness',
    async () => ({ define: (await import('./processes/witness.js')).defineKey }),
  ],
  witness: ['cosign a log that only grows, as an outsider', () => import('./processes/witness.js')],
  evidence: ['take evidence away', () => import('./auditors/evidence.js')],
  policy: [
    'test, explain, compare and simulate a policy pack',
    () => import('./officers/policy.js'),
  ],
  verify: ['check a packet offline', () => import('./auditors/verify.js')],
  fsck: [
    'compute the whole store again, and name what is wrong',
    () => import('./auditors/fsck.js'),
  ],
  restore: [
    'after a restored backup: what is lost, and the log that follows',
    () => import('./officers/restore.js'),
  ],
  migrate: ['bring the database to this release', () => import('./processes/migrate.js')],
  doctor: ['check what this environment is configured for', () => import('./operators/doctor.js')],
}

async function main(words: readonly string[]): Promise<void> {
  const program = new Command('countersign')
    .description('The partner executes. The enterprise countersigns. Anyone can check.')
    .addHelpText('after', `\n${EXIT_CODES}`)
  const [first, second] = words.filter((word) => !word.startsWith('-'))
  const asked = first === 'help' ? second : first
  for (const [name, [about, load]] of Object.entries(COMMANDS)) {
    const command = name === asked ? (await load()).define() : new Command(name)
    program.addCommand(command.description(about))
  }
  await runProgram(program, words)
}

await main(process.argv.slice(2))
