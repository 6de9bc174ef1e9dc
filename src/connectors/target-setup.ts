/**
 * setup: what the target's DBA runs once, as superuser and in the database that the admin role will
 * connect to, to put one identity under control. PostgreSQL 16 or later.
 *
 * Promises: running it again changes nothing but the admin role's password; an existing credential
 * keeps its login and its secret; the admin role is no superuser, cannot make itself one, and gets
 * ADMIN on the roles named here only. ADMIN lets it grant itself membership, which then shows in
 * the group's `members`: whoever may set a credential's secret can always become that credential.
 */
import { adminRoleSql, createRoleSql, rights } from './postgresql-sql.js'

type TargetSetup = {
  readonly admin: string
  /** A SCRAM-SHA-256 verifier, see scramVerifier; never the password itself. */
  readonly adminPassword: string
  readonly group: string
  readonly credentials: readonly string[]
}

/**
 * Statements to run in this order, best in one transaction.
 * Throws TargetFault 42602 for a name that may reach another role, TypeError for no verifier.
 */
export function targetSetupSql(setup: TargetSetup): readonly string[] {
  const { admin, group, credentials } = setup
  if (!setup.adminPassword.startsWith('SCRAM-SHA-256$'))
    throw new TypeError('adminPassword is not a SCRAM-SHA-256 verifier')
  const managed = [group, ...credentials]
  return [
    ...[admin, ...managed].map(createRoleSql),
    adminRoleSql(admin, setup.adminPassword),
    rights.signal(admin),
    rights.stats(admin),
    rights.verifiers(admin),
    rights.tag(admin),
    ...managed.map((name) => rights.adminOption(admin, name)),
    ...credentials.map((name) => rights.member(group, name)),
  ]
}
