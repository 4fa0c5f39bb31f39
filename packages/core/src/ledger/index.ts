/**
 * For writers of storage adapters: what every ledger answers alike, so that an adapter only stores. The contract is in `@sluice/core/testing`.
 *
 * @packageDocumentation
 */
export { listEntries } from './list-entries.ts'
export { parseEntryJson, toEntryJson } from './entry-json.ts'
export { percentilesOf } from './percentiles.ts'
export { reportParts, type EntryDimension, type ExchangeCounts, type ReportPart } from './report-parts.ts'
export { entryDimensions, ReportTotals, reportRows } from './report-totals.ts'
export { toStorable, toStorableEntry, toStorableText } from './storable.ts'
export { compareText } from './text-order.ts'
export { zonedLabels, type ZonedLabels } from './zoned-labels.ts'
