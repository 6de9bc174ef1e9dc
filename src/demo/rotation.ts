/**
 * The demonstration: one rotation of a service account in use, from the partner's request to a packet
 * that an outsider can check. The owners decide through the CLI; with `--me` the person at the terminal
 * is the owner. What is printed is what happened.
 */
import { spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { gateWords } from '../contract/why.js'
import { stepOf } from '../domain/case/case.js'
import { awaited, due } from '../domain/case/due.js'
import { isRefusal } from '../domain/refusal.js'
import { countersign, main, run } from './command-line.js'
import type { DemoPerson } from './enterprise.js'
import { PEOPLE } from './enterprise.js'
import type { Consumer } from './processes.js'
import { type Stage, until, untilGate } from './stage.js'
import { claimDone, deployToConsumer, openRotation } from './steps.js'

export interface Show {
  readonly stage: Stage
  readonly print: (line: string) => void
  /** Who decides: the demonstration's persons by themselves, or the one at the terminal. */
  readonly owner: 'scripted' | 'me'
}

interface Deciding {
  readonly caseId: string
  readonly stepId: string
  readonly person: DemoPerson
  readonly ahead?: 'ahead'
}

export interface Shown {
  readonly caseId: string
  readonly packetFile: string
}

export async function showRotation(show: Show, account: string): Promise<Shown> {
  const { stage, print } = show
  print(
    `The target holds ${account}_app with ${account}_a (in use) and ${account}_b; a consumer works with ${account}_a.`,
  )
  const consumer = await stage.system.startConsumer(account)
  const caseId = await openRotation(stage, { account })
  print(`Partner com_acme asked over HTTP for a rotation of nhi_${account}: case ${caseId}`)
  print(`  ops: ${stage.system.addresses.ui}`)
  const ended = await playGates(show, { caseId, consumer })
  const state = await stage.state(caseId)
  print(`Case ${state.outcome}. Facts that probes observed: ${state.facts.join(', ') || 'none'}`)
  if (!ended && state.outcome !== 'completed') throw new Error(`the case ended ${state.outcome}`)
  await consumerReport(show, consumer)
  return { caseId, packetFile: await exportPacket(show, caseId) }
}

/** The four gates; true when the owner at the terminal ended the case early. */
async function playGates(show: Show, at: { caseId: string; consumer: Consumer }): Promise<boolean> {
  const { stage } = show
  const { caseId } = at
  const isOver = async () => (await stage.state(caseId)).ending !== null
  await passGate(show, { caseId, stepId: 'issue', persons: ['per_ana'] })
  if (!(await isOver()))
    await oneDecision(show, { caseId, stepId: 'close', person: 'per_ana', ahead: 'ahead' })
  if (!(await isOver())) await passGate(show, { caseId, stepId: 'cut-over', persons: ['per_ana'] })
  if (!(await isOver())) await partnerWorks(show, at)
  if (!(await isOver()))
    await passGate(show, { caseId, stepId: 'retire', persons: ['per_ana', 'per_ben'] })
  if (!(await isOver()) && (await isAsked(stage, { caseId, stepId: 'close' })))
    await passGate(show, { caseId, stepId: 'close', persons: ['per_ana'] })
  await until('the case is closed', async () => (await stage.state(caseId)).outcome !== null)
  return isOver()
}

async function isAsked(stage: Stage, at: { caseId: string; stepId: string }): Promise<boolean> {
  const next = due(await stage.state(at.caseId))
  return next.kind === 'decision' && next.stepId === at.stepId
}

/** Waits for the gate, has each person decide, and waits until the step was carried out. */
async function passGate(
  show: Show,
  input: { caseId: string; stepId: string; persons: readonly DemoPerson[] },
): Promise<void> {
  const { stage, print } = show
  const { caseId, stepId } = input
  await untilGate(stage, { caseId, stepId })
  const step = stepOf(await stage.state(caseId), stepId)
  const waiting =
    step === null
      ? ''
      : awaited(step, new Date().toISOString())
          .map((group) => `${group.group}: ${group.persons.join(', ')}`)
          .join('; ')
  print('')
  print(
    `Gate "${stepId}": ${step?.step.title}. Waits for ${waiting}; ${step?.gate ? gateWords(step.gate) : ''}`,
  )
  print(`  blast radius: ${step?.step.blastRadius}`)
  print(`  rollback: ${step?.step.rollback}`)
  if (show.owner === 'me') await untilDecided(show, { caseId, stepId })
  else for (const person of input.persons) await oneDecision(show, { caseId, stepId, person })
  await until(`${stepId} is carried out`, async () => {
    const next = due(await stage.state(caseId))
    return (
      next.kind === 'closed' ||
      next.kind === 'claim' ||
      ('stepId' in next && next.stepId !== stepId)
    )
  })
  await printObservations(show, input)
}

/** The person at the terminal is asked, as each of those who are awaited, until the gate has what it needs. */
async function untilDecided(show: Show, at: { caseId: string; stepId: string }): Promise<void> {
  const { stage } = show
  while (await isAsked(stage, at)) {
    const step = stepOf(await stage.state(at.caseId), at.stepId)
    const [person] =
      step === null ? [] : awaited(step, new Date().toISOString()).flatMap((group) => group.persons)
    if (person === undefined) return
    await oneDecision(show, { ...at, person: person as DemoPerson })
  }
}

async function printObservations(
  { stage, print }: Show,
  at: { caseId: string; stepId: string },
): Promise<void> {
  for (const { event } of await stage.events(at.caseId)) {
    if (event.type === 'OperationObserved' && event.stepId === at.stepId)
      print(`  ${event.op}: ${event.outcome} ${JSON.stringify(event.observed)}`)
    if (event.type === 'Granted' && event.stepId === at.stepId)
      print(
        `  granted once as ${event.grantId} by ${event.decisionIds.length} verified decision(s)`,
      )
  }
}

/** The decision goes through the CLI as a person would give it. */
async function oneDecision(show: Show, input: Deciding): Promise<void> {
  const { stage, print } = show
  const profile = ['--profile', stage.system.profile(input.person)]
  const ahead = input.ahead === undefined ? [] : ['--ahead']
  if (show.owner === 'me') {
    print(`You are ${PEOPLE[input.person].name} (${input.person}).`)
    await interactive(['decide', input.caseId, input.stepId, ...ahead, ...profile])
    return
  }
  const args = ['decide', input.caseId, input.stepId, '--approve', '--yes', ...ahead, ...profile]
  print(
    `  $ countersign decide … ${input.stepId} --approve${input.ahead === undefined ? '' : ' --ahead'}   (${input.person})`,
  )
  const last = (await countersign(args)).trimEnd().split('\n').at(-1) ?? ''
  print(`  ${last}`)
}

const interactive = (args: readonly string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { stdio: 'inherit' })
    child.once('error', reject)
    child.once('exit', (code) =>
      code === 0 || code === 1 ? resolve() : reject(new Error(`decide ended with ${code}`)),
    )
  })

