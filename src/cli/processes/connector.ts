import { Command } from 'commander'

/** Its own imports are the process's: they are loaded when it runs. */
export const define = (): Command =>
  new Command('connector').action(async () => {
    const { run } = await import('../../../worker/connector.js')
    await run(process.env)
  })
