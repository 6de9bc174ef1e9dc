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
        observed: {
          credential: op.credential,
          absent: absent.join(' '),
          sessions: say(sessions),
        },
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
      const { credential } = watching.op
      const sessions = await watching.work.connector.sessions(credential)
      return { good: sessions.length === 0, observed: { credential, sessions: say(sessions) } }
    },
  })

/** None of the credentials can log in or is connected, at any look for `soakMs` on end. Ends early when the case does. */
export const watchDisabled = (
  watching: Watching<'observe-stays-disabled'> & {
    readonly look: () => Promise<{ good: boolean; observed: Record<string, string> }>
  },
): Promise<Watched> => hold({ ...watching, forMs: watching.op.soakMs })

const say = (sessions: readonly SessionGroup[]): string =>
  sessions
    .map((group) => `${group.application}:${group.count}`)
    .join(' ')
    .slice(0, 300)
    .toWellFormed()

/** An owner who declines what comes next, or a fence, need not wait for the end of a long look. */
async function isEnding({ db }: ExecutionDeps, caseId: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `select 1 from entries where stream = $1 and type in ('GateDeclined', 'CaseFenced') limit 1`,
    [caseId],
  )
  return rowCount !== 0
}

const ASK_EVERY = 20

async function hold(input: {
  readonly deps: ExecutionDeps
  readonly work: Work
  readonly op: { readonly op: string; readonly withinMs: number }
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
    const numbers = { looks: String(looks), held_ms: String(Math.round(held)) }
    if (goodSince !== null && held >= forMs)
      return { seen: 'yes', observed: { ...observed, ...numbers } }
    if (at - began >= op.withinMs + forMs)
      return { seen: 'no', observed: { ...observed, ...numbers } }
    if (looks % ASK_EVERY === 0 && (await isEnding(deps, input.work.caseId)))
      return { seen: 'no', observed: { ...observed, ...numbers, ended: 'the case is ending' } }
    deps.heartbeat(op.op)
    faultPoint('observe.during')
    await pause(LOOK_EVERY_MS)
  }
}
