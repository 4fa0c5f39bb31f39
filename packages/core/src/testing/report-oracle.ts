import type { CostLine } from '../meter/price.ts'
import type { TokenBuckets, UsageLine } from '../meter/usage.ts'
import type { LedgerEntry, Percentiles, ReportDimension, ReportQuery, ReportRow } from '../ports/ledger.ts'

/** An exchange as one row counts it: whole, or one model's share of it. */
interface View {
  readonly entry: LedgerEntry
  readonly usageLines: readonly UsageLine[]
  readonly costLines: readonly CostLine[]
  readonly group: readonly (string | null)[]
}

/**
 * What a ledger that holds these entries must answer: written for obviousness, slow, and sharing no code with the report that ships.
 * The property test of an adapter compares the two.
 */
export function reportOracle(entries: readonly LedgerEntry[], query: ReportQuery): readonly ReportRow[] {
  const dimensions = query.groupBy.filter((dimension, index) => query.groupBy.indexOf(dimension) === index)
  const wall = wallClock(query.timeZone ?? 'UTC')
  const views: View[] = []
  for (const entry of entries) {
    if (query.since !== undefined && entry.startedAt < query.since) continue
    if (query.until !== undefined && entry.startedAt >= query.until) continue
    const byModel = dimensions.includes('model') || query.where?.model !== undefined
    for (const model of byModel ? modelsOf(entry) : [undefined]) {
      const value = (dimension: ReportDimension): string | null => valueOf(entry, dimension, model ?? null, wall)
      const isWanted = Object.entries(query.where ?? {}).every(([dimension, wanted]) => value(dimension as ReportDimension) === wanted)
      const isShare = (line: { readonly model: string }): boolean => !byModel || line.model === model
      if (isWanted)
        views.push({ entry, usageLines: entry.usage.lines.filter(isShare), costLines: entry.cost.lines.filter(isShare), group: dimensions.map(value) })
    }
  }
  const groups = Map.groupBy(views, ({ group }) => JSON.stringify(group))
  return [...groups.values()]
    .map((members) => ({ values: (members[0] as View).group, row: rowOf(dimensions, members, query.percentiles === true) }))
    .sort((left, right) => compareBigints(right.row.costNanoUsd, left.row.costNanoUsd) || compareLists(left.values, right.values))
    .map(({ row }) => row)
}

function modelsOf(entry: LedgerEntry): readonly (string | null)[] {
  const models = [...entry.usage.lines, ...entry.cost.lines].map(({ model }) => model)
  return models.length > 0 ? [...new Set(models)] : [entry.resolvedModel ?? entry.requestedModel ?? null]
}

function valueOf(entry: LedgerEntry, dimension: ReportDimension, model: string | null, wall: (atMillis: number) => string): string | null {
  if (dimension === 'model') return model
  if (dimension === 'outcome') return entry.outcome.kind
  if (dimension === 'hour') return wall(entry.startedAt)
  if (dimension === 'day') return wall(entry.startedAt).slice(0, 10)
  if (dimension === 'developer') return entry.attribution.developer?.value ?? entry.principal?.developer ?? null
  if (dimension === 'key') return entry.principal?.keyId ?? null
  const scopes = entry.principal?.scopes ?? []
  if (dimension === 'scope') return scopes[scopes.length - 1]?.path ?? null
  const level = levels[dimension as keyof typeof levels]
  if (level !== undefined) return scopes.find((scope) => scope.level === level)?.path ?? null
  return entry.attribution[dimension as 'session' | 'repository' | 'agent' | 'kind']?.value ?? null
}

const levels = { organisation: 'organisation', businessUnit: 'business-unit', subBusinessUnit: 'sub-business-unit', costCentre: 'cost-centre' } as const

/** Swedish writes dates as ISO 8601 does. */
function wallClock(timeZone: string): (atMillis: number) => string {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', hourCycle: 'h23' })
  return (atMillis) => format.format(atMillis).replace(' ', 'T')
}

function rowOf(dimensions: readonly ReportDimension[], members: readonly View[], wantsPercentiles: boolean): ReportRow {
  const tokens = (bucket: keyof TokenBuckets): number => sum(members.flatMap(({ usageLines }) => usageLines.map((line) => line[bucket])))
  const isUnpriced = ({ costLines }: View): boolean => costLines.some(({ state }) => state === 'unpriced' || state === 'assumed')
  const firstByteMillis = percentiles(members.flatMap(({ entry }) => (entry.firstByteAt === undefined ? [] : [entry.firstByteAt - entry.startedAt])))
  return {
    group: Object.fromEntries(dimensions.map((dimension, index) => [dimension, (members[0] as View).group[index] as string | null])),
    exchanges: members.length,
    costNanoUsd: members.flatMap(({ costLines }) => costLines).reduce((total, { nanoUsd }) => total + nanoUsd, 0n),
    unpricedExchanges: members.filter(isUnpriced).length,
    partialExchanges: members.filter(({ entry }) => ['partial', 'estimated'].includes(entry.usage.source)).length,
    freshInputTokens: tokens('freshInputTokens'),
    cacheReadTokens: tokens('cacheReadTokens'),
    cacheWrite5mTokens: tokens('cacheWrite5mTokens'),
    cacheWrite1hTokens: tokens('cacheWrite1hTokens'),
    outputTokens: tokens('outputTokens'),
    webSearchRequests: tokens('webSearchRequests'),
    webFetchRequests: tokens('webFetchRequests'),
    ...(wantsPercentiles && firstByteMillis !== undefined && { firstByteMillis }),
    ...(wantsPercentiles && { durationMillis: percentiles(members.map(({ entry }) => entry.endedAt - entry.startedAt)) as Percentiles }),
  }
}

/** Nearest rank, by counting: the least value that at least `percent` in a hundred do not exceed. */
function percentiles(values: readonly number[]): Percentiles | undefined {
  if (values.length === 0) return undefined
  const ascending = values.toSorted((left, right) => left - right)
  const rank = (percent: number): number => ascending.find((_value, index) => (index + 1) * 100 >= percent * values.length) as number
  return { p50: rank(50), p90: rank(90), p99: rank(99) }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function compareBigints(left: bigint, right: bigint): number {
  return left < right ? -1 : left > right ? 1 : 0
}

/** By code point; null last. */
function compareLists(left: readonly (string | null)[], right: readonly (string | null)[]): number {
  const codePoints = (text: string | null): readonly number[] => (text === null ? [Infinity] : Array.from(text, (point) => point.codePointAt(0) as number))
  for (const [index, text] of left.entries()) {
    const one = codePoints(text)
    const two = codePoints(right[index] as string | null)
    for (let at = 0; at < Math.max(one.length, two.length); at += 1) {
      const difference = (one[at] ?? -1) - (two[at] ?? -1)
      if (difference !== 0 && !Number.isNaN(difference)) return difference
    }
  }
  return 0
}
