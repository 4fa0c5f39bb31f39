import { dearestFirst, totalCost, type CostRow } from './cost-rows.ts'

/** Sessions whose cost lies from `fromNanoUsd` up to, and without, `toNanoUsd`; the last has no upper end. */
export interface SessionCostBin {
  readonly fromNanoUsd: bigint
  readonly toNanoUsd: bigint | undefined
  readonly sessions: number
  readonly costNanoUsd: bigint
}

/** How what sessions cost is spread. */
export interface SessionCosts {
  readonly sessions: number
  readonly costNanoUsd: bigint
  /** Nearest rank; undefined where there is no session. */
  readonly medianNanoUsd: bigint | undefined
  readonly p90NanoUsd: bigint | undefined
  readonly mostNanoUsd: bigint | undefined
  readonly bins: readonly SessionCostBin[]
  /** What belongs to no session: side calls of other clients. */
  readonly withoutSessionNanoUsd: bigint
}

/** Where bins begin, in nano-USD: 1, 2 and 5 of each power of ten from a cent to a hundred dollars, and 0 before them. */
const binStarts: readonly bigint[] = [
  0n,
  ...[10_000_000n, 100_000_000n, 1_000_000_000n, 10_000_000_000n].flatMap((unit) => [unit, unit * 2n, unit * 5n]),
  100_000_000_000n,
]

/** The histogram of what sessions cost. Every session is in exactly one bin. */
export function sessionCosts(rows: readonly CostRow[]): SessionCosts {
  const sessions = rows.filter(({ name }) => name !== null)
  const costs = dearestFirst(sessions).map(({ costNanoUsd }) => costNanoUsd)
  const rankAt = (percent: number): bigint | undefined => costs[costs.length - Math.max(1, Math.ceil((percent / 100) * costs.length))]
  return {
    sessions: sessions.length,
    costNanoUsd: totalCost(sessions),
    medianNanoUsd: rankAt(50),
    p90NanoUsd: rankAt(90),
    mostNanoUsd: costs[0],
    bins: binStarts.map((fromNanoUsd, at) => {
      const toNanoUsd = binStarts[at + 1]
      const within = sessions.filter(({ costNanoUsd }) => costNanoUsd >= fromNanoUsd && (toNanoUsd === undefined || costNanoUsd < toNanoUsd))
      return { fromNanoUsd, toNanoUsd, sessions: within.length, costNanoUsd: totalCost(within) }
    }),
    withoutSessionNanoUsd: totalCost(rows.filter(({ name }) => name === null)),
  }
}