/** Cut over is the partner's own work; its claim counts for nothing until the probe sees it. */
async function partnerWorks(
  { stage, print }: Show,
  input: { caseId: string; consumer: Consumer },
): Promise<void> {
  const { caseId } = input
  const delivered = await deployToConsumer(stage, input)
  print(
    `  partner: leased the task (lease ${delivered.lease}), deployed the sealed secret to the consumer, which alone can open it`,
  )
  const claimed = await claimDone(stage, { caseId, lease: delivered.lease })
  if (isRefusal(claimed)) throw new Error(`the claim was refused: ${claimed.refused}`)
  print('  partner: claimed it done, signed, with change record CHG0041207. The probe decides:')
  await untilGate(stage, { caseId, stepId: 'retire' })
  await printObservations({ stage, print, owner: 'scripted' }, { caseId, stepId: 'cut-over' })
}

interface Report {
  readonly logins: number
  readonly failedLogins: number
  readonly queries: number
  readonly failedQueries: number
  readonly longestGapMs: number
}

async function consumerReport({ print }: Show, consumer: Consumer): Promise<void> {
  const report = (await (await fetch(`${consumer.url}/report`)).json()) as Report
  print('')
  print(
    `The consumer: ${report.logins} logins and ${report.queries} queries, ${report.failedLogins} and ${report.failedQueries} failed`,
  )
  if (report.failedLogins + report.failedQueries > 0) throw new Error('the consumer saw a failure')
}

async function exportPacket({ stage, print }: Show, caseId: string): Promise<string> {
  const folder = join(stage.system.dir, '..', 'packets')
  await mkdir(folder, { recursive: true })
  const file = join(folder, `${caseId.replaceAll(':', '_')}.zip`)
  const profile = stage.system.profile('per_ana')
  await countersign(['evidence', 'export', caseId, '-o', file, '--profile', profile])
  print(`Evidence packet: ${file}`)
  return file
}

export interface Verified {
  readonly line: string
  readonly where: 'without network' | 'with network'
}

/** Verifies the packet with only the file and the trusted keys; where the system allows, in a namespace without network. */
export async function verifyOffline(input: {
  readonly packetFile: string
  readonly trustFile: string
}): Promise<Verified> {
  const command = [process.execPath, main, 'verify', input.packetFile, '--trust', input.trustFile]
  const isolated = ['unshare', '--user', '--map-root-user', '--net', ...command]
  const canIsolate = await run('unshare', ['--user', '--map-root-user', '--net', 'true']).then(
    () => true,
    () => false,
  )
  const [program = '', ...args] = canIsolate ? isolated : command
  const { stdout } = await run(program, args)
  const line = stdout.split('\n').find((text) => text.startsWith('VERIFIED ')) ?? ''
  return { line, where: canIsolate ? 'without network' : 'with network' }
}
