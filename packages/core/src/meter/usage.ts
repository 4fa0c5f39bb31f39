/**
 * Token counts in disjoint buckets: no token stands in two. `freshInputTokens` is what the Messages API calls `input_tokens`
 * (cache excluded); conventions whose input includes the cache (OpenAI, OpenTelemetry) are converted at the edge.
 */
export interface TokenBuckets {
  readonly freshInputTokens: number
  readonly cacheReadTokens: number
  readonly cacheWrite5mTokens: number
  readonly cacheWrite1hTokens: number
  readonly outputTokens: number
  /** Server tool units, billed per request. */
  readonly webSearchRequests: number
  readonly webFetchRequests: number
}

/** What changes the rate, as the response reported it. */
export interface RateConditions {
  /** `fast` swaps the base rates. */
  readonly speed?: string
  /** `us` costs 1.1 times. */
  readonly inferenceGeo?: string
  /** `batch` costs half. */
  readonly serviceTier?: string
}

/** Usage that one model ran up within an exchange. */
export interface UsageLine extends TokenBuckets, RateConditions {
  readonly model: string
  /** `message` for the reply itself; else the kind of iteration that the top-level usage leaves out: `compaction`, `advisor_message`; `lost-attempt` for what a try came to whose reply was never handed on. */
  readonly role: string
}

/**
 * How far a figure can be trusted. `final`: the upstream finished and said so; `partial`: the reply was cut after it had begun
 * (what was reported, plus an estimate of the output seen); `estimated`: nothing was reported; `none`: there was nothing to report.
 */
export type UsageSource = 'final' | 'partial' | 'estimated' | 'none'

/** What an exchange used. */
export interface UsageReport {
  readonly source: UsageSource
  /** The reply's own usage; all zero where the source is `none`. */
  readonly total: TokenBuckets
  /** Every priced part, the reply first; empty where the source is `none`. */
  readonly lines: readonly UsageLine[]
  /** Oddities worth showing: `cache-split-stale`, `output-estimated`. */
  readonly flags: readonly string[]
}

export const noTokens: TokenBuckets = {
  freshInputTokens: 0,
  cacheReadTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  webSearchRequests: 0,
  webFetchRequests: 0,
}

export const noUsage: UsageReport = { source: 'none', total: noTokens, lines: [], flags: [] }

/** Prompt tokens of a request, cache included: what context tiers go by. */
export function promptTokens(buckets: TokenBuckets): number {
  return buckets.freshInputTokens + buckets.cacheReadTokens + buckets.cacheWrite5mTokens + buckets.cacheWrite1hTokens
}

/** Sum of two, bucket by bucket. */
export function addTokens(left: TokenBuckets, right: TokenBuckets): TokenBuckets {
  return {
    freshInputTokens: left.freshInputTokens + right.freshInputTokens,
    cacheReadTokens: left.cacheReadTokens + right.cacheReadTokens,
    cacheWrite5mTokens: left.cacheWrite5mTokens + right.cacheWrite5mTokens,
    cacheWrite1hTokens: left.cacheWrite1hTokens + right.cacheWrite1hTokens,
    outputTokens: left.outputTokens + right.outputTokens,
    webSearchRequests: left.webSearchRequests + right.webSearchRequests,
    webFetchRequests: left.webFetchRequests + right.webFetchRequests,
  }
}
