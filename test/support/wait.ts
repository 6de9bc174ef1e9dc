import { setTimeout as pause } from 'node:timers/promises'

/** Looks until the condition holds; the test's own timeout is the limit. */
export async function waitUntil(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(10)
}
