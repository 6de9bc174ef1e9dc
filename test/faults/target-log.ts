/**
 * What really happened on the target, from the target's own statement log: every statement that touches
 * a role is logged by the server with its transaction, and the server says of each transaction whether
 * it committed. Nothing is sampled, so no change can be missed. The log holds SCRAM verifiers only.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import type { System } from '../../src/demo/system.js'

/** One committed transaction that changed a role's login or secret. */
export interface TargetEffect {
  readonly role: string
  readonly kind: 'set' | 'unset' | 'disable' | 'other'
  /** The grant that the same transaction left on the role; null for a change without one. */
  readonly grantId: string | null
}

const PREFIX = 'cs|%v|%x|'

/** From here on the target logs every statement that defines anything, at every later start too. */
export async function logRoleChanges(system: System): Promise<void> {
  await asSuperuser(system, async (dba) => {
    await dba.query("alter system set log_statement = 'ddl'")
    await dba.query(`alter system set log_line_prefix = '${PREFIX}'`)
    await dba.query('select pg_reload_conf()')
    // The next session starts under the new settings, and so does every session that runs a statement.
    for (;;) {
      const { rows } = await dba.query("select current_setting('log_line_prefix') as now")
      if (rows[0]?.now === PREFIX) break
    }
  })
}

/** Waits until what happened so far is in the log: a statement of our own, logged after it, is there. */
export async function effectsOnTarget(system: System): Promise<readonly TargetEffect[]> {
  const mark = `marked_${Math.random().toString(36).slice(2)}`
  return asSuperuser(system, async (dba) => {
    await dba.query(`create temporary table ${mark} ()`)
    let text = ''
    while (!text.includes(mark))
      text = await readFile(join(system.dir, 'logs', 'target.log'), 'utf8')
    const changes = transactionsIn(text).filter(({ statements }) => statements.some(isChange))
    const effects: TargetEffect[] = []
    for (const change of changes)
      if (await committed(dba, change.xid)) effects.push(...effectsOf(change.statements))
    return effects
  })
}

interface Transaction {
  readonly xid: string
  readonly statements: readonly string[]
}

const LINE = /^cs\|(?<vxid>[^|]*)\|(?<xid>\d+)\|LOG: {2}(?:statement|execute [^:]+): (?<sql>.*)$/
const STARTED = /database system is ready to accept connections/

/** A virtual transaction id is unique between two starts of the server. Its first statements have no id yet. */
function transactionsIn(text: string): Transaction[] {
  const found = new Map<string, { xid: string; statements: string[] }>()
  let starts = 0
  for (const line of text.split('\n')) {
    if (STARTED.test(line)) starts += 1
    const { vxid, xid = '0', sql = '' } = LINE.exec(line)?.groups ?? {}
    if (vxid === undefined) continue
    const key = `${starts}|${vxid}`
    const known = found.get(key) ?? { xid: '0', statements: [] }
    if (xid !== '0') known.xid = xid
    known.statements.push(sql)
    found.set(key, known)
  }
  return [...found.values()]
}

const CHANGE = /^(?:alter|create|drop) (?:role|user) "?(?<role>\w+)"? ?(?<what>.*)$/i
const TAG = /^alter role "?(?<role>\w+)"? set countersign\."?grant"? = '(?<grantId>[^:']+):/i

/** A bare ALTER ROLE is a lock; a setting leaves login and secret as they are. */
function isChange(sql: string): boolean {
  const what = CHANGE.exec(sql)?.groups?.['what'] ?? ''
  return what !== '' && !/^set /i.test(what)
}

/** Without an id the transaction's fate cannot be asked; it is counted. */
async function committed(dba: pg.Client, xid: string): Promise<boolean> {
  if (xid === '0') return true
  const { rows } = await dba.query('select pg_xact_status($1::text::xid8) as fate', [xid])
  return rows[0]?.fate === 'committed'
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
