/**
 * state: the rights-bearing attributes of one identity's roles, read in one statement, so that all
 * of them are of one instant. A role that does not exist has the value `absent` everywhere.
 *
 * Promises: the secret appears only as a keyed fingerprint of its verifier, and so do the values of
 * custom settings, in which some applications keep secrets. Every attribute is always present.
 */
import { createHmac } from 'node:crypto'
import type { TargetState } from '../domain/shapes/plan.js'
import type { RoleSeen, Subject } from './connector.js'
import type { Lease } from './postgresql-pool.js'
import { GRANT_SETTING, roleName } from './postgresql-sql.js'
import { TargetFault } from './target-fault.js'

const COMMON = [
  'login',
  'verifier',
  'memberOf',
  'superuser',
  'createrole',
  'createdb',
  'replication',
  'bypassrls',
  'settings',
] as const
const OF_CREDENTIAL = [...COMMON, 'validUntil', 'inherit', 'connectionLimit', 'grant'] as const
const OF_GROUP = [...COMMON, 'members'] as const
const MAX_VALUE = 400

type Attribute = (typeof OF_CREDENTIAL)[number] | (typeof OF_GROUP)[number]
type Membership = { role: string; admin: boolean; inherit: boolean; set: boolean }
type Setting = { database: string; setting: string }
type RoleRow = {
  name: string
  verifier: string | null
  validUntil: string
  connectionLimit: number
  memberOf: Membership[]
  members: Membership[]
  settings: Setting[]
} & Record<
  'login' | 'superuser' | 'createrole' | 'createdb' | 'replication' | 'bypassrls' | 'inherit',
  boolean
>

/** The names of the attributes, sorted: `<role>.<attribute>`. */
export const attributesOf = (subject: Subject): string[] =>
  attributesOfRoles(subject)
    .map(({ role, attribute }) => `${role}.${attribute}`)
    .sort()

const attributesOfRoles = (subject: Subject): { role: string; attribute: Attribute }[] => [
  ...OF_GROUP.map((attribute) => ({ role: subject.group, attribute })),
  ...subject.credentials.flatMap((role) => OF_CREDENTIAL.map((attribute) => ({ role, attribute }))),
]

/** What was found at one instant; `tags` has every role that is there, with null where it carries none. */
export interface Found {
  readonly state: TargetState
  readonly tags: ReadonlyMap<string, string | null>
}

