/** Cut, through the command line, while Temporal is stopped: access ends, nobody signs in the night, and the packet verifies. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DemoPerson } from '../../src/demo/enterprise.js'
import { DATABASE } from '../../src/demo/target.js'
import { waitUntil } from '../support/wait.js'
import { type Running, runSystem } from './running-system.js'

const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))
const run = promisify(execFile)

let running: Running
beforeAll(async () => {
  running = await runSystem({ accounts: ['billing', 'ledger'] })
})
afterAll(() => running?.stop('removed'))

/** The JSON answer of one command, as this person. */
async function countersign(who: DemoPerson, ...words: string[]): Promise<Record<string, unknown>> {
  const { system } = running
  const options = ['--profile', system.profile(who), '--json']
  const { stdout } = await run(process.execPath, [main, ...words, ...options])
  return JSON.parse(stdout) as Record<string, unknown>
}

const logins = async (): Promise<string[]> => {
  const { system } = running
  const dba = new pg.Client({ connectionString: system.targetUrl(DATABASE) })
  await dba.connect()
  const { rows } = await dba.query<{ name: string }>(
    "select rolname as name from pg_roles where rolcanlogin and rolname ~ '^(billing|ledger)_' order by 1",
  )
  await dba.end()
  return rows.map(({ name }) => name)
}

describe('the enterprise cuts a partner off', () => {
  it('by a mandate that two persons signed in daylight, with Temporal stopped', async () => {
    const { system } = running
    const file = join(system.dir, 'mandate.json')
    await countersign(
      ...(['per_cleo', 'mandate', 'draft', '--kind', 'contain', '--step', 'contain'] as const),
      ...['--signer', 'per_cleo', 'per_dora', '--out', file],
    )
    await countersign('per_dora', 'mandate', 'sign', file, '--yes')
    await countersign('per_dora', 'mandate', 'give', file)
    const { identities } = await countersign(
      'per_cleo',
      'fence',
      'preview',
      '--partner',
      'com_acme',
    )
    expect(await logins()).toEqual(['billing_a', 'ledger_a'])

    await system.temporal.stop()
    const cut = await countersign('per_cleo', 'fence', 'cut', '--partner', 'com_acme')
    const contained = (cut.contained as { identityId: string; caseId: string }[]).map(
      ({ identityId }) => identityId,
    )
    const listed = (identities as { identityId: string }[]).map(({ identityId }) => identityId)
    expect(contained).toEqual(listed)
    expect(cut.residue).toEqual([])
    await waitUntil(async () => (await logins()).length === 0)
  })
})
