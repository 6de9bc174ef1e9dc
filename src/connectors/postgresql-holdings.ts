/**
 * holdings: what hangs on an identity's roles besides their memberships, as the server records it to
 * keep a role from being dropped while something still depends on it.
 *
 * Promises: default privileges and user mappings are not counted as owned here, because they concern
 * nobody else and go with their role; in another database they count, because there they stay.
 */
import type { Holdings } from './connector.js'
import type { Lease } from './postgresql-pool.js'

type Row = Omit<Holdings, 'owned'> & { owned: string[] }

const MAX_NAMES = 50
const MAX_LENGTH = 160

/** UNTRUSTED: names of objects are whatever their makers chose; they are cut, never run. */
export async function readHoldings(lease: Lease, roles: readonly string[]): Promise<Holdings> {
  const { rows } = await lease.query<Row>(HOLDINGS, [roles, MAX_NAMES])
  const [row] = rows
  if (row === undefined) throw new Error('an aggregate without a row')
  const owned = row.owned.map((name) => name.slice(0, MAX_LENGTH).toWellFormed())
  return { ...row, owned }
}

// An object without a recorded owner belongs to the server's first superuser or to nobody.
const HOLDINGS = `
WITH held AS (
  SELECT d.dbid, d.classid, d.objid, d.objsubid, d.deptype,
    d.dbid = 0 OR d.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) AS here,
    d.classid IN ('pg_catalog.pg_default_acl'::regclass, 'pg_catalog.pg_user_mapping'::regclass) AS of_the_role
  FROM pg_catalog.pg_shdepend d JOIN pg_catalog.pg_roles r ON r.oid = d.refobjid
  WHERE d.refclassid = 'pg_catalog.pg_authid'::regclass AND r.rolname::text = ANY ($1::text[])),
owned AS (
  SELECT pg_describe_object(classid, objid, objsubid) AS name FROM held
  WHERE deptype = 'o' AND here AND NOT of_the_role),
given AS (
  SELECT here AND (of_the_role OR EXISTS (
      SELECT FROM pg_catalog.pg_shdepend o JOIN pg_catalog.pg_roles w ON w.oid = o.refobjid
      WHERE (o.dbid, o.classid, o.objid) = (held.dbid, held.classid, held.objid)
        AND o.refclassid = 'pg_catalog.pg_authid'::regclass AND o.deptype = 'o'
        AND (pg_has_role(w.oid, 'USAGE')
          OR NOT w.rolsuper AND pg_has_role(w.oid, 'MEMBER WITH ADMIN OPTION')))
    OR (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)) AS reachable
  FROM held WHERE deptype = 'a' AND classid <> 'pg_catalog.pg_auth_members'::regclass)
SELECT
  (SELECT coalesce(json_agg(name ORDER BY name COLLATE "C"), '[]') FROM (
    SELECT name FROM owned WHERE name IS NOT NULL ORDER BY name COLLATE "C" LIMIT $2) n) AS owned,
  (SELECT count(*)::int FROM owned) AS "ownedCount",
  (SELECT count(*)::int FROM held WHERE deptype = 'o' AND NOT here) AS "ownedElsewhere",
  (SELECT count(*)::int FROM given) AS privileges,
  (SELECT count(*)::int FROM given WHERE NOT reachable) AS "privilegesOutOfReach"`
