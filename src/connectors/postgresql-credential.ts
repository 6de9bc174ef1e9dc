/**
 * The changes of credentials that are there: set, unset, disable, enable. Each leaves the grant's tag
 * on every credential that it changed.
 *
 * Promises: of several credentials all are changed or none; `enable` gives login back to a credential
 * that has a secret and to no other.
 */
import type { ChangeKind, CredentialChange, Effect, LoginChange } from './connector.js'
import { carriedBy, perform, type Rejected, type Target } from './postgresql-change.js'
import type { Lease } from './postgresql-pool.js'
import { disableSql, enableSql, setSql, tagOf, tagSql, unsetSql } from './postgresql-sql.js'
import type { Found } from './postgresql-state.js'
import { scramVerifier } from './scram.js'

type Alteration = {
  readonly change: LoginChange
  readonly kind: ChangeKind
  readonly sql: (credential: string) => string
}

export const setCredential = (target: Target, change: CredentialChange & { secret: string }) => {
  const verifier = scramVerifier(change.secret)
  return alter(target, { change: one(change), kind: 'set', sql: (name) => setSql(name, verifier) })
}

export const unsetCredential = (target: Target, change: CredentialChange) =>
  alter(target, { change: one(change), kind: 'unset', sql: unsetSql })

export const disableCredentials = (target: Target, change: LoginChange) =>
  alter(target, { change, kind: 'disable', sql: disableSql })

export const enableCredentials = (target: Target, change: LoginChange) =>
  alter(target, { change, kind: 'enable', sql: enableSql })

const one = (change: CredentialChange): LoginChange => ({
  ...change,
  credentials: [change.credential],
})

/** Throws TypeError for credentials that are not the subject's, or none: a bug of the caller. */
async function alter(target: Target, { change, kind, sql }: Alteration): Promise<Effect> {
  const { subject, credentials, grantId } = change
  if (credentials.length === 0) throw new TypeError('no credential to change')
  if (!credentials.every((name) => subject.credentials.includes(name)))
    throw new TypeError('the credential does not belong to the subject')
  const tag = tagOf(grantId, kind)
  const make = async (lease: Lease, found: Found): Promise<'made' | Rejected> => {
    if (kind === 'enable' && credentials.some((name) => found.state[`${name}.verifier`] === 'none'))
      return NOT_READY
    for (const name of credentials) {
      await lease.query(sql(name))
      await lease.query(tagSql(name, tag))
    }
    return 'made'
  }
  return perform(target, { kind, change, isMade: carriedBy(credentials, tag), make })
}

// object_not_in_prerequisite_state: as signed, and still nothing that a login could come back to.
const NOT_READY: Rejected = { effect: 'rejected', code: '55000' }
