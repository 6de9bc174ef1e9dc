import { Command } from 'commander'

/** Its own imports are the process's: they are loaded when it runs. */
export const define = (): Command =>
  new Command('keeper').action(async () => {
    const { run } = await import('../../../worker/keeper.js')
    await run(process.env)
  })
