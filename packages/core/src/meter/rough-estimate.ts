import { noTokens, type RateConditions, type TokenBuckets, type UsageReport } from './usage.ts'

/** What a request says of what it may use. */
export interface RequestSize extends RateConditions {
  readonly model: string
  readonly bytes: number
  /** The request's `max_tokens`; undefined where it has none. */
  readonly maxTokens: number | undefined
}

/** JSON of prose and code, measured over recorded requests at 3 to 4 bytes a token. */
export const usualTokensPerByte = 0.32
/** Of an answer whose like has not been seen yet. */
export const usualOutputTokens = 1_500
/** Where a request does not say: the largest that current models answer. */
export const mostOutputTokens = 128_000
export const largestContext = 1_000_000

/** What a request may come to by its length alone: as a prompt of which nothing was in a cache. */
export function roughUsage(size: RequestSize): UsageReport {
  const { bytes, maxTokens = mostOutputTokens } = size
  return estimatedUsage(size, { cacheWrite5mTokens: Math.ceil(bytes * usualTokensPerByte), outputTokens: Math.min(maxTokens, usualOutputTokens) })
}

/** More than a request can come to whose prompt is no longer than `promptTokens`: all of it at the dearest rate, and all the output that it allows. */
export function mostUsage(size: RequestSize, promptTokens: number): UsageReport {
  const { maxTokens = mostOutputTokens } = size
  return estimatedUsage(size, { cacheWrite1hTokens: Math.min(largestContext, promptTokens), outputTokens: Math.min(maxTokens, largestContext) })
}

/** Tokens as a report that says that nobody has reported them. */
export function estimatedUsage({ model, speed, inferenceGeo }: RequestSize, tokens: Partial<TokenBuckets>): UsageReport {
  const total = { ...noTokens, ...tokens }
  const conditions: RateConditions = { ...(speed !== undefined && { speed }), ...(inferenceGeo !== undefined && { inferenceGeo }) }
  return { source: 'estimated', total, lines: [{ ...total, ...conditions, model, role: 'message' }], flags: ['nothing-reported'] }
}
