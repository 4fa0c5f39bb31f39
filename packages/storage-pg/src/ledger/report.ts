import type { ReportQuery, ReportRow } from '@sluice/core'
import { entryDimensions, parseEntryJson, reportParts, ReportTotals, type EntryDimension, type ReportPart } from '@sluice/core/ledger'
import type { Database } from '../database.ts'
import { rowLimit } from '../row-limit.ts'
import { quarterMillis } from './entry-document.ts'
import { bucketTable, CalendarBuckets, usedPeriods } from './report-calendar.ts'
import { withPercentiles } from './report-percentiles.ts'
import { reportRange, stretchesOf, type Span, type Stretch, type SumTable } from './report-range.ts'
import { columnOf, labelConditions, shapeOf, threadConditions, Values, type Shape } from './report-sql.ts'

const reading = { isIdempotent: true } as const
const dayMillis = 86_400_000

const days: SumTable = { name: 'spend_days', quarters: 96 }
const hours: SumTable = { name: 'spend_hours', quarters: 4 }
const daysByKind: SumTable = { name: 'spend_days_by_kind', quarters: 96 }
const sessionDays: SumTable = { name: 'spend_sessions', quarters: 96 }
const threads: SumTable = { name: 'spend_threads', quarters: 1 }

/** Answers `Ledger.report` from sums; reads single exchanges for percentiles, and where a report begins or ends within a quarter of an hour. */
export async function report(database: Database, query: ReportQuery): Promise<readonly ReportRow[]> {
  const totals = new ReportTotals({ ...query, percentiles: false })
  const shape = shapeOf(query)
  const range = reportRange(query, isWhole(query) ? -Infinity : await horizon(database))
  // Of rows that are whole as the database tells them, it tells the dearest; where some are put together here, it has to tell all.
  const limit = shape.calendar === undefined && range.edges.length === 0 ? query.limit : undefined
  if (range.quarters !== undefined) for (const part of await summedParts(database, shape, range.quarters, limit)) totals.add(part)
  for (const edge of range.edges) for (const part of await singleParts(database, edge)) if (totals.covers(part.startedAt)) totals.add(part)
  const rows = totals.rows()
  return query.percentiles === true && rows.length > 0 ? withPercentiles(database, query, shape, rows) : rows
}

function isWhole({ since = 0, until = 0 }: ReportQuery): boolean {
  return since % quarterMillis === 0 && until % quarterMillis === 0
}

/** Since when entries are kept, in milliseconds since the epoch. */
async function horizon(database: Database): Promise<number> {
  const { rows } = await database.query('select first_day::text as day from {s}.horizon', [], reading)
  return rows[0] === undefined ? -Infinity : Number(rows[0]['day']) * dayMillis
}

async function singleParts(database: Database, { from, to }: { readonly from: number; readonly to: number }): Promise<readonly ReportPart[]> {
  const { rows } = await database.query(
    // An id's time and its exchange's start may fall on two days.
    `select entry from {s}.entries where started_at >= $1::bigint and started_at < $2::bigint and day between $3::integer and $4::integer`,
    [from, to, Math.floor(from / dayMillis) - 1, Math.floor(to / dayMillis) + 1],
    reading,
  )
  return rows.flatMap((row) => reportParts(parseEntryJson(String(row['entry']))))
}

/** The tables that know what a report asks, from coarse to fine. */
async function tablesFor(database: Database, { needsThreads, needsSessionsOnly, needsKinds, calendar, timeZone }: Shape): Promise<readonly SumTable[]> {
  const fitsDays = calendar === undefined || (calendar === 'day' && timeZone === 'UTC')
  if (needsThreads) return needsSessionsOnly && !needsKinds && fitsDays ? [await wholeSessionDays(database), threads] : [threads]
  if (needsKinds) return fitsDays ? [daysByKind, threads] : [threads]
  return fitsDays ? [days, hours, threads] : [hours, threads]
}

/** A ledger that is older than its sums by session is filled from its newest day back, so that what is whole now stays so. */
async function wholeSessionDays(database: Database): Promise<SumTable> {
  const { rows } = await database.query('select first_day::text as day from {s}.sessions_since', [], reading)
  return rows[0] === undefined ? sessionDays : { ...sessionDays, since: Number(rows[0]['day']) }
}

