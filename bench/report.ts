/**
 * A *metric* is one measured number of this run, with the baseline it stands beside. A *target* says what
 * would be good and whether the number is; it never fails the run. *Shown* as a table or one JSON object a line.
 */

export interface Metric {
  readonly metric: string
  readonly value: number
  readonly unit: string
  /** The same measured on the baseline in the same run; null where there is none. */
  readonly baseline: number | null
  /** value / baseline. */
  readonly ratio: number | null
  readonly target: string | null
  readonly met: boolean | null
}

/** What would be good: a ratio to the baseline, a distance from it, or a bound. */
export type Target =
  | { readonly atLeastTimes: number }
  | { readonly atMostPlus: number }
  | { readonly atMost: number }

export interface Measured {
  readonly metric: string
  readonly value: number
  readonly unit: string
  readonly baseline?: number
  readonly target?: Target
}

export function metricOf(measured: Measured): Metric {
  const { metric, value, unit, target } = measured
  const baseline = measured.baseline ?? null
  const ratio = baseline === null || baseline === 0 ? null : value / baseline
  return {
    metric,
    value: rounded(value),
    unit,
    baseline: baseline === null ? null : rounded(baseline),
    ratio: ratio === null ? null : rounded(ratio),
    target: target === undefined ? null : sayTarget(target, unit),
    met: target === undefined ? null : meets({ value, baseline, target }),
  }
}

function sayTarget(target: Target, unit: string): string {
  if ('atLeastTimes' in target) return `>= ${target.atLeastTimes} x baseline`
  if ('atMostPlus' in target) return `<= baseline + ${target.atMostPlus} ${unit}`
  return `<= ${target.atMost} ${unit}`
}

function meets(input: { value: number; baseline: number | null; target: Target }): boolean | null {
  const { value, baseline, target } = input
  if ('atMost' in target) return value <= target.atMost
  if (baseline === null) return null
  return 'atLeastTimes' in target
    ? value >= target.atLeastTimes * baseline
    : value <= baseline + target.atMostPlus
}

const rounded = (value: number): number => Number(value.toPrecision(4))

/** The nearest-rank percentile, `part` from 0 to 1; NaN of nothing. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((left, right) => left - right)
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN
}

export const median = (values: readonly number[]): number => percentile(values, 0.5)

const COLUMNS = ['metric', 'value', 'unit', 'baseline', 'ratio', 'target', 'met'] as const

export const jsonLines = (metrics: readonly Metric[]): string =>
  metrics.map((metric) => `${JSON.stringify(metric)}\n`).join('')

export function table(metrics: readonly Metric[]): string {
  const rows = [
    COLUMNS.map(String),
    ...metrics.map((metric) => COLUMNS.map((key) => cell(metric[key]))),
  ]
  const widths = COLUMNS.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (row: readonly string[]) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return `${rows.map(line).join('\n')}\n`
}

function cell(value: string | number | boolean | null): string {
  if (value === null) return '-'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return String(value)
}
