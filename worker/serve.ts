/** Runs Temporal workers until this process is told to end: says `ready` when they poll, drains on SIGTERM. */
import type { Worker } from '@temporalio/worker'

export async function serve(input: {
  readonly workers: readonly Worker[]
  readonly ready: Readonly<Record<string, unknown>>
}): Promise<void> {
  // The SDK's runtime shuts its workers down on SIGTERM and SIGINT; run() resolves when they have drained.
  const running = input.workers.map((worker) => worker.run())
  process.stdout.write(`ready ${JSON.stringify(input.ready)}\n`)
  await Promise.all(running)
}
