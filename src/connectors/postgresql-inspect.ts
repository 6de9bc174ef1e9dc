/**
 * inspection: what a plan, and `doctor`, tell an owner before anybody signs: the server, the group,
 * each credential's login, membership and sessions, what hangs on them, and the rights that the admin
 * role lacks.
 *
 * Promises: it needs none of those rights itself; each missing one is the SQL that gives it. A role of
 * the subject that is not there is said to be absent and not missed: making it may be what is planned.
 */
import type { Inspection, Subject } from './connector.js'
import { readHoldings } from './postgresql-holdings.js'
import type { Lease } from './postgresql-pool.js'
import { listSessions } from './postgresql-sessions.js'
import { GRANT_SETTING, isRoleName, rights } from './postgresql-sql.js'
import { rolesOf } from './postgresql-state.js'

type Admin = {
  admin: string
  version: string
  database: string
  createrole: boolean
  signal: boolean
  stats: boolean
  verifiers: boolean
  tag: boolean
  superuser: boolean
  creates: boolean
}
type Role = {
  name: string
  login: boolean
  member: boolean
  admin: boolean
  superuser: boolean
  creates: boolean
  ownsSchema: boolean
}
type Asked = { readonly subject: Subject; readonly others: readonly string[] }
type Seen = Asked & { readonly admin: Admin; readonly roles: ReadonlyMap<string, Role> }

/** Throws TargetFault. */
export async function inspectTarget(
  lease: Lease,
  of: Asked & { readonly ownProbes: readonly number[] },
): Promise<Inspection> {
  const { subject, others, ownProbes } = of
  const names = rolesOf(subject)
  const admin = (await lease.query<Admin>(ADMIN, [GRANT_SETTING])).rows[0]
  if (admin === undefined) throw new Error('a session without a role')
  const asked = [...names, ...others.filter(isRoleName)]
  const { rows } = await lease.query<Role>(ROLES, [asked, subject.group])
  const roles = new Map(rows.map((row) => [row.name, row]))
  const credentials = []
  for (const credential of subject.credentials) {
    const sessions = await listSessions(lease, { credential, ownProbes })
    credentials.push({ credential, ...facts(roles.get(credential)), sessions })
  }
  return {
    server: `PostgreSQL ${admin.version}`,
    group: roles.has(subject.group) ? 'present' : 'absent',
    credentials,
    holdings: await readHoldings(lease, names),
    missing: missingRights({ subject, others, admin, roles }),
  }
}

const facts = (role: Role | undefined) =>
  ({
    login: role === undefined ? 'absent' : role.login ? 'enabled' : 'disabled',
    memberOfGroup: role?.member === true ? 'yes' : 'no',
  }) as const

function missingRights(seen: Seen): string[] {
  const { admin, roles, subject, others } = seen
  const name = admin.admin
  return [
    ...(admin.createrole ? [] : [rights.createrole(name)]),
    ...(admin.signal ? [] : [rights.signal(name)]),
    ...(admin.stats ? [] : [rights.stats(name)]),
    ...(admin.verifiers ? [] : [rights.verifiers(name)]),
    ...(admin.tag ? [] : [rights.tag(name)]),
    ...rolesOf(subject).flatMap((one) => missingOnRole(admin, roles.get(one))),
    ...others.flatMap((one) => missingOnOther(seen, one)),
    ...missingForSchemas(seen),
  ]
}

function missingOnRole(admin: Admin, role: Role | undefined): string[] {
  if (role === undefined) return []
  return [
    ...(role.admin ? [] : [rights.adminOption(admin.admin, role.name)]),
    ...(role.superuser && !admin.superuser ? [rights.notSuperuser(role.name)] : []),
  ]
}

/** UNTRUSTED: `name`, which a request asked for. It is never answered with a statement that makes or weakens a role. */
function missingOnOther({ admin, roles }: Seen, name: string): string[] {
  const role = isRoleName(name) ? roles.get(name) : undefined
  if (role === undefined) return [`there is no ordinary role ${JSON.stringify(name)}`]
  if (role.superuser) return [`${JSON.stringify(name)} is a superuser: never`]
  return role.admin ? [] : [rights.adminOption(admin.admin, name)]
}

/** A schema changes hands only when somebody whose rights the admin role can use may make one. */
function missingForSchemas({ admin, roles, subject, others }: Seen): string[] {
  const owner = rolesOf(subject).some((name) => roles.get(name)?.ownsSchema === true)
  const able = admin.creates || [...roles.values()].some(({ creates }) => creates)
  return owner && others.length > 0 && !able
    ? [rights.createInDatabase(admin.admin, admin.database)]
    : []
}

const ADMIN = `
SELECT r.rolname::text AS admin, current_setting('server_version') AS version,
  current_database()::text AS database, has_database_privilege(current_database(), 'CREATE') AS creates,
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
  has_database_privilege(r.oid, current_database(), 'CREATE') AS creates,
  EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspowner = r.oid) AS "ownsSchema",
  EXISTS (SELECT FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
    WHERE m.member = r.oid AND g.rolname::text = $2) AS member
FROM pg_catalog.pg_roles r WHERE r.rolname::text = ANY ($1::text[])`
