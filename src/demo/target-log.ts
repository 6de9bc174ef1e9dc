/**
 * The target's own statement log: every statement that it was sent, with its transaction, and whether that committed.
 * Nothing is sampled, so no change can be missed. The log holds SCRAM verifiers only.
 */
import { readFile } from 'node:fs/promises'
import type pg from 'pg'

export interface TargetTransaction {
  /** When its first statement came, in milliseconds of the Unix clock. */
  readonly at: number
  readonly statements: readonly Statement[]
}

export interface Statement {
  readonly sql: string
  /** Values of its parameters, as the server writes them; empty without any. */
  readonly parameters: string
}

const PREFIX = 'cs|%n|%v|%x|'

/** From here on the target logs every statement, at every later start too. */
export async function logStatements(dba: pg.Client): Promise<void> {
  await dba.query("alter system set log_statement = 'all'")
  await dba.query(`alter system set log_line_prefix = '${PREFIX}'`)
  await dba.query('select pg_reload_conf()')
  // The next session starts under the new settings, and so does every session that runs a statement.
  for (;;) {
    const { rows } = await dba.query("select current_setting('log_line_prefix') as now")
    if (rows[0]?.now === PREFIX) return
  }
}

/** All that committed so far. Waits until it is in the log: a statement of our own, sent after it, is there. */
export async function committedOn(target: {
  readonly dba: pg.Client
  readonly logFile: string
  readonly counts: (statement: Statement) => boolean
}): Promise<readonly TargetTransaction[]> {
  const { dba, logFile, counts } = target
  const mark = `marked_${Math.random().toString(36).slice(2)}`
  await dba.query(`select '${mark}'`)
  let text = ''
  while (!text.includes(mark)) text = await readFile(logFile, 'utf8')
  const found: TargetTransaction[] = []
  for (const { xid, ...transaction } of transactionsIn(text))
    if (transaction.statements.some(counts) && (await isCommitted(dba, xid)))
      found.push(transaction)
  return found
}

/** Without an id the transaction's fate cannot be asked; it is counted. */
async function isCommitted(dba: pg.Client, xid: string): Promise<boolean> {
  if (xid === '0') return true
  const { rows } = await dba.query('select pg_xact_status($1::text::xid8) as fate', [xid])
  return rows[0]?.fate === 'committed'
}

const LINE = /^cs\|(?<at>[\d.]+)\|(?<vxid>[^|]*)\|(?<xid>\d+)\|(?<said>.*)$/s
const SENT = /^LOG: {2}(?:statement|execute [^:]+): (?<sql>.*)$/s
const VALUES = /^DETAIL: {2}[Pp]arameters: (?<values>.*)$/s
const STARTED = /database system is ready to accept connections/

/** A virtual transaction id is unique between two starts of the server. Its first statements have no id yet. */
function transactionsIn(text: string): readonly (TargetTransaction & { readonly xid: string })[] {
  const found = new Map<string, { at: number; xid: string; statements: Statement[] }>()
  let starts = 0
  // A line of a statement that begins with a tab goes on from the one before.
  for (const line of text.replaceAll('\n\t', ' ').split('\n')) {
    if (STARTED.test(line)) starts += 1
    const { at = '0', vxid, xid = '0', said = '' } = LINE.exec(line)?.groups ?? {}
    if (vxid === undefined) continue
    const key = `${starts}|${vxid}`
    const known = found.get(key) ?? { at: Number(at) * 1000, xid: '0', statements: [] }
    if (xid !== '0') known.xid = xid
    const sql = SENT.exec(said)?.groups?.['sql']
    const values = VALUES.exec(said)?.groups?.['values']
    const last = known.statements.pop()
    if (last !== undefined)
      known.statements.push(values === undefined ? last : { ...last, parameters: values })
    if (sql !== undefined) known.statements.push({ sql, parameters: '' })
    found.set(key, known)
  }
  return [...found.values()]
}
