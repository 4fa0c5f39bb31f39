import type { Attribution } from '../entry/attribution.ts'
import type { TokenBuckets } from '../meter/usage.ts'
import type { Settlement } from '../entry/settlement.ts'
import type { Principal } from './key-ring.ts'

/** One settled exchange with whom it belongs to: the unit of spend. Plain data; structured-cloneable. */
export interface LedgerEntry extends Settlement {
  readonly attribution: Attribution
  readonly principal?: Principal
}

/**
 * What a report can be grouped by. `hour` and `day` are those the exchange started in, by the clock on the wall of the report's time zone: `2026-11-24T13` and
 * `2026-11-24`. Where that clock is set back, both passes of the hour have one name. `developer` is the attributed one, else the key's. `model` is the model that
 * each part of the usage ran on; for an exchange without usage, the one sent upstream, else the one asked for. `agent`, `session` and the like may be null. `key` is the key's id, `scope` the path of its own scope; `organisation` to `costCentre` are the paths of
 * the scopes of that level above it.
 */
export type ReportDimension =
  | 'session'
  | 'developer'
  | 'repository'
  | 'model'
  | 'agent'
  | 'kind'
  | 'outcome'
  | 'key'
  | 'scope'
  | 'organisation'
  | 'businessUnit'
  | 'subBusinessUnit'
  | 'costCentre'
  | 'hour'
  | 'day'

/** A question to a ledger. */
export interface ReportQuery {
  readonly groupBy: readonly ReportDimension[]
  /** Exchanges started at or after this instant, milliseconds since the epoch. @defaultValue from the beginning */
  readonly since?: number
  /** Exchanges started before this instant. @defaultValue to the end */
  readonly until?: number
  /** IANA time zone of `hour` and `day`. @defaultValue 'UTC' */
  readonly timeZone?: string
  /** Whether rows have `firstByteMillis` and `durationMillis`, which cost a store more than sums do. @defaultValue false */
  readonly percentiles?: boolean
  /** At most this many rows: the dearest, as the order of rows says. @defaultValue all */
  readonly limit?: number
  /** Only exchanges whose dimension has this value; for `model`, only what they ran up on that model. */
  readonly where?: Readonly<Partial<Record<Exclude<ReportDimension, 'hour' | 'day'>, string>>>
}

/** A distribution, in milliseconds. Percentiles are nearest-rank over the group's exchanges; absent where none had the figure. */
export interface Percentiles {
  readonly p50: number
  readonly p90: number
  readonly p99: number
}

/**
 * One group of a report; a group without exchanges has no row. Sums are exact. Token sums hold every priced part, so compaction and advisor iterations count here.
 * By model, each part of an exchange goes to its own model: an exchange that used two counts in both rows (`exchanges`, percentiles), its tokens and cost in one each.
 */
export interface ReportRow extends TokenBuckets {
  /** The group's value per dimension asked for; null where the exchanges do not have it. */
  readonly group: Readonly<Partial<Record<ReportDimension, string | null>>>
  readonly exchanges: number
  readonly costNanoUsd: bigint
  /** Exchanges whose cost is assumed or left out because a model's price is unknown: never hidden in the sum. By model, those with such a line on this model. */
  readonly unpricedExchanges: number
  /** Exchanges whose usage is partial or estimated. One that had nothing to report is not among them. */
  readonly partialExchanges: number
  /** From the request to the upstream's first body byte. Where the query asks for percentiles. */
  readonly firstByteMillis?: Percentiles
  /** From the request to the end. Where the query asks for percentiles. */
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
 * Exchanges that have begun and are not settled: what a crash must not lose. Entries here are in no report and no list.
 * The contract is executable: `provisionalContract` of `@sluice/core/testing`.
 */
export interface ProvisionalEntries {
  /**
   * Keeps, durably, what an exchange is to count as if it is never settled; called before the upstream is asked. `append` of the same exchange takes it away.
   * Idempotent by `exchangeId`; does nothing for an exchange that has been appended.
   */
  readonly open: (entry: LedgerEntry, owner: string) => Promise<void>
  /** Says that a process lives, and that what it has opened is its own until this instant. */
  readonly keepAlive: (owner: string, until: number) => Promise<void>
  /**
   * Moves into the ledger what dead owners have left: those whose instant has passed, and those that never gave one. Of racing callers each entry is moved by exactly
   * one, which resolves with it. An `append` that comes later all the same takes the entry's place: the truth beats the estimate, once. At most `limit`.
   */
  readonly recover: (at: number, limit: number) => Promise<readonly LedgerEntry[]>
}

/**
 * Keeps what every exchange cost. The contract is executable: `ledgerContract` of `@sluice/core/testing`.
 *
 * Text is kept well-formed: NUL and lone surrogates become U+FFFD, in entries and in the values a query looks for alike (`toStorableEntry`, `toStorableText`).
 * What a ledger returns is the caller's own: changing it changes nothing that is kept.
 */
export interface Ledger {
  /**
   * Keeps an entry. Idempotent by `exchangeId`: of several appends of one id, racing or not, exactly one is kept, and its figures are those of the first.
   * Resolves once the entry is as safe as this store makes it; rejects when it is not kept.
   */
  readonly append: (entry: LedgerEntry) => Promise<void>
  /**
   * Groups and sums. Rows come dearest first, ties in order of their group's values: by code point (the order of UTF-8), null last.
   * Sees every entry whose append has resolved. @throws RangeError for an unknown time zone or dimension
   */
  readonly report: (query: ReportQuery) => Promise<readonly ReportRow[]>
  /** Lists entries by start, newest first; of one instant, the later exchange id first. Conditions combine: all must hold. */
  readonly exchanges: (query: ExchangeQuery) => Promise<readonly LedgerEntry[]>
  /** For stores that outlive their process. Without it, a crash loses the exchanges that were under way. */
  readonly provisional?: ProvisionalEntries
}
