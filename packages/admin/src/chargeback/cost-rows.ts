import type { TokenBuckets } from '@sluice/core'

/** One group of a report, as the views of this folder look at it. `name` is null for what is attributed to nobody. */
export interface CostRow extends TokenBuckets {
  readonly name: string | null
  readonly exchanges: number
  readonly costNanoUsd: bigint
}

/** The sum of what rows cost. */
export function totalCost(rows: readonly Pick<CostRow, 'costNanoUsd'>[]): bigint {
  return rows.reduce((sum, row) => sum + row.costNanoUsd, 0n)
}

/** Rows, dearest first; ties by name, and what has none last. */
export function dearestFirst<Row extends Pick<CostRow, 'name' | 'costNanoUsd'>>(rows: readonly Row[]): readonly Row[] {
  return rows.toSorted((left, right) => {
    if (left.costNanoUsd !== right.costNanoUsd) return left.costNanoUsd > right.costNanoUsd ? -1 : 1
    if (left.name === right.name) return 0
    if (left.name === null || right.name === null) return left.name === null ? 1 : -1
    return left.name < right.name ? -1 : 1
  })
}

/** A part of a whole as a number from 0 to 1, to six places; 0 of nothing. */
export function shareOf(part: bigint, whole: bigint): number {
  return whole === 0n ? 0 : Number((part * 1_000_000n + whole / 2n) / whole) / 1_000_000
}
