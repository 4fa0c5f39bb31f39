import { ConfigurationError, type Ledger, type LedgerEntry } from '@sluice/core'
import { listEntries, reportParts, ReportTotals, toStorableEntry } from '@sluice/core/ledger'
import { Rollups } from './rollups.ts'

/** Options of {@link memoryLedger}. */
export interface MemoryLedgerOptions {
  /**
   * How many exchanges are kept whole. When one more comes, the oldest is folded into sums: reports stay exact by every dimension, hour and day,
   * while lists and percentiles cover what is kept. As many rows of sums are kept, then the oldest of those lose all but their time.
   * @defaultValue 100000
   */
  readonly maxEntries?: number
}

/** Defaults of {@link MemoryLedgerOptions}. */
export const defaultMemoryLedgerOptions: { readonly maxEntries: number } = Object.freeze({ maxEntries: 100_000 })

/** A memory ledger, and how full it is. */
export interface MemoryLedger extends Ledger {
  /** Exchanges kept whole. */
  readonly size: number
  /** Rows of sums that stand for exchanges no longer kept. */
  readonly foldedRows: number
}

/**
 * A {@link Ledger} in this process's memory: for development, tests, and gateways whose spend is recorded elsewhere too. It is gone when the process ends.
 *
 * What was folded knows its start to the quarter of an hour: a report whose `since` or `until` falls within one takes the whole quarter, or none of it.
 * An exchange id is known as long as its entry is kept whole.
 *
 * @throws ConfigurationError for a `maxEntries` that is not a positive whole number
 */
export function memoryLedger(options: MemoryLedgerOptions = {}): MemoryLedger {
  const maxEntries = options.maxEntries ?? defaultMemoryLedgerOptions.maxEntries
  if (!Number.isSafeInteger(maxEntries) || maxEntries <= 0)
    throw new ConfigurationError('memoryLedger.maxEntries', `${maxEntries} is not a positive whole number.`)
  const entries = new Map<string, LedgerEntry>()
  // Lives as long as the map: keys come in order of insertion, each once, so finding the oldest costs no search.
  const oldest = entries.keys()
  const rollups = new Rollups(maxEntries)
  return {
    append: async (entry) => {
      const kept = toStorableEntry(entry)
      if (entries.has(kept.exchangeId)) return
      entries.set(kept.exchangeId, kept)
      if (entries.size <= maxEntries) return
      const id = oldest.next().value as string
      for (const part of reportParts(entries.get(id) as LedgerEntry)) rollups.add(part)
      entries.delete(id)
    },
    report: async (query) => {
      const totals = new ReportTotals(query)
      for (const part of rollups) if (totals.covers(part.startedAt)) totals.add(part)
      for (const entry of entries.values()) if (totals.covers(entry.startedAt)) for (const part of reportParts(entry)) totals.add(part)
      return totals.rows()
    },
    exchanges: async (query) => listEntries(entries.values(), query),
    get size() {
      return entries.size
    },
    get foldedRows() {
      return rollups.rows
    },
  }
}
