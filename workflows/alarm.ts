/**
 * The alarm: one labelled timer for what a case waits for. It goes on ticking while signals are synced, and
 * is set anew only when the wait itself changes, because each setting is two events.
 */
import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow'

interface Setting {
  /** Names the wait; the same wait keeps its timer. */
  readonly key: string
  readonly ms: number
  readonly summary: string
}

export interface Alarm {
  readonly set: (setting: Setting) => void
  readonly rang: () => boolean
  readonly stop: () => void
}

export function createAlarm(): Alarm {
  let current: { key: string; rang: 'no' | 'yes'; scope: CancellationScope } | null = null
  const stop = (): void => {
    current?.scope.cancel()
    current = null
  }
  return {
    stop,
    rang: () => current?.rang === 'yes',
    set: ({ key, ms, summary }) => {
      if (current?.key === key) return
      stop()
      const scope = new CancellationScope()
      const mine: NonNullable<typeof current> = { key, rang: 'no', scope }
      current = mine
      scope
        .run(() => sleep(ms, { summary }))
        .then(
          () => {
            mine.rang = 'yes'
          },
          (error: unknown) => {
            if (!isCancellation(error)) throw error
          },
        )
    },
  }
}
