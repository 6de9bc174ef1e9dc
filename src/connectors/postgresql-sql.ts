/**
 * Every statement that changes a PostgreSQL target or its rights, as text. They are utility
 * statements, which take no parameters, so names and values are quoted here and nowhere else.
 *
 * role name: names exactly one ordinary role. Names that the server would read as another role
 * (cut off at 63 bytes, `public`, a lone surrogate) are refused before any statement is made.
 * tag: `<grantId>:<change>`, the per-role setting `countersign.grant`; change is create, set, unset,
 * disable, enable or remove. A group carries the tag of its creation, a credential that of its last change;
 * a role that is removed carries one until the transaction ends, for whoever reads the target's own log.
 * A role cannot change its own: that needs SET on the parameter, which only the admin role is given.
 */
import pg from 'pg'
import type { ChangeKind, LastGrant } from './connector.js'
import { TargetFault } from './target-fault.js'

export const GRANT_SETTING = 'countersign.grant'
const GRANT_PARAMETER = 'countersign."grant"'

const MAX_NAME_BYTES = 63
const CONTROL = /\p{Cc}/u

/** UNTRUSTED: `name`. True when it is 1-63 bytes of UTF-8, has no control character and is not reserved. */
export function isRoleName(name: string): boolean {
  const bytes = Buffer.byteLength(name, 'utf8')
  return (
    bytes > 0 &&
    bytes <= MAX_NAME_BYTES &&
    name.isWellFormed() &&
    !CONTROL.test(name) &&
    !name.startsWith('pg_') &&
    name !== 'public' &&
    name !== 'none'
  )
}

/** The name, unless it may reach another role. Throws TargetFault 42602 (invalid_name). */
export function roleName(name: string): string {
  if (!isRoleName(name))
    throw new TargetFault({ code: '42602', origin: 'server', during: 'naming a role' })
  return name
}

const role = (name: string): string => pg.escapeIdentifier(roleName(name))

/** Changes nothing and holds the role's catalog row against every other change until the end of the transaction. */
export const lockRoleSql = (name: string): string => `ALTER ROLE ${role(name)}`

export const setSql = (name: string, verifier: string): string =>
  `ALTER ROLE ${role(name)} LOGIN PASSWORD ${pg.escapeLiteral(verifier)}`

export const unsetSql = (name: string): string => `ALTER ROLE ${role(name)} NOLOGIN PASSWORD NULL`

export const disableSql = (name: string): string => `ALTER ROLE ${role(name)} NOLOGIN`

/** Login only: the verifier is not named, so it stays what it is. */
export const enableSql = (name: string): string => `ALTER ROLE ${role(name)} LOGIN`

/** Keeps a server's or a role's setting from giving the admin role more than ADMIN on what it makes. */
export const NO_SELF_GRANT = "SET LOCAL createrole_self_grant = ''"

/** A role that cannot log in, has no secret and no right. Fails when there is one of that name. */
export const newRoleSql = (name: string): string =>
  `CREATE ROLE ${role(name)} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT`

/** The group has the rights of the role; it can neither become it nor pass it on. */
export const entitleSql = (group: string, name: string): string =>
  `GRANT ${role(name)} TO ${role(group)} WITH ADMIN FALSE, INHERIT TRUE, SET FALSE`

/** The admin role's own use of a role on which it has ADMIN, for the length of one transaction. */
export const borrowSql = (name: string): string =>
  `GRANT ${role(name)} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE`

/** Takes back what the admin role gave itself; what a DBA gave it was granted by another one and stays. */
export const giveBackSql = (name: string): string => `REVOKE ${role(name)} FROM CURRENT_USER`

export const reassignSchemaSql = (schema: string, to: string): string =>
  `ALTER SCHEMA ${pg.escapeIdentifier(schema)} OWNER TO ${role(to)}`

export const reassignSql = (names: readonly string[], to: string): string =>
  `REASSIGN OWNED BY ${names.map(role).join(', ')} TO ${role(to)}`

/**
 * Takes away the role's privileges and default privileges, and drops what it still owns. For one role,
 * because for several that name each other in default privileges the server fails with XX000.
 */
export const dropOwnedSql = (name: string): string => `DROP OWNED BY ${role(name)}`

export const dropRolesSql = (names: readonly string[]): string =>
  `DROP ROLE ${names.map(role).join(', ')}`

export const tagSql = (name: string, tag: string): string =>
  `ALTER ROLE ${role(name)} SET ${GRANT_PARAMETER} = ${pg.escapeLiteral(tag)}`

const GRANT_ID = /^[A-Za-z0-9._:-]{1,128}$/
const CHANGES: readonly ChangeKind[] = ['create', 'set', 'unset', 'disable', 'enable', 'remove']
const TAG = new RegExp(`^(?<grantId>[A-Za-z0-9._:-]{1,128}):(?<change>${CHANGES.join('|')})$`)

/** Throws TypeError for a grant id that is not 1-128 of `A-Z a-z 0-9 . _ : -`. */
export function tagOf(grantId: string, change: ChangeKind): string {
  if (!GRANT_ID.test(grantId)) throw new TypeError('not a grant id')
  return `${grantId}:${change}`
}

/** Null for a text that this connector did not write. */
export function parseTag(text: string): LastGrant | null {
  const { grantId, change: named } = TAG.exec(text)?.groups ?? {}
  const change = CHANGES.find((kind) => kind === named)
  return grantId === undefined || change === undefined ? null : { grantId, change }
}

/** What a DBA runs to give the admin role each right it needs; every one may be run again. */
export const rights = {
  createrole: (admin: string) => `ALTER ROLE ${role(admin)} CREATEROLE`,
  /** ADMIN alone: neither INHERIT nor SET, so the admin role does not hold the identity's own rights. */
  adminOption: (admin: string, name: string) =>
    `GRANT ${role(name)} TO ${role(admin)} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`,
  signal: (admin: string) => `GRANT pg_signal_backend TO ${role(admin)} WITH INHERIT TRUE`,
  stats: (admin: string) => `GRANT pg_read_all_stats TO ${role(admin)} WITH INHERIT TRUE`,
  /** Of the database that the admin role connects to: the privilege is kept per database. */
  verifiers: (admin: string) =>
    `GRANT SELECT (oid, rolname, rolpassword) ON pg_catalog.pg_authid TO ${role(admin)}`,
  tag: (admin: string) => `GRANT SET ON PARAMETER ${GRANT_PARAMETER} TO ${role(admin)}`,
  member: (group: string, name: string) => `GRANT ${role(group)} TO ${role(name)}`,
  notSuperuser: (name: string) => `ALTER ROLE ${role(name)} NOSUPERUSER`,
  /** Of the admin role itself: the server asks for it when a schema changes hands. */
  createInDatabase: (admin: string, database: string) =>
    `GRANT CREATE ON DATABASE ${pg.escapeIdentifier(database)} TO ${role(admin)}`,
} as const

/** Makes the role when there is none. The body is a string constant, so no name can end it. */
export const createRoleSql = (name: string): string =>
  `DO ${pg.escapeLiteral(
    `BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ${pg.escapeLiteral(roleName(name))}) THEN CREATE ROLE ${role(name)} NOLOGIN; END IF; END`,
  )}`

/** The admin role's own attributes, whatever they were before. */
export const adminRoleSql = (name: string, verifier: string): string =>
  `ALTER ROLE ${role(name)} LOGIN CREATEROLE NOSUPERUSER NOCREATEDB NOREPLICATION NOBYPASSRLS PASSWORD ${pg.escapeLiteral(verifier)}`
