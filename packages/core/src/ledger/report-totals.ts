import type { LedgerEntry, Percentiles, ReportDimension, ReportQuery, ReportRow } from '../ports/ledger.ts'
import { percentilesOf } from './percentiles.ts'
import { reportParts, type EntryDimension, type ReportPart } from './report-parts.ts'
import { toStorableText } from './storable.ts'
import { compareText } from './text-order.ts'
import { zonedLabels } from './zoned-labels.ts'

/** Every dimension but `hour` and `day`, in the order in which they are named to people. */
export const entryDimensions: readonly EntryDimension[] = [
  'session',
  'developer',
  'repository',
  'model',
  'agent',
  'kind',
  'outcome',
  'key',
  'scope',
  'organisation',
  'businessUnit',
  'subBusinessUnit',
  'costCentre',
]

/** The rows of a report over entries as a ledger keeps them. The whole of `Ledger.report` for a store that can afford to read all it has. */
export function reportRows(entries: Iterable<LedgerEntry>, query: ReportQuery): readonly ReportRow[] {
  const totals = new ReportTotals(query)
  for (const entry of entries) if (totals.covers(entry.startedAt)) for (const part of reportParts(entry)) totals.add(part)
  return totals.rows()
}

/** Sums the parts of a report, for stores that keep something smaller than entries. */
export class ReportTotals {
  readonly #query: ReportQuery
  readonly #dimensions: readonly ReportDimension[]
  readonly #values: readonly ((part: ReportPart) => string | null)[]
  readonly #filters: readonly (readonly [dimension: EntryDimension, value: string])[]
  readonly #tellsModelsApart: boolean
  /** A level of maps per dimension: no joined key, so no separator that a label could hold. */
  readonly #root: Level = new Map()
  readonly #groups: Group[] = []

  /** @throws RangeError for an unknown time zone or dimension */
  constructor(query: ReportQuery) {
    const labels = zonedLabels(query.timeZone ?? 'UTC')
    this.#query = query
    this.#dimensions = [...new Set(query.groupBy)]
    this.#values = this.#dimensions.map((dimension) => {
      if (dimension === 'hour' || dimension === 'day') return ({ startedAt }) => labels[dimension](startedAt)
      return valueOf(dimension)
    })
    this.#filters = Object.entries(query.where ?? {}).flatMap(([dimension, value]) => (value === undefined ? [] : [[known(dimension), toStorableText(value)]]))
    this.#tellsModelsApart = this.#dimensions.includes('model') || query.where?.model !== undefined
  }

  /** True where the query asks for what started at this instant. */
  covers(startedAt: number): boolean {
    const { since = -Infinity, until = Infinity } = this.#query
    return startedAt >= since && startedAt < until
  }

  /** Adds a part, unless the query's `where` leaves it out. The caller has asked `covers`. */
  add(part: ReportPart): void {
    for (const [dimension, value] of this.#filters) if (part[dimension] !== value) return
    this.#groupOf(part).add(part, this.#tellsModelsApart, this.#query.percentiles === true)
  }

  /** The rows, dearest first; ties in order of their group, by code point, null last. As many as the query asks for. */
  rows(): readonly ReportRow[] {
    return this.#groups
      .toSorted(compareGroups)
      .slice(0, Math.max(0, this.#query.limit ?? Infinity))
      .map((group) => group.row(this.#dimensions))
  }

  #groupOf(part: ReportPart): Group {
    let level = this.#root
    const values = this.#values
    const last = values.length - 1
    for (let at = 0; at < last; at += 1) {
      const value = (values[at] as (part: ReportPart) => string | null)(part)
      let next = level.get(value)
      if (next === undefined) level.set(value, (next = new Map()))
      level = next as Level
    }
    const value = values[last]?.(part) ?? null
    let group = level.get(value) as Group | undefined
    if (group === undefined) {
      group = new Group(values.map((read) => read(part)))
      level.set(value, group)
      this.#groups.push(group)
    }
    return group
  }
}

type Level = Map<string | null, Level | Group>

class Group {
  readonly values: readonly (string | null)[]
  costNanoUsd = 0n
  readonly #tokens = {
    freshInputTokens: 0,
    cacheReadTokens: 0,
    cacheWrite5mTokens: 0,
    cacheWrite1hTokens: 0,
    outputTokens: 0,
    webSearchRequests: 0,
    webFetchRequests: 0,
  }
  readonly #counts = { exchanges: 0, unpricedExchanges: 0, partialExchanges: 0 }
  readonly #firstBytes: number[] = []
  readonly #durations: number[] = []

  constructor(values: readonly (string | null)[]) {
    this.values = values
  }

  add(part: ReportPart, tellsModelsApart: boolean, wantsPercentiles: boolean): void {
    this.costNanoUsd += part.costNanoUsd
    const tokens = this.#tokens
    tokens.freshInputTokens += part.freshInputTokens
    tokens.cacheReadTokens += part.cacheReadTokens
    tokens.cacheWrite5mTokens += part.cacheWrite5mTokens
    tokens.cacheWrite1hTokens += part.cacheWrite1hTokens
    tokens.outputTokens += part.outputTokens
    tokens.webSearchRequests += part.webSearchRequests
    tokens.webFetchRequests += part.webFetchRequests
    const counted = tellsModelsApart ? part : part.leading
    if (counted === undefined) return
    this.#counts.exchanges += counted.exchanges
    this.#counts.unpricedExchanges += counted.unpricedExchanges
    this.#counts.partialExchanges += counted.partialExchanges
    if (!wantsPercentiles) return
    if (part.firstByteMillis !== undefined) this.#firstBytes.push(part.firstByteMillis)
    if (part.durationMillis !== undefined) this.#durations.push(part.durationMillis)
  }

  row(dimensions: readonly ReportDimension[]): ReportRow {
    const group = Object.fromEntries(dimensions.map((dimension, at) => [dimension, this.values[at] as string | null]))
    const figures: { firstByteMillis?: Percentiles; durationMillis?: Percentiles } = {}
    const firstByteMillis = percentilesOf(this.#firstBytes)
    const durationMillis = percentilesOf(this.#durations)
    if (firstByteMillis !== undefined) figures.firstByteMillis = firstByteMillis
    if (durationMillis !== undefined) figures.durationMillis = durationMillis
    return { group, costNanoUsd: this.costNanoUsd, ...this.#counts, ...this.#tokens, ...figures }
  }
}

function compareGroups(left: Group, right: Group): number {
  if (left.costNanoUsd !== right.costNanoUsd) return left.costNanoUsd > right.costNanoUsd ? -1 : 1
  for (const [at, value] of left.values.entries()) {
    const other = right.values[at] as string | null
    if (value === other) continue
    if (value === null || other === null) return value === null ? 1 : -1
    return compareText(value, other)
  }
  return 0
}

function valueOf(dimension: ReportDimension): (part: ReportPart) => string | null {
  const name = known(dimension)
  return (part) => part[name]
}

function known(dimension: string): EntryDimension {
  const found = entryDimensions.find((name) => name === dimension)
  if (found === undefined)
    throw new RangeError(`"${dimension}" is not a dimension of a report here. Use one of: ${entryDimensions.join(', ')}; hour and day only in groupBy.`)
  return found
}
