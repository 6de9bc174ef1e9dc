/**
 * inspection: what a plan, and `doctor`, tell an owner before anybody signs: the server, each
 * credential's login, membership and sessions, and the rights that the admin role lacks.
 *
 * Promises: it needs none of those rights itself; each missing one is the SQL that gives it.
 */
import type { Inspection, Subject } from './connector.js'
import type { Lease } from './postgresql-pool.js'
import { listSessions } from './postgresql-sessions.js'
import { createRoleSql, GRANT_SETTING, rights } from './postgresql-sql.js'
import { rolesOf } from './postgresql-state.js'

type Admin = {
  admin: string
  version: string
  createrole: boolean
  signal: boolean
  stats: boolean
  verifiers: boolean
  tag: boolean
  superuser: boolean
}
type Role = { name: string; login: boolean; member: boolean; admin: boolean; superuser: boolean }
type Found = { admin: Admin; roles: ReadonlyMap<string, Role>; subject: Subject }

/** Throws TargetFault. */
export async function inspectTarget(
  lease: Lease,
  of: { subject: Subject; ownProbes: readonly number[] },
): Promise<Inspection> {
  const names = rolesOf(of.subject)
  const admin = (await lease.query<Admin>(ADMIN, [GRANT_SETTING])).rows[0]
  if (admin === undefined) throw new Error('a session without a role')
  const { rows } = await lease.query<Role>(ROLES, [names, of.subject.group])
  const found = { admin, roles: new Map(rows.map((row) => [row.name, row])), subject: of.subject }
  const credentials = []
  for (const credential of of.subject.credentials) {
    const role = found.roles.get(credential)
    const sessions = await listSessions(lease, { credential, ownProbes: of.ownProbes })
    credentials.push({ credential, ...facts(role), sessions })
  }
  return { server: `PostgreSQL ${admin.version}`, credentials, missing: missingRights(found) }
}

const facts = (role: Role | undefined) =>
  ({
    login: role === undefined ? 'absent' : role.login ? 'enabled' : 'disabled',
    memberOfGroup: role?.member === true ? 'yes' : 'no',
  }) as const

function missingRights({ admin, roles, subject }: Found): string[] {
  const name = admin.admin
  return [
    ...(admin.createrole ? [] : [rights.createrole(name)]),
    ...(admin.signal ? [] : [rights.signal(name)]),
    ...(admin.stats ? [] : [rights.stats(name)]),
    ...(admin.verifiers ? [] : [rights.verifiers(name)]),
    ...(admin.tag ? [] : [rights.tag(name)]),
    ...rolesOf(subject).flatMap((one) => missingOnRole({ admin, name: one, role: roles.get(one) })),
  ]
}

function missingOnRole(of: { admin: Admin; name: string; role: Role | undefined }): string[] {
  const { admin, name, role } = of
  if (role === undefined) return [createRoleSql(name), rights.adminOption(admin.admin, name)]
  return [
    ...(role.admin ? [] : [rights.adminOption(admin.admin, name)]),
    ...(role.superuser && !admin.superuser ? [rights.notSuperuser(name)] : []),
  ]
}

const ADMIN = `
SELECT r.rolname::text AS admin, current_setting('server_version') AS version,
  r.rolsuper AS superuser, r.rolcreaterole OR r.rolsuper AS createrole,
  pg_has_role('pg_signal_backend', 'USAGE') AS signal, pg_has_role('pg_read_all_stats', 'USAGE') AS stats,
  has_column_privilege('pg_catalog.pg_authid', 'oid', 'SELECT')
    AND has_column_privilege('pg_catalog.pg_authid', 'rolname', 'SELECT')
    AND has_column_privilege('pg_catalog.pg_authid', 'rolpassword', 'SELECT') AS verifiers,
  has_parameter_privilege($1, 'SET') AS tag
FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`

const ROLES = `
SELECT r.rolname::text AS name, r.rolcanlogin AS login, r.rolsuper AS superuser,
  pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION') AS admin,
  EXISTS (SELECT FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
    WHERE m.member = r.oid AND g.rolname::text = $2) AS member
FROM pg_catalog.pg_roles r WHERE r.rolname::text = ANY ($1::text[])`
