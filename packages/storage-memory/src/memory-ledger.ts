import { ConfigurationError, type Ledger, type LedgerEntry } from '@sluice/core'
import { reportParts, ReportTotals, toEntryJson, toStorableEntry, toStorableText } from '@sluice/core/ledger'
import { Dictionary } from './dictionary.ts'
import { Entries } from './entries.ts'
import { takeLabels } from './part-labels.ts'
import { PartRows } from './part-rows.ts'
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
  const dictionary = new Dictionary()
  const entries = new Entries(dictionary)
  const parts = new PartRows(dictionary)
  const rollups = new Rollups(maxEntries, dictionary)
  const foldOldest = (): void => {
    for (let count = entries.shift(); count > 0; count -= 1) {
      rollups.add(parts.at(parts.first))
      parts.shift()
    }
  }
  return {
    append: async (entry) => {
      if (entries.has(toStorableText(entry.exchangeId))) return
      const { kept, json } = storableJson(entry)
      const keptParts = reportParts(kept)
      entries.push(kept, json, keptParts.length)
      for (const part of keptParts) {
        const row = parts.push(part.startedAt, takeLabels(dictionary, part))
        parts.fold(row, part)
        parts.time(row, part)
      }
      if (entries.size > maxEntries) foldOldest()
    },
    report: async (query) => {
      const totals = new ReportTotals(query)
      for (const part of rollups) if (totals.covers(part.startedAt)) totals.add(part)
      for (const part of parts) if (totals.covers(part.startedAt)) totals.add(part)
      return totals.rows()
    },
    exchanges: async (query) => entries.list(query),
    get size() {
      return entries.size
    },
    get foldedRows() {
      return rollups.rows
    },
  }
}

/** An entry with storable text, and its JSON. Copies only where it must: all that the rule for text replaces shows as an escape. */
function storableJson(entry: LedgerEntry): { readonly kept: LedgerEntry; readonly json: string } {
  const json = toEntryJson(entry)
  if (!json.includes('\\u')) return { kept: entry, json }
  const kept = toStorableEntry(entry)
  return { kept, json: toEntryJson(kept) }
}
