/** countersign start: the embedded system as a service; its data survives a restart. */
import { Command } from 'commander'
import { runStart } from '../../demo/run.js'

export const define = (): Command =>
  new Command('start').action(async () => {
    process.exitCode = await runStart()
  })
