import type { SwitchArithmetic } from '../entry/route-record.ts'
import type { Pricing } from '../meter/price.ts'
import { noTokens, type RateConditions, type TokenBuckets, type UsageReport } from '../meter/usage.ts'
import type { CapabilityTable } from './capabilities.ts'

/** What a switch is reckoned from. Token counts are those of the present model. */
export interface SwitchQuestion {
  readonly pricing: Pricing
  readonly capabilities: CapabilityTable
  readonly from: string
  readonly to: string
  readonly at: number
  readonly promptTokens: number
  readonly warmTokens: number
  readonly outputTokens: number
  readonly growthTokens: number
  readonly remainingTurns: number
  /** True where the client has its prefix cached for an hour, which costs more to write. */
  readonly isLongCache: boolean
  /** What changes the rates, as the request asks for it. */
  readonly conditions: RateConditions
}

/** A switch must save at least this part of what staying costs: the counts are estimates, and a cache that is thrown away does not come back. */
const leastPercentSaved = 5n

/**
 * What staying costs over the turns that are expected, and what switching does: the new model reads nothing from a cache at first, and counts tokens its own way.
 * Priced by the list in force, so that tiers, speed and region are in it.
 */
export function switchArithmetic(question: SwitchQuestion): SwitchArithmetic {
  const { pricing, capabilities, from, to, at, promptTokens, outputTokens, growthTokens, isLongCache, conditions } = question
  const remainingTurns = Math.max(1, Math.trunc(question.remainingTurns))
  const warmTokens = Math.min(question.warmTokens, promptTokens)
  const tokensPerThousand = tokenRatio(capabilities, from, to)
  const priced = (model: string, turn: number, perThousand: number, warmAtFirst: number): bigint => {
    const prompt = promptTokens + turn * growthTokens
    const read = turn === 0 ? warmAtFirst : promptTokens + (turn - 1) * growthTokens
    const scaled = (tokens: number): number => Math.ceil((tokens * perThousand) / 1_000)
    const written = scaled(prompt) - scaled(read)
    const tokens: TokenBuckets = {
      ...noTokens,
      cacheReadTokens: scaled(read),
      cacheWrite5mTokens: isLongCache ? 0 : written,
      cacheWrite1hTokens: isLongCache ? written : 0,
      outputTokens: scaled(outputTokens),
    }
    return pricing.cost(reportOf(model, tokens, conditions), at).nanoUsd
  }
  let stayNanoUsd = 0n
  let switchNanoUsd = 0n
  for (let turn = 0; turn < remainingTurns; turn += 1) {
    stayNanoUsd += priced(from, turn, 1_000, warmTokens)
    switchNanoUsd += priced(to, turn, tokensPerThousand, 0)
  }
  const isWorthIt = switchNanoUsd * 100n <= stayNanoUsd * (100n - leastPercentSaved) && switchNanoUsd < stayNanoUsd
  const { priceVersion } = pricing.cost(reportOf(to, noTokens, {}), at)
  return {
    from,
    to,
    promptTokens,
    warmTokens,
    outputTokens,
    growthTokens,
    remainingTurns,
    tokensPerThousand,
    stayNanoUsd,
    switchNanoUsd,
    isWorthIt,
    priceVersion,
  }
}

/** Tokens of one model for a thousand of another's. */
export function tokenRatio(capabilities: CapabilityTable, from: string, to: string): number {
  return Math.round((1_000 * capabilities(to).tokensPerThousand) / capabilities(from).tokensPerThousand)
}

/** A report of one line, for pricing what has not happened. */
export function reportOf(model: string, tokens: TokenBuckets, conditions: RateConditions): UsageReport {
  return { source: 'estimated', total: tokens, lines: [{ ...tokens, ...conditions, model, role: 'message' }], flags: [] }
}

/**
 * The least output, in tokens, from which one turn on another model pays, where the present model's cache holds the whole prompt and the session comes back to it.
 * Undefined where no output is long enough. `promptTokens` and the answer are counted by the present model.
 */
export function breakEvenOutputTokens(question: Pick<SwitchQuestion, 'pricing' | 'capabilities' | 'from' | 'to' | 'at' | 'promptTokens'>): number | undefined {
  const { pricing, capabilities, from, to, at, promptTokens } = question
  const ratio = tokenRatio(capabilities, from, to)
  const scaled = (tokens: number): number => Math.ceil((tokens * ratio) / 1_000)
  const cost = (model: string, tokens: Partial<TokenBuckets>): bigint => pricing.cost(reportOf(model, { ...noTokens, ...tokens }, {}), at).nanoUsd
  const saved = (outputTokens: number): bigint =>
    cost(from, { cacheReadTokens: promptTokens, outputTokens }) - cost(to, { cacheWrite5mTokens: scaled(promptTokens), outputTokens: scaled(outputTokens) })
  if (saved(0) >= 0n) return 0
  let high = 1
  while (saved(high) < 0n) {
    if (high > 10_000_000) return undefined
    high *= 2
  }
  let low = high / 2
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (saved(middle) < 0n) low = middle
    else high = middle
  }
  return high
}
