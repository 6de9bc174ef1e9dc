/**
 * Every statement that changes a PostgreSQL target or its rights, as text. They are utility
 * statements, which take no parameters, so names and values are quoted here and nowhere else.
 *
 * role name: names exactly one ordinary role. Names that the server would read as another role
 * (cut off at 63 bytes, `public`, a lone surrogate) are refused before any statement is made.
 * tag: `<grantId>:<change>`, the per-role setting `countersign.grant`. A role cannot change its own:
 * that needs SET on the parameter, which only the admin role is given.
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

export const tagSql = (name: string, tag: string): string =>
  `ALTER ROLE ${role(name)} SET ${GRANT_PARAMETER} = ${pg.escapeLiteral(tag)}`

const GRANT_ID = /^[A-Za-z0-9._:-]{1,128}$/
const TAG = /^(?<grantId>[A-Za-z0-9._:-]{1,128}):(?<change>set|unset|disable)$/

/** Throws TypeError for a grant id that is not 1-128 of `A-Z a-z 0-9 . _ : -`. */
export function tagOf(grantId: string, change: ChangeKind): string {
  if (!GRANT_ID.test(grantId)) throw new TypeError('not a grant id')
  return `${grantId}:${change}`
}

/** Null for a text that this connector did not write. */
export function parseTag(text: string): LastGrant | null {
  const { grantId, change } = TAG.exec(text)?.groups ?? {}
  if (grantId === undefined) return null
  if (change !== 'set' && change !== 'unset' && change !== 'disable') return null
  return { grantId, change }
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
} as const

/** Makes the role when there is none. The body is a string constant, so no name can end it. */
export const createRoleSql = (name: string): string =>
  `DO ${pg.escapeLiteral(
    `BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ${pg.escapeLiteral(roleName(name))}) THEN CREATE ROLE ${role(name)} NOLOGIN; END IF; END`,
  )}`

/** The admin role's own attributes, whatever they were before. */
export const adminRoleSql = (name: string, verifier: string): string =>
  `ALTER ROLE ${role(name)} LOGIN CREATEROLE NOSUPERUSER NOCREATEDB NOREPLICATION NOBYPASSRLS PASSWORD ${pg.escapeLiteral(verifier)}`
