import { dearestFirst, shareOf, totalCost, type CostRow } from './cost-rows.ts'

/** A place on a {@link leaderboard}. */
export interface LeaderboardPlace {
  /** 1 for the dearest; those that cost the same share a place. */
  readonly rank: number
  readonly name: string | null
  readonly exchanges: number
  readonly costNanoUsd: bigint
  /** Of all that was spent, from 0 to 1. */
  readonly share: number
  /** Of this and all dearer ones together. */
  readonly cumulativeShare: number
}

/** Who spent most, in order, each with the part it has in all. */
export function leaderboard(rows: readonly CostRow[]): readonly LeaderboardPlace[] {
  const total = totalCost(rows)
  let sum = 0n
  let rank = 0
  let before: bigint | undefined
  return dearestFirst(rows).map(({ name, exchanges, costNanoUsd }, at) => {
    sum += costNanoUsd
    if (costNanoUsd !== before) rank = at + 1
    before = costNanoUsd
    return { rank, name, exchanges, costNanoUsd, share: shareOf(costNanoUsd, total), cumulativeShare: shareOf(sum, total) }
  })
}
