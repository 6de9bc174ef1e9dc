/** Closes a run with one plain line, `N passed, N failed` (and `, N skipped`), whatever reads it. */
import type { Reporter, TestModule } from 'vitest/node'

export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const states = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => test.result().state),
    )
    const count = (state: string) => states.filter((item) => item === state).length
    const broken = modules.filter((module) => module.errors().length > 0).length
    const skipped = count('skipped')
    const tail = skipped === 0 ? '' : `, ${skipped} skipped`
    process.stdout.write(`${count('passed')} passed, ${count('failed') + broken} failed${tail}\n`)
  }
}
