/**
 * removal: the roles of an identity go, with their privileges and memberships, in one transaction;
 * what they own goes to another role first.
 *
 * Promises: nothing that they own is dropped; no session of them is open, which nobody could find by
 * name afterwards; what the admin role lends itself for the work it has given back before the end. What
 * is out of its reach, in another database or given by an owner that it may not act as, is a rejection.
 */
import type { Change, Effect } from './connector.js'
import { perform, type Rejected, type Target } from './postgresql-change.js'
import { readHoldings } from './postgresql-holdings.js'
import type { Lease } from './postgresql-pool.js'
import { listSessions } from './postgresql-sessions.js'
import {
  borrowSql,
  dropOwnedSql,
  dropRolesSql,
  giveBackSql,
  reassignSchemaSql,
  reassignSql,
  roleName,
  tagOf,
  tagSql,
} from './postgresql-sql.js'

type Removal = Change & { readonly reassignTo: string | null }
type Going = {
  readonly roles: readonly string[]
  readonly reassignTo: string | null
  readonly tag: string
}

export const removeRoles = (target: Target, change: Removal): Promise<Effect> =>
  perform(target, {
    kind: 'remove',
    change,
    isMade: ({ tags }) => tags.size === 0,
    make: (lease, { tags }) => {
      const { credentials, group } = change.subject
      const roles = [...new Set([...credentials, group])].filter((name) => tags.has(name))
      const tag = tagOf(change.grantId, 'remove')
      return takeAway(lease, { roles, reassignTo: change.reassignTo, tag })
    },
  })

async function takeAway(lease: Lease, going: Going): Promise<'made' | Rejected> {
  const { roles, reassignTo } = going
  for (const credential of roles) {
    const sessions = await listSessions(lease, { credential, ownProbes: [] })
    if (sessions.length > 0) return IN_USE
  }
  for (const name of roles) await lease.query(tagSql(name, going.tag))
  const borrowed = await borrow(lease, going)
  if (reassignTo !== null) await handOver(lease, { roles, reassignTo })
  // What follows would drop it.
  if ((await readHoldings(lease, roles)).ownedCount > 0) return STILL_OWNS
  for (const name of roles) await lease.query(dropOwnedSql(name))
  for (const name of borrowed) await lease.query(giveBackSql(name))
  await lease.query(dropRolesSql(roles))
  return 'made'
}

/** Schemas first: who takes over a function must already have the right to make one in its schema. */
async function handOver(lease: Lease, to: { roles: readonly string[]; reassignTo: string }) {
  const { rows } = await lease.query<{ name: string }>(SCHEMAS, [to.roles])
  for (const { name } of rows) await lease.query(reassignSchemaSql(name, to.reassignTo))
  await lease.query(reassignSql(to.roles, to.reassignTo))
}

const IN_USE: Rejected = { effect: 'rejected', code: '55006' }
const STILL_OWNS: Rejected = { effect: 'rejected', code: '2BP01' }

/**
 * Afterwards the admin role may act as the roles that go, as the one that takes over, and as every
 * owner who gave them privileges and on whom it has ADMIN. Returns those of the others to give back.
 */
async function borrow(
  lease: Lease,
  { roles, reassignTo }: Omit<Going, 'tag'>,
): Promise<readonly string[]> {
  const { rows } = await lease.query<{ name: string }>(OWNERS, [roles])
  const wanted = [
    ...roles,
    ...(reassignTo === null ? [] : [roleName(reassignTo)]),
    ...rows.map((row) => row.name),
  ]
  const usable = await lease.query<{ name: string }>(USABLE, [wanted])
  const own = new Set(usable.rows.map((row) => row.name))
  const borrowed = [...new Set(wanted)].filter((name) => !own.has(name))
  for (const name of borrowed) await lease.query(borrowSql(name))
  return borrowed.filter((name) => !roles.includes(name))
}

// Nobody but a superuser can lend himself a superuser, and then nothing needs to be lent.
const OWNERS = `
SELECT DISTINCT w.rolname::text AS name
FROM pg_catalog.pg_shdepend a
JOIN pg_catalog.pg_shdepend o ON (o.dbid, o.classid, o.objid) = (a.dbid, a.classid, a.objid)
JOIN pg_catalog.pg_roles r ON r.oid = a.refobjid
JOIN pg_catalog.pg_roles w ON w.oid = o.refobjid
WHERE a.refclassid = 'pg_catalog.pg_authid'::regclass AND a.deptype = 'a'
  AND o.refclassid = 'pg_catalog.pg_authid'::regclass AND o.deptype = 'o'
  AND r.rolname::text = ANY ($1::text[])
  AND NOT w.rolsuper AND pg_has_role(w.oid, 'MEMBER WITH ADMIN OPTION')`

const SCHEMAS = `
SELECT n.nspname::text AS name
FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles r ON r.oid = n.nspowner
WHERE r.rolname::text = ANY ($1::text[]) ORDER BY n.oid`

const USABLE = `
SELECT rolname::text AS name FROM pg_catalog.pg_roles
WHERE rolname::text = ANY ($1::text[]) AND pg_has_role(oid, 'USAGE') AND pg_has_role(oid, 'SET')`
