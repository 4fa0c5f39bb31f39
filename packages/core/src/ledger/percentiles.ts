import type { Percentiles } from '../ports/ledger.ts'

/** Nearest-rank percentiles: each is a value that occurred. Undefined for no values. */
export function percentilesOf(values: readonly number[]): Percentiles | undefined {
  if (values.length === 0) return undefined
  const sorted = Float64Array.from(values).sort()
  const rank = (percent: number): number => sorted[Math.ceil((percent * sorted.length) / 100) - 1] as number
  return { p50: rank(50), p90: rank(90), p99: rank(99) }
}
