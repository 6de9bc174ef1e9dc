import { defineConfig } from 'vitest/config'

/** Minutes, not seconds: processes are killed and what they left has to be noticed first. */
export default defineConfig({
  test: {
    include: ['test/faults/**/*.test.ts'],
    reporters: ['default', './test/support/count-reporter.ts'],
    testTimeout: 840_000,
    hookTimeout: 180_000,
    pool: 'forks',
    maxWorkers: 1,
    env: { TZ: 'UTC' },
  },
})
