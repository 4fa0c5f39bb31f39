import { dearestFirst, shareOf, totalCost, type CostRow } from './cost-rows.ts'

/** How much of all that was spent few of them spent. */
export interface Concentration {
  /** How many there are that have a name. */
  readonly members: number
  readonly costNanoUsd: bigint
  /** What the dearest percent of them spent, rounded up to whole ones. */
  readonly top: readonly { readonly percent: number; readonly members: number; readonly costNanoUsd: bigint; readonly share: number }[]
  /** 0 where everybody spends the same, near 1 where one spends all (Gini). */
  readonly gini: number
}

/** The share of the top 1, 10, 20 and 50 percent. What belongs to nobody is left out. */
export function concentration(rows: readonly CostRow[]): Concentration {
  const named = dearestFirst(rows.filter(({ name }) => name !== null))
  const total = totalCost(named)
  return {
    members: named.length,
    costNanoUsd: total,
    top: [1, 10, 20, 50].map((percent) => {
      const members = Math.ceil((named.length * percent) / 100)
      const costNanoUsd = totalCost(named.slice(0, members))
      return { percent, members, costNanoUsd, share: shareOf(costNanoUsd, total) }
    }),
    gini: giniOf(named.map(({ costNanoUsd }) => costNanoUsd)),
  }
}

/** Of amounts in falling order: 1 + 1/n - 2 * sum(i * x_i) / (n * sum(x)), with i from 1 for the greatest. */
function giniOf(falling: readonly bigint[]): number {
  const count = BigInt(falling.length)
  const total = falling.reduce((sum, amount) => sum + amount, 0n)
  if (total === 0n) return 0
  const weighted = falling.reduce((sum, amount, at) => sum + amount * BigInt(at + 1), 0n)
  const numerator = (count + 1n) * total - 2n * weighted
  return Math.max(0, shareOf(numerator, count * total))
}
