import type { Cost } from '../meter/price.ts'
import type { TokenBuckets, UsageReport } from '../meter/usage.ts'
import type { Budget } from '../ports/budget-book.ts'

/** An amount in each unit that budgets count in. */
export type UnitAmounts = Readonly<Record<Budget['unit'], bigint>>

/** All tokens of a bucket set, cache reads included. */
export function tokensIn(buckets: TokenBuckets): number {
  return buckets.freshInputTokens + buckets.cacheReadTokens + buckets.cacheWrite5mTokens + buckets.cacheWrite1hTokens + buckets.outputTokens
}

/** What usage comes to in a budget's unit. Tokens are those of every part, so iterations on other models count too. A request counts once it has used anything. */
function amountIn(unit: Budget['unit'], usage: UsageReport, cost: Cost): bigint {
  if (unit === 'nano-usd') return cost.nanoUsd
  if (unit === 'tokens') return usage.lines.reduce((sum, line) => sum + BigInt(tokensIn(line)), 0n)
  return usage.source === 'none' ? 0n : 1n
}

/** What usage comes to in every unit. */
export function amountsOf({ usage, cost }: { readonly usage: UsageReport; readonly cost: Cost }): UnitAmounts {
  return { 'nano-usd': amountIn('nano-usd', usage, cost), tokens: amountIn('tokens', usage, cost), requests: amountIn('requests', usage, cost) }
}
