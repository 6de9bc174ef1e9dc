/** What one check of doctor found. */
export interface Found {
  readonly state: 'good' | 'failed' | 'not configured'
  readonly detail: string
}

/** How long a check waits for an answer, ms. */
export const WITHIN_MS = 5000

export const good = (detail: string): Found => ({ state: 'good', detail })
export const bad = (detail: string): Found => ({ state: 'failed', detail })
export const absent = (variable: string): Found => ({
  state: 'not configured',
  detail: `${variable} is not set`,
})
