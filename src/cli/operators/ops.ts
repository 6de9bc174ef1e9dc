/** ops: beside the Temporal UI, which changes nothing. Each call is recorded under the operator's name, and none authorises anything. */
import { setTimeout as pause } from 'node:timers/promises'
import { Command } from 'commander'
import type { DrainAnswer, ProcessesAnswer, WhyAnswer } from '../../contract/http-ops.js'
import { isRefusal } from '../../domain/refusal.js'
import { type Common, clientFor, withProfile } from '../session/options.js'
import { EXIT, finish, UsageFault } from '../session/outcome.js'

interface ListOptions extends Common {
  readonly quietFor?: string
}
type Told = WhyAnswer['told'][number]
interface DrainOptions extends Common {
  readonly wait?: string
}

export const define = (): Command =>
  new Command('ops')
    .addCommand(
      withProfile('list-stuck')
        .description('cases in which no person is awaited and nothing was recorded for a while')
        .option('--quiet-for <seconds>', '900 unless given; a long soak is quiet too')
        .action(listStuck),
    )
    .addCommand(
      withProfile('why')
        .description('who holds the ball, since when, for what, and what happens when nobody acts')
        .argument('<case>')
        .action(why),
    )
    .addCommand(
      withProfile('nudge')
        .description('have the workflow of a case read the ledger again')
        .argument('<case>')
        .action((caseId: string, options: Common) => act('opsNudge', { caseId, options })),
    )
    .addCommand(
      withProfile('reattach')
        .description('end the workflow of a case and start a new one from the ledger')
        .argument('<case>')
        .action((caseId: string, options: Common) => act('opsReattach', { caseId, options })),
    )
    .addCommand(
      withProfile('drain')
        .description(
          'what is under way; status 0 when nothing is, so that processes can be stopped',
        )
        .option('--wait <seconds>', 'how long to wait for that', '0')
        .action(drain),
    )
    .addCommand(
      withProfile('processes')
        .description('what was started, of which build and configuration, and whose clock is off')
        .action(processes),
    )
    .addCommand(
      withProfile('who').description('who holds the ball in how many open cases').action(who),
    )

async function listStuck({ quietFor, ...options }: ListOptions): Promise<void> {
  if (quietFor !== undefined && !/^\d{1,7}$/.test(quietFor))
    throw new UsageFault('--quiet-for is a number of seconds')
  const api = await clientFor(options)
  finish(await api.opsStuck({ quietFor }), {
    json: options.json,
    show: ({ cases, missing }) =>
      cases.length + missing.length === 0
        ? ['nothing is stuck']
        : [
            ...missing,
            ...cases.flatMap((item) => [
              `${item.caseId}  quiet since ${item.quietSince}`,
              `  ${item.why}`,
            ]),
          ],
  })
}

async function why(caseId: string, options: Common): Promise<void> {
  const api = await clientFor(options)
  finish(await api.opsWhy({ caseId }), {
    json: options.json,
    show: (answer) => [answer.why, ...answer.told.map(toldLine)],
  })
}

const toldLine = ({ at, topic, to, channel, state, attempts, fault }: Told): string =>
  [
    `  ${at}  ${topic} to ${to}`,
    ...(channel === null ? [] : [`by ${channel}`]),
    `${state}${fault === null ? '' : ` (${fault}, ${attempts} tried)`}`,
  ].join('  ')

const DONE = {
  opsNudge: {
    asked: 'its workflow is told to look again',
    nothing: 'its workflow is being told already',
  },
  opsReattach: {
    asked: 'its workflow is started anew',
    nothing: 'it is closed and needs no workflow',
  },
} as const

async function act(
  name: 'opsNudge' | 'opsReattach',
  { caseId, options }: { readonly caseId: string; readonly options: Common },
): Promise<void> {
  const api = await clientFor(options)
  finish(await api[name]({ caseId }), {
    json: options.json,
    show: ({ done }) => [`${caseId}: ${DONE[name][done]}`],
  })
}

async function drain({ wait = '0', ...options }: DrainOptions): Promise<void> {
  const over = performance.now() + Number(wait) * 1000
  if (!Number.isFinite(over)) throw new UsageFault('--wait is a number of seconds')
  const api = await clientFor(options)
  let found = await api.opsDrain()
  while (!isRefusal(found) && isUnderWay(found) && performance.now() < over) {
    await pause(LOOK_AGAIN_MS)
    found = await api.opsDrain()
  }
  finish(found, { json: options.json, show: showDrain })
  if (!isRefusal(found) && isUnderWay(found)) process.exitCode = EXIT.refused
}

const LOOK_AGAIN_MS = 2000

const isUnderWay = ({ granted, signals, unsigned }: DrainAnswer): boolean =>
  granted.length + signals + unsigned > 0

const showDrain = (found: DrainAnswer): readonly string[] =>
  isUnderWay(found)
    ? [
        `under way: ${found.granted.length} granted steps, ${found.signals} signals to deliver, ${found.unsigned} entries to sign`,
        ...found.granted.map((caseId) => `  ${caseId}`),
      ]
    : ['nothing is under way']

async function who(options: Common): Promise<void> {
  const api = await clientFor(options)
  finish(await api.opsWho(), {
    json: options.json,
    show: ({ holders }) =>
      holders.length === 0
        ? ['no case is open']
        : holders.map(
            ({ holder, cases, quietSince }) =>
              `${holder.padEnd(24)} ${String(cases).padStart(4)} open, quiet since ${quietSince}`,
          ),
  })
}

async function processes(options: Common): Promise<void> {
  const api = await clientFor(options)
  finish(await api.opsProcesses(), {
    json: options.json,
    show: (found) =>
      found.processes.length === 0 ? ['no start is recorded'] : found.processes.map(processLine),
  })
}

const RUNNING = { yes: 'running', silent: 'silent', no: 'ended' } as const

const processLine = (one: ProcessesAnswer['processes'][number]): string =>
  [
    `${one.process.padEnd(10)} ${RUNNING[one.running].padEnd(8)} started ${one.startedAt} on ${one.host}`,
    `build ${short(one.build)} configuration ${short(one.configuration)}`,
    ...(one.skewMs === null ? [] : [`clock ${one.skewMs} ms ahead`]),
  ].join('  ')

const short = (digest: string): string => digest.slice('sha256:'.length, 23)
