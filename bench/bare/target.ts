/**
 * The *target work* of a rotation and nothing else: the product's connector does on the same target what each
 * step of a plan has it do, without decisions, secrets at rest, entries or proofs. Secrets live in this process.
 */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { ulid } from 'ulid'
import type { Effect, Login } from '../../src/connectors/connector.js'
import { createPostgresqlConnector } from '../../src/connectors/postgresql.js'
import { SYSTEM } from '../../src/demo/enterprise.js'
import { fromBase64 } from '../../src/domain/bytes/base64.js'
import type { BareStep } from './messages.js'

/** The configuration of one target, as the connector's own process reads it. */
interface Target {
  readonly adminUrl: string
  readonly route: { readonly host: string; readonly port: number; readonly database: string }
  readonly fingerprintKey: string
}

/** Of one account: the credential in use and the other one, each with its secret. */
interface Pair {
  old: { readonly credential: string; readonly secret: string }
  fresh: { readonly credential: string; readonly secret: string }
}

export type TargetWork = (step: BareStep, effect: () => void) => Promise<void>

/** `secrets` by account, of its credential `_a`. `effect` is called in the moment before the change on the target. */
export async function targetWork(input: {
  readonly targetsFile: string
  readonly secrets: Readonly<Record<string, string>>
}): Promise<TargetWork> {
  const { systems } = JSON.parse(await readFile(input.targetsFile, 'utf8')) as {
    readonly systems: Readonly<Record<string, Target>>
  }
  const { adminUrl, route, fingerprintKey } = systems[SYSTEM] as Target
  const target = createPostgresqlConnector({
    ...{
      adminUrl,
      loginRoute: route,
      fingerprintKey: fromBase64(fingerprintKey) ?? new Uint8Array(),
    },
    timeouts: { connectMs: 5000, statementMs: 15_000 },
  })
  const pairs = new Map<string, Pair>()
  return async ({ account, stepId }, effect) => {
    const pair = pairs.get(account) ?? {
      old: { credential: `${account}_a`, secret: input.secrets[account] ?? '' },
      fresh: { credential: `${account}_b`, secret: '' },
    }
    pairs.set(account, pair)
    const subject = { group: `${account}_app`, credentials: [`${account}_a`, `${account}_b`] }
    const expected = await target.state(subject)
    const change = { subject, expected, grantId: ulid() }
    if (stepId === 'issue') {
      pair.fresh = { ...pair.fresh, secret: randomBytes(32).toString('base64url') }
      effect()
      expectDone(await target.set({ ...change, ...pair.fresh }))
      expectLogin(await target.login(pair.fresh), 'accepted')
      await target.state(subject)
    } else if (stepId === 'retire') {
      await target.sessions(pair.old.credential)
      expectLogin(await target.login(pair.old), 'accepted')
      effect()
      expectDone(await target.disable({ ...change, credentials: [pair.old.credential] }))
      await target.endSessions(pair.old.credential)
      expectLogin(await target.login(pair.old), 'refused')
      expectLogin(await target.login(pair.fresh), 'accepted')
      await Promise.all([target.state(subject), target.sessions(pair.old.credential)])
      pairs.set(account, { old: pair.fresh, fresh: pair.old })
    } else {
      effect()
      if (stepId === 'cut-over') await target.sessions(pair.fresh.credential)
    }
  }
}

function expectDone(effect: Effect): void {
  if (effect.effect !== 'done') throw new Error(`the change was ${effect.effect}`)
}

function expectLogin(login: Login, expected: Login['login']): void {
  if (login.login !== expected) throw new Error(`the login was ${login.login}`)
}
