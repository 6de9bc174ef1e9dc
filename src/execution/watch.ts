/** Probes that look for a while: every consumer on the new credential, nobody on the old one. */
import { setTimeout as pause } from 'node:timers/promises'
import type { SessionGroup } from '../connectors/connector.js'
import type { Operation } from '../domain/shapes/plan.js'
import type { ExecutionDeps, Work } from './deps.js'
import { faultPoint } from './faults.js'

const LOOK_EVERY_MS = 100

export interface Watched {
  readonly seen: 'yes' | 'no'
  readonly observed: Readonly<Record<string, string>>
}

interface Watching<Name extends Operation['op']> {
  readonly deps: ExecutionDeps
  readonly work: Work
  readonly op: Extract<Operation, { op: Name }>
}

/** Every consumer has a session of the credential, at every look for `soakMs` on end, within `withinMs`. */
export async function watchConsumers(watching: Watching<'observe-consumers'>): Promise<Watched> {
  const { work, op } = watching
  const wanted = work.identity.consumers
    .filter((consumer) => op.consumers.includes(consumer.consumerId))
    .map((consumer) => consumer.appears)
  return hold({
    ...watching,
    forMs: op.soakMs,
    look: async () => {
      const sessions = await work.connector.sessions(op.credential)
      const absent = wanted.filter((name) => !sessions.some((group) => group.application === name))
      return {
        good: absent.length === 0,
        observed: { absent: absent.join(' '), sessions: say(sessions) },
      }
    },
  })
}

/** No session of the credential at any look for `unusedForMs` on end, within `withinMs`. */
export const watchUnused = (watching: Watching<'observe-unused'>): Promise<Watched> =>
  hold({
    ...watching,
    forMs: watching.op.unusedForMs,
    look: async () => {
      const sessions = await watching.work.connector.sessions(watching.op.credential)
      return { good: sessions.length === 0, observed: { sessions: say(sessions) } }
    },
  })

const say = (sessions: readonly SessionGroup[]): string =>
  sessions
    .map((group) => `${group.application}:${group.count}`)
    .join(' ')
    .slice(0, 300)

async function hold(input: {
  readonly deps: ExecutionDeps
  readonly op: { readonly op: string; readonly credential: string; readonly withinMs: number }
  readonly forMs: number
  readonly look: () => Promise<{ good: boolean; observed: Record<string, string> }>
}): Promise<Watched> {
  const { deps, op, forMs } = input
  const began = performance.now()
  let goodSince: number | null = null
  for (let looks = 1; ; looks += 1) {
    const { good, observed } = await input.look()
    const at = performance.now()
    goodSince = good ? (goodSince ?? at) : null
    const held = goodSince === null ? 0 : at - goodSince
    const numbers = {
      credential: op.credential,
      looks: String(looks),
      held_ms: String(Math.round(held)),
    }
    if (goodSince !== null && held >= forMs)
      return { seen: 'yes', observed: { ...observed, ...numbers } }
    if (at - began >= op.withinMs + forMs)
      return { seen: 'no', observed: { ...observed, ...numbers } }
    deps.heartbeat(op.op)
    faultPoint('observe.during')
    await pause(LOOK_EVERY_MS)
  }
}
