/** What really happened to roles on the target, from the target's own statement log. */
import { join } from 'node:path'
import pg from 'pg'
import type { System } from '../../src/demo/system.js'
import { committedOn, logStatements } from '../../src/demo/target-log.js'

/** One committed transaction that changed a role's login or secret. */
export interface TargetEffect {
  readonly role: string
  readonly kind: 'set' | 'unset' | 'disable' | 'other'
  /** The grant that the same transaction left on the role; null for a change without one. */
  readonly grantId: string | null
}

/** From here on the target logs every statement. */
export const logRoleChanges = (system: System): Promise<void> => asSuperuser(system, logStatements)

/** What committed so far. */
export async function effectsOnTarget(system: System): Promise<readonly TargetEffect[]> {
  const logFile = join(system.dir, 'logs', 'target.log')
  return asSuperuser(system, async (dba) => {
    const transactions = await committedOn({ dba, logFile, counts: ({ sql }) => isChange(sql) })
    return transactions.flatMap(({ statements }) => effectsOf(statements.map(({ sql }) => sql)))
  })
}

const CHANGE = /^(?:alter|create|drop) (?:role|user) "?(?<role>\w+)"? ?(?<what>.*)$/i
const TAG = /^alter role "?(?<role>\w+)"? set countersign\."?grant"? = '(?<grantId>[^:']+):/i

/** A bare ALTER ROLE is a lock; a setting leaves login and secret as they are. */
function isChange(sql: string): boolean {
  const what = CHANGE.exec(sql)?.groups?.['what'] ?? ''
  return what !== '' && !/^set /i.test(what)
}

const effectsOf = (statements: readonly string[]): TargetEffect[] =>
  statements.filter(isChange).map((sql) => {
    const role = CHANGE.exec(sql)?.groups?.['role'] ?? ''
    const tag = statements
      .map((item) => TAG.exec(item)?.groups)
      .find((item) => item?.['role'] === role)
    return { role, kind: kindOf(sql), grantId: tag?.['grantId'] ?? null }
  })

function kindOf(sql: string): TargetEffect['kind'] {
  if (/ LOGIN PASSWORD '/.test(sql)) return 'set'
  if (/ NOLOGIN PASSWORD NULL$/.test(sql)) return 'unset'
  return / NOLOGIN$/.test(sql) ? 'disable' : 'other'
}

export async function asSuperuser<T>(
  system: System,
  work: (dba: pg.Client) => Promise<T>,
): Promise<T> {
  const dba = new pg.Client({ connectionString: system.targetUrl() })
  dba.on('error', () => undefined)
  await dba.connect()
  try {
    return await work(dba)
  } finally {
    await dba.end()
  }
}
