/**
 * The alarm: one labelled timer for what a case waits for. It goes on ticking while signals are synced, and
 * is set anew only when its `key`, which names the wait, changes, because each setting is two events.
 */
import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow'

export type Alarm = ReturnType<typeof createAlarm>

export function createAlarm() {
  let current: { key: string; rang: 'no' | 'yes'; scope: CancellationScope } | null = null
  const stop = (): void => {
    current?.scope.cancel()
    current = null
  }
  const set = async (to: { key: string; ms: number; summary: string }): Promise<void> => {
    if (current?.key === to.key) return
    stop()
    const mine = { key: to.key, rang: 'no' as 'no' | 'yes', scope: new CancellationScope() }
    current = mine
    try {
      await mine.scope.run(() => sleep(to.ms, { summary: to.summary }))
      mine.rang = 'yes'
    } catch (error) {
      if (!isCancellation(error)) throw error
    }
  }
  return { set, stop, rang: (): boolean => current?.rang === 'yes' }
}
