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
  const from = clamped(since)
  const to = clamped(until)
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

/** Instants that a database's integers bear; infinities are no bounds at all. */
function clamped(instant: number | undefined): number | undefined {
  if (instant === undefined || Number.isNaN(instant)) return undefined
  return Math.ceil(Math.min(Math.max(instant, -maxMillis), maxMillis))
}

/** What JavaScript's dates reach. */
const maxMillis = 8.64e15

/** Whole days within a span of quarters, and what is left of it before and after. */
export function wholeDays(quarters: Span): { readonly days: Span; readonly rest: readonly Span[] } | undefined {
  const first = quarters.from === undefined ? undefined : Math.ceil(quarters.from / 96)
  const past = quarters.to === undefined ? undefined : Math.floor(quarters.to / 96)
  if (first !== undefined && past !== undefined && first >= past) return undefined
  const rest: Span[] = []
  if (quarters.from !== undefined && first !== undefined && quarters.from < first * 96) rest.push({ from: quarters.from, to: first * 96 })
  if (quarters.to !== undefined && past !== undefined && past * 96 < quarters.to) rest.push({ from: past * 96, to: quarters.to })
  return { days: { from: first, to: past }, rest }
}
