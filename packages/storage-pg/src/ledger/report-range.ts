import { quarterMillis } from './entry-document.ts'

/** From an instant on, and until but not at another; undefined: without end. */
export interface Span {
  readonly from: number | undefined
  readonly to: number | undefined
}

/** What a report reads: sums of whole quarters of an hour, and single exchanges where it begins or ends within one. */
export interface ReportRange {
  /** Numbers of quarters; undefined where the report lies within one. */
  readonly quarters: Span | undefined
  /** Milliseconds since the epoch. */
  readonly edges: readonly { readonly from: number; readonly to: number }[]
}

/** Splits a report's time. What started before `horizonMillis` is known by its quarter only: one that an edge falls within is taken whole if it starts in time. */
export function reportRange({ since, until }: { readonly since?: number; readonly until?: number }, horizonMillis: number): ReportRange {
  const from = wholeMillis(since)
  const to = wholeMillis(until)
  if (from !== undefined && to !== undefined && from >= to) return { quarters: undefined, edges: [] }
  const first = from === undefined ? undefined : Math.ceil(from / quarterMillis)
  let past = to === undefined ? undefined : Math.floor(to / quarterMillis)
  const isKept = (quarter: number): boolean => (quarter + 1) * quarterMillis > horizonMillis
  if (to !== undefined && past !== undefined && past * quarterMillis < to && !isKept(past)) past += 1
  if (first !== undefined && past !== undefined && first > past) return { quarters: undefined, edges: edge(from, to, isKept(past)) }
  const before = first === undefined ? [] : edge(from, first * quarterMillis, isKept(first - 1))
  const after = past === undefined ? [] : edge(past * quarterMillis, to, true)
  const isEmpty = first !== undefined && first === past
  return { quarters: isEmpty ? undefined : { from: first, to: past }, edges: [...before, ...after] }
}

function edge(from: number | undefined, to: number | undefined, isKept: boolean): ReportRange['edges'] {
  return from !== undefined && to !== undefined && from < to && isKept ? [{ from, to }] : []
}

/**
 * Whole milliseconds that a database's integers bear, as numbers of quarters too; undefined for a bound that excludes nothing.
 * Exchanges start at whole milliseconds, so rounding up leaves out none and adds none.
 */
export function wholeMillis(instant: number | undefined): number | undefined {
  if (instant === undefined || Number.isNaN(instant)) return undefined
  return Math.ceil(Math.min(Math.max(instant, -maxMillis), maxMillis))
}

const maxMillis = 2_147_000_000 * quarterMillis

/** A table of sums: how many quarters of an hour one of its periods has. */
export interface SumTable {
  readonly name: string
  readonly quarters: number
  /** The first period that is in it whole, like all after it. @defaultValue all are */
  readonly since?: number
}

/** A stretch of one table, in its periods. */
export interface Stretch {
  readonly table: SumTable
  readonly periods: Span
}

/** Covers a span of quarters, once, by tables from coarse to fine: as much as possible by the first. The last must know quarters. */
export function stretchesOf(quarters: Span, [table, ...finer]: readonly SumTable[]): readonly Stretch[] {
  if (table === undefined || (quarters.from !== undefined && quarters.to !== undefined && quarters.from >= quarters.to)) return []
  const unit = table.quarters
  const first = Math.max(quarters.from === undefined ? -Infinity : Math.ceil(quarters.from / unit), table.since ?? -Infinity)
  const from = first === -Infinity ? undefined : first
  const to = quarters.to === undefined ? undefined : Math.floor(quarters.to / unit)
  if (from !== undefined && to !== undefined && from >= to) return stretchesOf(quarters, finer)
  const before = from === undefined ? [] : stretchesOf({ from: quarters.from, to: from * unit }, finer)
  const after = to === undefined ? [] : stretchesOf({ from: to * unit, to: quarters.to }, finer)
  return [{ table, periods: { from, to } }, ...before, ...after]
}
