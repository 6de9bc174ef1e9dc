import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/faults/**', 'node_modules/**', 'dist/**'],
    globalSetup: './test/support/run-folder.ts',
    reporters: ['default', './test/support/count-reporter.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // Modules are read once a worker: no test may lean on a module's state. Many tests wait, so three share two cores.
    isolate: false,
    maxWorkers: 3,
    env: { TZ: 'UTC' },
  },
})