/** Sums of whole quarters, one a group. */
async function summedParts(database: Database, shape: Shape, quarters: Span, limit: number | undefined): Promise<readonly ReportPart[]> {
  const values = new Values()
  const tables = await tablesFor(database, shape)
  const sources = await sourcesOf(database, shape, quarters, tables, values)
  const groups = ['f.bucket', ...shape.dimensions.map((dimension) => columnOf[dimension])]
  const sums = shape.sums.map((column) => (column === 'cost' ? 'sum(f.cost)::text' : `sum(f.${column})`))
  const conditions = labelConditions(shape, values)
  const needsLabels = conditions.length > 0 || groups.some((group) => group.startsWith('l.'))
  const { rows } = await database.query(
    `select json_build_array(${[...groups, ...sums].join(', ')})::text as part from (${sources.join(' union all ')}) f
     ${needsLabels ? 'join {s}.labels l on l.id = f.label' : ''} ${conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`}
     group by ${groups.join(', ')} having sum(f.${shape.sums[0]}) > 0
     ${limit === undefined ? '' : `order by sum(f.cost) desc, ${groups.join(', ')} limit ${values.add(String(rowLimit(limit)), 'bigint')}`}`,
    values.list,
    reading,
  )
  const known = Object.fromEntries([...entryDimensions.map((dimension) => [dimension, null]), ...shape.filters]) as Record<EntryDimension, string | null>
  return rows.map((row) => partOf(JSON.parse(String(row['part'])) as readonly unknown[], shape, known))
}

/** One select for each stretch of time, by the coarsest table whose periods lie within one hour or day of the report's calendar. */
async function sourcesOf(database: Database, shape: Shape, quarters: Span, tables: readonly SumTable[], values: Values): Promise<readonly string[]> {
  const stretches = stretchesOf(quarters, tables)
  if (shape.calendar === undefined) return stretches.map((stretch) => sourceOf(stretch, '0', '', shape, values))
  const buckets = new CalendarBuckets(shape)
  const sources: string[] = []
  for (const stretch of stretches) {
    const table = bucketTable(buckets, stretch.table.quarters, await usedPeriods(database, stretch), values)
    if (table === undefined) return sourcesOf(database, shape, quarters, tables.slice(1), values)
    sources.push(sourceOf(stretch, 'b.bucket', `join ${table} using (period)`, shape, values))
  }
  return sources
}

function sourceOf({ table, periods }: Stretch, bucket: string, join: string, shape: Shape, values: Values): string {
  const thread = shape.needsThreads ? ['session', ...(shape.needsSessionsOnly ? [] : ['agent'])] : []
  const columns = ['label', ...thread, ...shape.sums].map((name) => `f.${name}`)
  const conditions = [
    ...(periods.from === undefined ? [] : [`f.period >= ${values.add(String(periods.from), 'integer')}`]),
    ...(periods.to === undefined ? [] : [`f.period < ${values.add(String(periods.to), 'integer')}`]),
    ...(shape.needsThreads ? threadConditions(shape, values) : []),
  ]
  return `select ${bucket} as bucket, ${columns.join(', ')} from {s}.${table.name} f ${join} ${conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`}`
}

function partOf(columns: readonly unknown[], shape: Shape, known: Readonly<Record<EntryDimension, string | null>>): ReportPart {
  const labels = { ...known }
  for (const [at, dimension] of shape.dimensions.entries()) labels[dimension] = columns[at + 1] as string | null
  const first = shape.dimensions.length + 1
  const sum = (column: string): number => Number(columns[first + shape.sums.indexOf(column)])
  const [exchanges = '', unpriced = '', partial = ''] = shape.sums
  const counts = { exchanges: sum(exchanges), unpricedExchanges: sum(unpriced), partialExchanges: sum(partial) }
  return {
    ...labels,
    ...counts,
    // Of the two ways to count, the query has asked for one.
    leading: counts,
    startedAt: Number(columns[0]) * quarterMillis,
    freshInputTokens: sum('fresh_input'),
    cacheReadTokens: sum('cache_read'),
    cacheWrite5mTokens: sum('cache_write_5m'),
    cacheWrite1hTokens: sum('cache_write_1h'),
    outputTokens: sum('output'),
    webSearchRequests: sum('web_search'),
    webFetchRequests: sum('web_fetch'),
    costNanoUsd: BigInt(String(columns.at(-1))),
    firstByteMillis: undefined,
    durationMillis: undefined,
  }
}
