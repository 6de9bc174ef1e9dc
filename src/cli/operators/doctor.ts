import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import type { Env } from '../../config.js'
import { EXIT, finish, UsageFault } from '../session/outcome.js'
import { type Checked, checks } from './doctor-checks.js'

interface Options {
  readonly json?: boolean
  readonly service?: string | true
}

/** Where `npm start` keeps the system that it runs, and in it what doctor looks at. */
const SERVICE = '.countersign/service'
const FILE = 'doctor.json'

/** Checks what is configured, each by itself; what is not configured is said, not failed. */
export const define = (): Command =>
  new Command('doctor')
    .option(
      '--service [folder]',
      `the system that \`npm start\` runs, instead of this environment (${SERVICE})`,
    )
    .option('--json', 'one JSON document on stdout')
    .action(async ({ json, service }: Options) => {
      const env = await environmentOf(service)
      const found: Checked[] = []
      for (const [name, check] of Object.entries(checks))
        found.push({ name, ...(await check(env).catch(failed)) })
      finish({ checks: found }, { json, show: () => found.map(line) })
      if (found.some((item) => item.state === 'failed')) process.exitCode = EXIT.fault
    })

/** Throws UsageFault for a folder in which no system was started. */
async function environmentOf(service: Options['service']): Promise<Env> {
  if (service === undefined) return process.env
  const file = join(service === true ? SERVICE : service, FILE)
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new UsageFault(`${file} cannot be read: start the system with npm start first`, { cause })
  })
  return JSON.parse(text) as Env
}

const failed = (error: unknown) => ({
  state: 'failed' as const,
  detail: error instanceof Error ? reasonOf(error) : 'it failed',
})

/** Of several addresses that were tried, the first that failed; its message, or its code when it has none. */
function reasonOf(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error.cause
  const message = first instanceof Error ? `${error.message} ${first.message}` : error.message
  return message.trim() || error.name
}

const line = ({ name, state, detail }: Checked): string =>
  `${name.padEnd(12)} ${state.padEnd(15)} ${detail}`
