import { noTokens, type Percentiles, type ReportDimension, type ReportRow, type TokenBuckets } from '@sluice/core'
import { entryDimensions } from '@sluice/core/ledger'
import { z } from 'zod'

/** Every dimension of a report, in the order of its columns. */
export const dimensions: readonly ReportDimension[] = ['day', 'hour', ...entryDimensions]

/** A report's row as `sluice report --json` shows it: the group's values flat beside the sums; null where the exchanges have none. */
export interface ReportRowJson extends TokenBuckets, Readonly<Partial<Record<ReportDimension, string | null>>> {
  readonly exchanges: number
  /** Text, so that no reader rounds it. */
  readonly costNanoUsd: string
  /** Exchanges whose cost is assumed or left out, because a model has no known price. */
  readonly unpricedExchanges: number
  /** Exchanges whose usage is not final. */
  readonly partialExchanges: number
  readonly firstByteMillis: Percentiles | null
  readonly durationMillis: Percentiles | null
}

/** A report's row as plain JSON. */
export function toReportRowJson(row: ReportRow): ReportRowJson {
  return {
    ...row.group,
    exchanges: row.exchanges,
    freshInputTokens: row.freshInputTokens,
    cacheReadTokens: row.cacheReadTokens,
    cacheWrite5mTokens: row.cacheWrite5mTokens,
    cacheWrite1hTokens: row.cacheWrite1hTokens,
    outputTokens: row.outputTokens,
    webSearchRequests: row.webSearchRequests,
    webFetchRequests: row.webFetchRequests,
    costNanoUsd: row.costNanoUsd.toString(),
    unpricedExchanges: row.unpricedExchanges,
    partialExchanges: row.partialExchanges,
    firstByteMillis: row.firstByteMillis ?? null,
    durationMillis: row.durationMillis ?? null,
  }
}

/** The total of no exchanges at all. */
export const emptyTotal: ReportRowJson = {
  exchanges: 0,
  ...noTokens,
  costNanoUsd: '0',
  unpricedExchanges: 0,
  partialExchanges: 0,
  firstByteMillis: null,
  durationMillis: null,
}

const percentiles = z.strictObject({ p50: z.number(), p90: z.number(), p99: z.number() }).nullable()

/** The schema of {@link ReportRowJson}. */
export const reportRowAnswer: z.ZodType = z.strictObject({
  ...Object.fromEntries(dimensions.map((dimension) => [dimension, z.string().nullable().optional()])),
  exchanges: z.number(),
  freshInputTokens: z.number(),
  cacheReadTokens: z.number(),
  cacheWrite5mTokens: z.number(),
  cacheWrite1hTokens: z.number(),
  outputTokens: z.number(),
  webSearchRequests: z.number(),
  webFetchRequests: z.number(),
  costNanoUsd: z.string().regex(/^-?\d+$/),
  unpricedExchanges: z.number(),
  partialExchanges: z.number(),
  firstByteMillis: percentiles,
  durationMillis: percentiles,
})
