import { Command } from 'commander'

/** Its own imports are the process's: they are loaded when it runs. */
export const define = (): Command =>
  new Command('worker').action(async () => {
    const { run } = await import('../../../worker/workflow-worker.js')
    await run(process.env)
  })
