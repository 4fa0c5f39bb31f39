import type { Attribution } from '../entry/attribution.ts'
import type { TokenBuckets } from '../meter/usage.ts'
import type { Settlement } from '../entry/settlement.ts'
import type { Principal } from './key-ring.ts'

/** One settled exchange with whom it belongs to: the unit of spend. Plain data; structured-cloneable. */
export interface LedgerEntry extends Settlement {
  readonly attribution: Attribution
  readonly principal?: Principal
}

/** What a report can be grouped by. `hour` and `day` are starts in the report's time zone, `2026-11-24T13` and `2026-11-24`. */
export type ReportDimension = 'session' | 'developer' | 'repository' | 'model' | 'agent' | 'kind' | 'outcome' | 'hour' | 'day'

/** A question to a ledger. */
export interface ReportQuery {
  readonly groupBy: readonly ReportDimension[]
  /** Exchanges started at or after this instant, milliseconds since the epoch. @defaultValue from the beginning */
  readonly since?: number
  /** Exchanges started before this instant. @defaultValue to the end */
  readonly until?: number
  /** IANA time zone of `hour` and `day`. @defaultValue 'UTC' */
  readonly timeZone?: string
  /** Only exchanges whose dimension has this value. */
  readonly where?: Readonly<Partial<Record<Exclude<ReportDimension, 'hour' | 'day'>, string>>>
}

/** A distribution, in milliseconds. Percentiles are nearest-rank over the group's exchanges; absent where none had the figure. */
export interface Percentiles {
  readonly p50: number
  readonly p90: number
  readonly p99: number
}

/** One group of a report. Sums are exact. Token sums hold every priced part, so compaction and advisor iterations count here. */
export interface ReportRow extends TokenBuckets {
  /** The group's value per dimension asked for; null where the exchanges do not have it. */
  readonly group: Readonly<Partial<Record<ReportDimension, string | null>>>
  readonly exchanges: number
  readonly costNanoUsd: bigint
  /** Exchanges whose cost is assumed or left out because a model's price is unknown: never hidden in the sum. */
  readonly unpricedExchanges: number
  /** Exchanges whose usage is not final. */
  readonly partialExchanges: number
  /** From the request to the upstream's first body byte. */
  readonly firstByteMillis?: Percentiles
  /** From the request to the end. */
  readonly durationMillis?: Percentiles
}

/** Which exchanges to list, newest first. */
export interface ExchangeQuery {
  readonly since?: number
  readonly until?: number
  /** Finds by exchange id, upstream request id or message id. */
  readonly id?: string
  readonly session?: string
  /** At most this many. @defaultValue 100 */
  readonly limit?: number
}

/**
 * Keeps what every exchange cost. Contract in `@sluice/core/testing`.
 */
export interface Ledger {
  /**
   * Keeps an entry. Idempotent by `exchangeId`: of several appends of one id, racing or not, exactly one is kept, and its figures are those of the first.
   * Resolves once the entry is as safe as this store makes it; rejects when it is not kept.
   */
  readonly append: (entry: LedgerEntry) => Promise<void>
  /** Groups and sums; rows come dearest first, ties in order of their group. Sees every entry whose append has resolved. @throws RangeError for an unknown time zone */
  readonly report: (query: ReportQuery) => Promise<readonly ReportRow[]>
  /** Lists entries by start, newest first. */
  readonly exchanges: (query: ExchangeQuery) => Promise<readonly LedgerEntry[]>
}