/** Throws TargetFault, 42501 when the admin role may not read verifiers. */
export async function readFound(
  lease: Lease,
  of: { subject: Subject; fingerprintKey: Uint8Array },
): Promise<Found> {
  const names = rolesOf(of.subject)
  const { rows } = await lease.query<RoleRow>(ROLES, [names])
  const found = new Map(rows.map((row) => [row.name, row]))
  const attributeValue = ({ role, attribute }: { role: string; attribute: Attribute }): string => {
    const row = found.get(role)
    if (row === undefined) return 'absent'
    const value = textOf({ row, attribute, key: of.fingerprintKey })
    return value.length <= MAX_VALUE ? value : fingerprint(of.fingerprintKey, value)
  }
  const entries = attributesOfRoles(of.subject)
    .map((one) => [`${one.role}.${one.attribute}`, attributeValue(one)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const tags = new Map(rows.map((row) => [row.name, tagIn(row.settings)]))
  return { state: Object.fromEntries(entries), tags }
}

/** The subject's roles, sorted, so that everybody locks them in the same order. Throws TargetFault 42602. */
export const rolesOf = (subject: Subject): string[] =>
  [...new Set([subject.group, ...subject.credentials])].map(roleName).sort()

/** The attributes that are not as expected, including those that only one side has. */
export const differences = (expected: TargetState, actual: TargetState): string[] =>
  [...new Set([...Object.keys(expected), ...Object.keys(actual)])]
    .filter((name) => expected[name] !== actual[name])
    .sort()

/** Every role but the server's own, by name; throws TargetFault 54000 when there are more than can be compared. */
export async function readRoles(lease: Lease): Promise<readonly RoleSeen[]> {
  const { rows } = await lease.query<RoleSeen>(EVERY_ROLE, [MAX_ROLES + 1])
  if (rows.length > MAX_ROLES)
    throw new TargetFault({ code: '54000', origin: 'server', during: 'roles' })
  return rows
}

/** The tag of one credential, or null when it has none. */
export async function readTag(lease: Lease, credential: string): Promise<string | null> {
  const { rows } = await lease.query<{ setting: string }>(TAG, [roleName(credential)])
  return rows.map((row) => ownTag(row.setting)).find((tag) => tag !== null) ?? null
}

function textOf(of: { row: RoleRow; attribute: Attribute; key: Uint8Array }): string {
  const { row, attribute, key } = of
  if (attribute === 'verifier')
    return row.verifier === null ? 'none' : fingerprint(key, row.verifier)
  if (attribute === 'memberOf') return membershipText(row.memberOf)
  if (attribute === 'members') return membershipText(row.members)
  if (attribute === 'settings') return settingsText(row.settings, key)
  if (attribute === 'grant') return tagIn(row.settings) ?? 'none'
  return String(row[attribute])
}

/** HMAC-SHA256, its first 64 bits as hex: equal for equal values, and no way back without the key. */
const fingerprint = (key: Uint8Array, text: string): string =>
  `hmac:${createHmac('sha256', key).update(text).digest('hex').slice(0, 16)}`

const membershipText = (memberships: readonly Membership[]): string =>
  JSON.stringify(
    memberships.map((one) => {
      const options = (['admin', 'inherit', 'set'] as const).filter((option) => one[option])
      return `${one.role} (${options.join(', ')})`
    }),
  )

const tagIn = (settings: readonly Setting[]): string | null =>
  settings
    .filter((one) => one.database === '')
    .map((one) => ownTag(one.setting))
    .find((tag) => tag !== null) ?? null

/** The value of `countersign.grant=<value>`; PostgreSQL compares names of settings without case. */
const ownTag = (setting: string): string | null =>
  setting.toLowerCase().startsWith(`${GRANT_SETTING}=`)
    ? setting.slice(GRANT_SETTING.length + 1)
    : null

const settingsText = (settings: readonly Setting[], key: Uint8Array): string =>
  JSON.stringify(
    settings
      .filter((one) => one.database !== '' || ownTag(one.setting) === null)
      .map(({ database, setting }) => {
        const name = setting.slice(0, setting.indexOf('='))
        const shown = name.includes('.') ? `${name}=${fingerprint(key, setting)}` : setting
        return database === '' ? shown : `${shown} in ${database}`
      })
      .sort(),
  )

// Several grantors may have granted the same membership; what counts is what all of them give.
const memberships = (of: { other: 'roleid' | 'member'; own: 'roleid' | 'member' }) => `(
  SELECT coalesce(json_agg(m ORDER BY m.role COLLATE "C"), '[]') FROM (
    SELECT o.rolname AS role, bool_or(g.admin_option) AS admin,
      bool_or(g.inherit_option) AS inherit, bool_or(g.set_option) AS set
    FROM pg_catalog.pg_auth_members g JOIN pg_catalog.pg_roles o ON o.oid = g.${of.other}
    WHERE g.${of.own} = a.oid GROUP BY o.rolname) m)`

const ROLES = `
SELECT a.rolname::text AS name, a.rolpassword AS verifier, r.rolcanlogin AS login,
  r.rolsuper AS superuser, r.rolcreaterole AS createrole, r.rolcreatedb AS createdb,
  r.rolreplication AS replication, r.rolbypassrls AS bypassrls, r.rolinherit AS inherit,
  r.rolconnlimit AS "connectionLimit",
  CASE WHEN r.rolvaliduntil IS NULL THEN 'none' WHEN NOT isfinite(r.rolvaliduntil) THEN r.rolvaliduntil::text
    ELSE to_char(r.rolvaliduntil AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END AS "validUntil",
  ${memberships({ other: 'roleid', own: 'member' })} AS "memberOf",
  ${memberships({ other: 'member', own: 'roleid' })} AS members,
  (SELECT coalesce(json_agg(json_build_object('database', coalesce(d.datname, ''), 'setting', s)), '[]')
    FROM pg_catalog.pg_db_role_setting p LEFT JOIN pg_catalog.pg_database d ON d.oid = p.setdatabase,
      unnest(p.setconfig) s
    WHERE p.setrole = a.oid) AS settings
FROM pg_catalog.pg_authid a JOIN pg_catalog.pg_roles r ON r.oid = a.oid
WHERE a.rolname::text = ANY ($1::text[])`

const MAX_ROLES = 500
const EVERY_ROLE = `
SELECT rolname::text AS role, CASE WHEN rolcanlogin THEN 'enabled' ELSE 'disabled' END AS login
FROM pg_catalog.pg_roles WHERE rolname NOT LIKE 'pg\\_%' ORDER BY rolname COLLATE "C" LIMIT $1`

const TAG = `
SELECT s AS setting FROM pg_catalog.pg_db_role_setting p
JOIN pg_catalog.pg_roles r ON r.oid = p.setrole, unnest(p.setconfig) s
WHERE p.setdatabase = 0 AND r.rolname::text = $1`
