/** countersign demo: the product shown at work on this machine, or under attack. */
import { Command } from 'commander'
import { runDemo } from '../../demo/run.js'

export const define = (): Command =>
  new Command('demo')
    .option('--attack', 'play the abuse against the running system')
    .option('--tour', 'the whole life of identities, in chapters, on the running system')
    .option('--keep', 'leave everything running at the end and print the addresses')
    .option('--me', 'be the owner: every gate stops and waits for you')
    .action(async (options: { attack?: true; tour?: true; keep?: true; me?: true }) => {
      process.exitCode = await runDemo(options)
    })
