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
    () => import('./demo.js'),
  ],
  start: ['the embedded system, kept running', () => import('./start.js')],
  api: ['the HTTP API', () => import('./api.js')],
  worker: ['the workflow worker', () => import('./worker.js')],
  keeper: ['the relay, the log and the reconciler', () => import('./keeper.js')],
  connector: ['the connector of the configured targets', () => import('./connector.js')],
  codec: ['the codec server of the Temporal UI', () => import('./codec.js')],
  issuer: ['the embedded token issuer', () => import('./issuer.js')],
  request: ['ask for work on an identity', () => import('./request.js')],
  cases: ['list cases, or show one', () => import('./cases.js')],
  show: ['one case by its workflow id, from the ledger', () => import('./show.js')],
  inbox: ['gates that await you', () => import('./inbox.js')],
  review: ['all that a decision would sign', () => import('./review.js')],
  decide: ['approve, decline or ask about one step', () => import('./decide.js')],
  fence: ['stop a partner, a system or an identity, or cut it', () => import('./fence.js')],
  kit: ['the sealed kit: access cut while the evidence store is down', () => import('./kit.js')],
  quality: ['what control costs the owners, month by month', () => import('./quality.js')],
  rights: ['when each of the three rights last worked', () => import('./rights.js')],
  mandate: ['decisions in advance: draft, sign, give, list, revoke', () => import('./mandate.js')],
  campaign: [
    'campaigns of recertification, and how they were decided',
    () => import('./campaign.js'),
  ],
  root: ['the officers’ ceremony: root keys, the root statement, trust', () => import('./root.js')],
  init: ['the first authority of an empty evidence store', () => import('./init.js')],
  authority: [
    'sign and assemble an authority bundle, and bring it',
    () => import('./authority.js'),
  ],
  responsibilities: ['who answers for what', () => import('./responsibilities.js')],
  ownership: ['what lacks an owner who is there', () => import('./ownership.js')],
  task: ['the partner’s tasks: list, lease, claim', () => import('./task.js')],
  ops: ['operators: list-stuck, why, nudge, reattach, drain, who', () => import('./ops.js')],
  emergency: ['uses of emergency access, and the secret of one', () => import('./emergency.js')],
  person: ['erase what is kept of a person', () => import('./person.js')],
  findings: [
    'what was found against a partner, by demands and by reviews',
    () => import('./findings.js'),
  ],
  log: ['one entry and its proof, as files', () => import('./log.js')],
  'witness-key': [
    'make the key of a witness',
    async () => ({ define: (await import('./witness.js')).defineKey }),
  ],
  witness: ['cosign a log that only grows, as an outsider', () => import('./witness.js')],
  evidence: ['take evidence away', () => import('./evidence.js')],
  policy: ['test, explain, compare and simulate a policy pack', () => import('./policy.js')],
  verify: ['check a packet offline', () => import('./verify.js')],
  fsck: ['compute the whole store again, and name what is wrong', () => import('./fsck.js')],
  migrate: ['bring the database to this release', () => import('./migrate.js')],
  doctor: ['check what this environment is configured for', () => import('./doctor.js')],
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
