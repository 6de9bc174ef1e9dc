import { Command } from 'commander'
import { type Checked, checks } from './doctor-checks.js'
import { EXIT, finish } from './outcome.js'

/** Checks what is configured, each by itself; what is not configured is said, not failed. */
export const define = (): Command =>
  new Command('doctor')
    .option('--json', 'one JSON document on stdout')
    .action(async ({ json }: { readonly json?: boolean }) => {
      const found: Checked[] = []
      for (const [name, check] of Object.entries(checks))
        found.push({ name, ...(await check(process.env).catch(failed)) })
      finish({ checks: found }, { json, show: () => found.map(line) })
      if (found.some((item) => item.state === 'failed')) process.exitCode = EXIT.fault
    })

const failed = (error: unknown) => ({
  state: 'failed' as const,
  detail: error instanceof Error ? error.message : 'it failed',
})

const line = ({ name, state, detail }: Checked): string =>
  `${name.padEnd(12)} ${state.padEnd(15)} ${detail}`
