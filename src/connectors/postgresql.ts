/**
 * The PostgreSQL connector (PostgreSQL 16 or later): a credential is a login role, the group a role
 * that owns the privileges and that the credentials are members of.
 *
 * What a login attempt says, and why none of it alone proves that a credential is dead:
 *
 * | attempt                                | SQLSTATE | result      | could also mean                       |
 * | -------------------------------------- | -------- | ----------- | ------------------------------------- |
 * | NOLOGIN, right secret                  | 28000    | refused     | a pg_hba.conf line for this route     |
 * | pg_hba.conf rejects the route          | 28000    | refused     | the role lives by every other route   |
 * | living role, wrong secret              | 28P01    | refused     | the secret was changed, or never was  |
 * | NOLOGIN or absent, wrong or no secret  | 28P01    | refused     | as the line above: they look the same |
 * | VALID UNTIL passed, right secret       | 28P01    | refused     | as the line above                     |
 * | no connections left                    | 53300    | unreachable | any role, living or dead              |
 * | starting, stopping, no such database   | 57P03 .. | unreachable | any role, living or dead              |
 * | no answer, no route, broken TLS        | -        | unreachable | any role, living or dead              |
 *
 * Death needs a control: the same secret by the same route was accepted just before and is refused
 * now, another credential is accepted by it now, and no session is left, because sessions outlive
 * NOLOGIN and PASSWORD NULL.
 *
 * What a change answers as `rejected`. Nothing has happened then, and the same change is answered in
 * the same way until somebody acts:
 *
 * | change          | SQLSTATE | because                                                              |
 * | --------------- | -------- | -------------------------------------------------------------------- |
 * | any             | 42501    | the admin role lacks a right, or the role that takes over lacks the  |
 * |                 |          | right to have something in its schema                                |
 * | any             | 42602    | a name may reach another role than the one meant                     |
 * | any             | 42704    | a role that it names is not there                                    |
 * | enable          | 55000    | a credential has no secret                                           |
 * | create, remove  | 0LP01    | a role would become a member of itself                               |
 * | remove          | 55006    | a session is open                                                    |
 * | remove          | 2BP01    | they own something and nobody takes it over, or have something out   |
 * |                 |          | of reach: in another database, or given by an owner that the admin   |
 * |                 |          | role may not act as (it needs ADMIN on the owner; a superuser's      |
 * |                 |          | gifts only a superuser takes back)                                   |
 *
 * An unknown `create`, `set`, `unset`, `disable` or `enable` is decided by the grant's tag, an unknown
 * `remove` by the absence of the roles: the same call again says `already`.
 */

import type { Connector, LastGrant } from './connector.js'
import { createRoles } from './postgresql-create.js'
import {
  disableCredentials,
  enableCredentials,
  setCredential,
  unsetCredential,
} from './postgresql-credential.js'
import { readHoldings } from './postgresql-holdings.js'
import { inspectTarget } from './postgresql-inspect.js'
import { createProber, type LoginRoute } from './postgresql-login.js'
import { createAdminPool, type Timeouts } from './postgresql-pool.js'
import { removeRoles } from './postgresql-remove.js'
import { endSessions, listSessions } from './postgresql-sessions.js'
import { parseTag } from './postgresql-sql.js'
import { attributesOf, readFound, readRoles, readTag, rolesOf } from './postgresql-state.js'

export type PostgresqlOptions = {
  /** `postgres://` URL of the admin role; see targetSetupSql for the rights it needs. */
  readonly adminUrl: string
  readonly loginRoute: LoginRoute
  /** 32 bytes; keeps fingerprints of verifiers from being compared across targets or guessed. */
  readonly fingerprintKey: Uint8Array
  readonly timeouts: Timeouts
  /** Told the code of every admin connection that was lost. */
  readonly onFault?: (code: string) => void
}

/** Its methods throw TargetFault for technical reasons, TypeError for a caller's bug. */
export function createPostgresqlConnector(options: PostgresqlOptions): Connector {
  const { adminUrl, fingerprintKey, timeouts, onFault = () => undefined } = options
  if (fingerprintKey.length !== 32) throw new TypeError('fingerprintKey is not 32 bytes')
  const pool = createAdminPool({ adminUrl, timeouts, onFault })
  const prober = createProber({ route: options.loginRoute, timeouts })
  const target = { pool, fingerprintKey }
  const of = (credential: string) => ({ credential, ownProbes: prober.open() })
  return {
    attributes: attributesOf,
    inspect: (subject, others) =>
      pool.use('inspect', (lease) =>
        inspectTarget(lease, { subject, others, ownProbes: prober.open() }),
      ),
    state: (subject) =>
      pool.use('state', async (lease) => {
        const { state } = await readFound(lease, { subject, fingerprintKey })
        return state
      }),
    create: (change) => createRoles(target, change),
    set: (change) => setCredential(target, change),
    unset: (change) => unsetCredential(target, change),
    disable: (change) => disableCredentials(target, change),
    enable: (change) => enableCredentials(target, change),
    remove: (change) => removeRoles(target, change),
    roles: () => pool.use('roles', readRoles),
    holdings: (subject) => pool.use('holdings', (lease) => readHoldings(lease, rolesOf(subject))),
    login: prober.login,
    sessions: (credential) => pool.use('sessions', (lease) => listSessions(lease, of(credential))),
    endSessions: (credential) =>
      endSessions(pool, { ...of(credential), withinMs: timeouts.statementMs }),
    lastGrant: (credential) =>
      pool.use('lastGrant', async (lease): Promise<LastGrant | null> => {
        const tag = await readTag(lease, credential)
        return tag === null ? null : parseTag(tag)
      }),
    close: pool.close,
  }
}
