/** Names that a request, a plan or the register may carry are names that the server reads as that very role. */
import { fc, test } from '@fast-check/vitest'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { isRoleName } from '../../src/connectors/postgresql-sql.js'
import { TargetName } from '../../src/domain/shapes/basic.js'

const isName = (name: string): boolean => TargetName.safeParse(name).success
const likely = fc.oneof(
  fc.stringMatching(/^[a-z_][a-z0-9_]{0,66}$/),
  fc.stringMatching(/^(pg_|public|none|Pg_|PUBLIC)[a-z]?$/),
  fc.string({ unit: 'binary', maxLength: 70 }),
)

describe('a name on the target', () => {
  test.prop([likely], { numRuns: 500 })('is never read as another role, quoted or not', (name) => {
    if (!isName(name)) return
    expect(isRoleName(name)).toBe(true)
    expect(name).toBe(name.toLowerCase())
    expect(pg.escapeIdentifier(name)).toBe(`"${name}"`)
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63)
  })

  it.each([
    ...['', 'pg_monitor', 'public', 'none', 'Billing', 'bill ing', 'bıll', 'billing\n', ' billing'],
    ...['"billing"', 'billing"; drop role x; --', 'billing\u0000', 'a'.repeat(64), '1billing'],
  ])('is not %j', (name) => {
    expect(isName(name)).toBe(false)
  })

  it.each(['billing', '_billing', 'publicity', 'none_of', 'pgbouncer', 'a'.repeat(63)])(
    'is %j',
    (name) => {
      expect(isName(name)).toBe(true)
    },
  )
})
