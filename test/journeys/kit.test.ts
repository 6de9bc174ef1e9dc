/** The sealed kit, through the command line, while PostgreSQL is down: access ends all the same, and only for who may. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DemoPerson } from '../../src/demo/enterprise.js'
import { DATABASE } from '../../src/demo/target.js'
import { type Running, runSystem } from './running-system.js'

const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))
const run = promisify(execFile)

let running: Running
const file = (name: string) => join(running.system.dir, name)
beforeAll(async () => {
  running = await runSystem({ accounts: ['billing'] })
})
afterAll(() => running?.stop('removed'))

const countersign = async (who: DemoPerson, ...words: string[]): Promise<string> => {
  const options = ['--profile', running.system.profile(who)]
  return (await run(process.execPath, [main, ...words, ...options])).stdout
}

const logins = async (): Promise<string[]> => {
  const dba = new pg.Client({ connectionString: running.system.targetUrl(DATABASE) })
  await dba.connect()
  const { rows } = await dba.query<{ name: string }>(
    "select rolname as name from pg_roles where rolcanlogin and rolname ~ '^billing_' order by 1",
  )
  await dba.end()
  return rows.map(({ name }) => name)
}

describe('with the evidence store down', () => {
  it('a duty person cuts an identity with a kit that was sealed in daylight, and has a signed record of it', async () => {
    const { system } = running
    await countersign(
      ...(['per_cleo', 'mandate', 'draft', '--kind', 'contain', '--step', 'contain'] as const),
      ...['--signer', 'per_cleo', 'per_dora', '--out', file('mandate.json')],
    )
    await countersign('per_dora', 'mandate', 'sign', file('mandate.json'), '--yes')
    await countersign('per_dora', 'mandate', 'give', file('mandate.json'))
    const { stdout: publicKey } = await run(process.execPath, [main, 'kit', 'key', file('kit.pem')])
    await run(process.execPath, [main, 'kit', 'seal', file('kit'), '--to', publicKey.trim()], {
      env: {
        ...process.env,
        DATABASE_URL: system.databaseUrl('cs_connector'),
        COUNTERSIGN_TRUST: file('trust.json'),
        COUNTERSIGN_TARGETS: file('targets.json'),
      },
    })
    expect(await readFile(file('kit'), 'utf8')).not.toContain('postgres')
    await system.store.stop()
    expect(await logins()).toEqual(['billing_a'])

    const cut = (who: DemoPerson, record: string) =>
      countersign(
        ...([who, 'kit', 'cut', file('kit'), '--identity', 'nhi_billing'] as const),
        ...['--key', file('kit.pem'), '--out', file(record)],
      )
    await expect(cut('per_zed', 'refused.json')).rejects.toMatchObject({ code: 1 })
    expect(await logins()).toEqual(['billing_a'])
    expect(await cut('per_cleo', 'record.json')).toContain('1 of 1 cut')
    expect(await logins()).toEqual([])
    expect(await readFile(file('record.json'), 'utf8')).toContain('kit-use')
  })
})
