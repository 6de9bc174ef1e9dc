/**
 * creation: the roles of a new identity, made in one transaction: a group with the rights of the
 * roles that it is a member of, and credentials with the rights of the group.
 *
 * Promises: none of them can log in or has a secret; the group can pass none of its rights on; every
 * role carries the grant's tag; the admin role has ADMIN on them and nothing else, which later changes need.
 */
import type { Change, Effect } from './connector.js'
import { carriedBy, perform, type Target } from './postgresql-change.js'
import { entitleSql, NO_SELF_GRANT, newRoleSql, rights, tagOf, tagSql } from './postgresql-sql.js'

type Creation = Change & { readonly memberOf: readonly string[] }

export async function createRoles(target: Target, change: Creation): Promise<Effect> {
  const { group, credentials } = change.subject
  const roles = [group, ...credentials]
  const tag = tagOf(change.grantId, 'create')
  return perform(target, {
    kind: 'create',
    change,
    isMade: carriedBy(roles, tag),
    make: async (lease) => {
      const statements = [
        NO_SELF_GRANT,
        ...roles.map(newRoleSql),
        ...change.memberOf.map((name) => entitleSql(group, name)),
        ...credentials.map((name) => rights.member(group, name)),
        ...roles.map((name) => tagSql(name, tag)),
      ]
      for (const statement of statements) await lease.query(statement)
      return 'made'
    },
  })
}
