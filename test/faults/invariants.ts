/**
 * What holds after whatever was killed: each function returns what is wrong, in words, so that a test
 * shows all of it at once. Judged from the ledger, the target's own log, the consumer and the packet.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Consumer } from '../../src/demo/processes.js'
import type { System } from '../../src/demo/system.js'
import type { Recorded } from '../../src/domain/case/case.js'
import type { CaseEvent, EventOf } from '../../src/domain/shapes/event.js'
import { packetOf, verdictOn } from '../journeys/packets.js'
import { type CaseView, type Parties, reportOf } from '../journeys/parties.js'
import type { TargetEffect } from './target-log.js'

/** Types and codes, one a line. */
export const say = ({ recorded }: CaseView): string =>
  recorded.map(({ seq, at, event }) => `${seq} ${at} ${sayEvent(event)}`).join('\n')

const sayEvent = (event: CaseEvent): string =>
  [
    event.type,
    'stepId' in event ? event.stepId : '',
    'op' in event ? `${event.op} ${event.outcome}` : '',
    'code' in event && event.code !== null ? event.code : '',
    'detail' in event ? event.detail : '',
    event.type === 'CaseClosed' ? event.outcome : '',
  ]
    .filter((word) => word !== '')
    .join(' ')

const eventsOf = <Type extends CaseEvent['type']>(recorded: readonly Recorded[], type: Type) =>
  recorded.flatMap(({ event }) => (event.type === type ? [event as EventOf<Type>] : []))

/** Every grant has exactly one terminal outcome, and nothing was observed, performed or failed without its grant. */
export function grantProblems({ recorded }: CaseView): string[] {
  const granted = eventsOf(recorded, 'Granted')
  const ends = [...eventsOf(recorded, 'StepPerformed'), ...eventsOf(recorded, 'StepFailed')]
  const under = [...ends, ...eventsOf(recorded, 'OperationObserved')]
  return [
    ...granted.flatMap(({ grantId, stepId }) => {
      const count = ends.filter((end) => end.grantId === grantId).length
      return count === 1 ? [] : [`grant ${grantId} of ${stepId} has ${count} outcomes`]
    }),
    ...under
      .filter(({ grantId }) => !granted.some((grant) => grant.grantId === grantId))
      .map(({ type, grantId }) => `${type} under ${grantId}, which was never granted`),
  ]
}

/** One effective change for each change that was granted and done; none for any that was not. */
export function effectProblems({ recorded }: CaseView, effects: readonly TargetEffect[]): string[] {
  const done = eventsOf(recorded, 'OperationObserved').filter(
    ({ op, outcome }) => (op === 'set' || op === 'disable') && outcome !== 'refused',
  )
  return eventsOf(recorded, 'Granted').flatMap(({ grantId, stepId }) =>
    (['set', 'disable'] as const).flatMap((kind) => {
      const wanted = done.some((item) => item.grantId === grantId && item.op === kind) ? 1 : 0
      const made = effects.filter((effect) => effect.grantId === grantId && effect.kind === kind)
      return made.length === wanted
        ? []
        : [`${stepId}: ${made.length} effective ${kind} on the target instead of ${wanted}`]
    }),
  )
}

/** No role changed but under a grant that the ledger knows. */
export function strayEffects(
  views: readonly CaseView[],
  effects: readonly TargetEffect[],
): string[] {
  const known = new Set(
    views.flatMap(({ recorded }) => eventsOf(recorded, 'Granted').map((e) => e.grantId)),
  )
  return effects
    .filter(({ grantId }) => grantId === null || !known.has(grantId))
    .map(({ role, kind, grantId }) => `${kind} on ${role} under ${grantId ?? 'no grant'}`)
}

/** While the target lived: not one failure. When it was killed: no failure that means a credential did not work. */
export async function consumerProblems(
  system: System,
  input: { readonly consumer: Consumer; readonly target: 'lived' | 'was killed' },
): Promise<string[]> {
  const report = await reportOf(input.consumer)
  const codes = await failureCodes(system, input.consumer)
  const counted = codes.filter((code) => input.target === 'lived' || code.startsWith('28'))
  const idle = report.logins === 0 || report.queries === 0 ? ['the consumer did no work'] : []
  return [...idle, ...counted.map((code) => `${input.consumer.account} saw ${code}`)]
}

async function failureCodes(system: System, consumer: Consumer): Promise<string[]> {
  const file = join(system.dir, 'logs', `consumer-${consumer.account}-failures.log`)
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { code: string }).code)
}

export async function packetProblems(
  system: System,
  input: { readonly parties: Parties; readonly view: CaseView },
): Promise<string[]> {
  const { caseId } = input.view.state
  const bytes = await packetOf(system, { db: input.parties.db, caseId })
  return verdictOn(system, bytes).problems.map(
    ({ code, where, detail }) => `packet: ${code} ${where} ${detail}`,
  )
}
