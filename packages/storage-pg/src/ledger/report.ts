import type { Percentiles, ReportQuery, ReportRow } from '@sluice/core'
import { entryDimensions, parseEntryJson, reportParts, ReportTotals, zonedLabels, type EntryDimension, type ReportPart } from '@sluice/core/ledger'
import type { Database } from '../database.ts'
import { quarterMillis } from './entry-document.ts'
import { reportRange, wholeDays, type Span } from './report-range.ts'
import { columnOf, labelConditions, shapeOf, sumColumns, threadConditions, Values, type Shape } from './report-sql.ts'

const reading = { isIdempotent: true } as const
const dayMillis = 86_400_000

/** Answers `Ledger.report` from sums; reads single exchanges for percentiles, and where a report begins or ends within a quarter of an hour. */
export async function report(database: Database, query: ReportQuery): Promise<readonly ReportRow[]> {
  const totals = new ReportTotals({ ...query, percentiles: false })
  const shape = shapeOf(query)
  const range = reportRange(query, isWhole(query) ? -Infinity : await horizon(database))
  if (range.quarters !== undefined) for (const part of await summedParts(database, shape, range.quarters)) totals.add(part)
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

/** Sums of whole quarters, one a group. */
async function summedParts(database: Database, shape: Shape, quarters: Span): Promise<readonly ReportPart[]> {
  const values = new Values()
  const isByDay = !shape.needsThreads && shape.calendar !== 'hour' && (shape.calendar === undefined || shape.timeZone === 'UTC')
  const split = isByDay ? wholeDays(quarters) : undefined
  const buckets = shape.calendar === undefined || isByDay ? undefined : await calendarBuckets(database, shape, quarters, values)
  const filter = labelConditions(shape, values)
  const only = filter.length === 0 ? [] : [`f.label = any (array(select l.id from {s}.labels l where ${filter.join(' and ')}))`]
  const source = (table: string, column: string, bucket: string, { from, to }: Span): string => {
    const conditions = [
      ...(from === undefined ? [] : [`f.${column} >= ${values.add(String(from), 'integer')}`]),
      ...(to === undefined ? [] : [`f.${column} < ${values.add(String(to), 'integer')}`]),
      ...only,
      ...(shape.needsThreads ? threadConditions(shape, values) : []),
    ]
    const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`
    const joined = buckets === undefined ? '' : `join ${buckets} using (quarter)`
    const columns = ['label', ...(shape.needsThreads ? ['session', 'agent'] : []), ...sumColumns].map((name) => `f.${name}`)
    return `select ${bucket} as bucket, ${columns.join(', ')} from {s}.${table} f ${joined} ${where}`
  }
  const ofQuarter = buckets !== undefined ? 'b.bucket' : shape.calendar === 'day' ? 'floor(f.quarter / 96.0)::integer * 96' : '0'
  const quarterTable = shape.needsThreads ? 'spend_threads' : 'spend_quarters'
  const sources =
    split === undefined
      ? [source(quarterTable, 'quarter', ofQuarter, quarters)]
      : [
          source('spend_days', 'day', shape.calendar === 'day' ? 'f.day * 96' : '0', split.days),
          ...split.rest.map((rest) => source(quarterTable, 'quarter', ofQuarter, rest)),
        ]
  const groups = ['f.bucket', ...shape.dimensions.map((dimension) => columnOf[dimension])]
  const sums = sumColumns.map((column) => (column === 'cost' ? 'sum(f.cost)::text' : `sum(f.${column})`))
  const counted = shape.tellsModelsApart ? 'exchanges' : 'leading_exchanges'
  const { rows } = await database.query(
    `select json_build_array(${[...groups, ...sums].join(', ')})::text as part from (${sources.join(' union all ')}) f
     join {s}.labels l on l.id = f.label group by ${groups.join(', ')} having sum(f.${counted}) > 0`,
    values.list,
    reading,
  )
  const known = Object.fromEntries([...entryDimensions.map((dimension) => [dimension, null]), ...shape.filters]) as Record<EntryDimension, string | null>
  return rows.map((row) => partOf(JSON.parse(String(row['part'])) as readonly unknown[], shape, known))
}

function partOf(columns: readonly unknown[], shape: Shape, known: Readonly<Record<EntryDimension, string | null>>): ReportPart {
  const labels = { ...known }
  for (const [at, dimension] of shape.dimensions.entries()) labels[dimension] = columns[at + 1] as string | null
  const first = shape.dimensions.length + 1
  const sum = (column: string): number => Number(columns[first + sumColumns.indexOf(column)])
  return {
    ...labels,
    startedAt: Number(columns[0]) * quarterMillis,
    exchanges: sum('exchanges'),
    unpricedExchanges: sum('unpriced'),
    partialExchanges: sum('partial'),
    leading: { exchanges: sum('leading_exchanges'), unpricedExchanges: sum('leading_unpriced'), partialExchanges: sum('leading_partial') },
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

/** A table of quarters, each with the first quarter of its hour or day on the wall: what PostgreSQL knows of time zones may be of another year than what the host knows. */
async function calendarBuckets(database: Database, shape: Shape, { from, to }: Span, values: Values): Promise<string> {
  const { rows } = await database.query(
    `with recursive used as (
       (select quarter from {s}.spend_quarters where quarter >= $1::integer order by quarter limit 1)
       union all
       select (select q.quarter from {s}.spend_quarters q where q.quarter > used.quarter order by q.quarter limit 1) from used where used.quarter < $2::integer - 1
     ) select quarter::text as quarter from used where quarter < $2::integer`,
    [from ?? -2_147_483_648, to ?? 2_147_483_647],
    reading,
  )
  const labels = zonedLabels(shape.timeZone)
  const firstOf = new Map<string, string>()
  const quarters = rows.map((row) => String(row['quarter']))
  const buckets = quarters.map((quarter) => {
    const label = labels[shape.calendar ?? 'hour'](Number(quarter) * quarterMillis)
    const first = firstOf.get(label) ?? quarter
    firstOf.set(label, first)
    return first
  })
  return `unnest(${values.add(quarters, 'integer[]')}, ${values.add(buckets, 'integer[]')}) as b(quarter, bucket)`
}

/** Adds percentiles to the rows of a report. */
async function withPercentiles(database: Database, query: ReportQuery, shape: Shape, rows: readonly ReportRow[]): Promise<readonly ReportRow[]> {
  const values = new Values()
  const { since, until } = query
  const span = reportRange({ ...(since !== undefined && { since }), ...(until !== undefined && { until }) }, -Infinity)
  const bounds = {
    from: since === undefined ? undefined : Math.floor(since / quarterMillis),
    to: until === undefined ? undefined : Math.ceil(until / quarterMillis),
  }
  if (span.quarters === undefined && span.edges.length === 0) return rows
  const buckets = shape.calendar === undefined ? undefined : await calendarBuckets(database, shape, bounds, values)
  const conditions = [
    ...(since === undefined ? [] : [`f.started_at >= ${values.add(String(Math.ceil(since)), 'bigint')} and f.day >= ${values.add(dayOf(since, -1), 'integer')}`]),
    ...(until === undefined ? [] : [`f.started_at < ${values.add(String(Math.ceil(until)), 'bigint')} and f.day <= ${values.add(dayOf(until, 1), 'integer')}`]),
    ...labelConditions(shape, values),
    ...threadConditions(shape, values),
  ]
  const groups = [buckets === undefined ? '0' : 'b.bucket', ...shape.dimensions.map((dimension) => columnOf[dimension])]
  const percentiles = (column: string): string => `to_json(percentile_disc(array[0.5, 0.9, 0.99]) within group (order by f.${column}))`
  const { rows: found } = await database.query(
    `select json_build_array(${[...groups, percentiles('first_byte_millis'), percentiles('duration_millis')].join(', ')})::text as figures
     from {s}.entries f
     ${shape.tellsModelsApart ? 'cross join lateral unnest(f.labels) as part(label) join {s}.labels l on l.id = part.label' : 'join {s}.labels l on l.id = f.labels[1]'}
     ${buckets === undefined ? '' : `join ${buckets} on b.quarter = floor(f.started_at / ${quarterMillis}.0)`}
     ${conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`}
     group by ${groups.map((group) => (group === '0' ? '()' : group)).join(', ')}`,
    values.list,
    reading,
  )
  const labels = zonedLabels(shape.timeZone)
  const figuresOf = new Map(
    found.map((row) => {
      const columns = JSON.parse(String(row['figures'])) as readonly unknown[]
      const startedAt = Number(columns[0]) * quarterMillis
      const group = query.groupBy.map((dimension) =>
        dimension === 'hour' || dimension === 'day' ? labels[dimension](startedAt) : columns[shape.dimensions.indexOf(dimension) + 1],
      )
      return [JSON.stringify(group), columns.slice(-2)]
    }),
  )
  return rows.map((row) => {
    const [firstByte, duration] = figuresOf.get(JSON.stringify(query.groupBy.map((dimension) => row.group[dimension] ?? null))) ?? []
    const firstByteMillis = percentilesOf(firstByte)
    const durationMillis = percentilesOf(duration)
    return { ...row, ...(firstByteMillis !== undefined && { firstByteMillis }), ...(durationMillis !== undefined && { durationMillis }) }
  })
}

function percentilesOf(figures: unknown): Percentiles | undefined {
  if (!Array.isArray(figures)) return undefined
  const [p50, p90, p99] = figures as readonly (number | null)[]
  return p50 === null || p50 === undefined ? undefined : { p50, p90: p90 ?? p50, p99: p99 ?? p50 }
}

function dayOf(instant: number, offset: number): string {
  return String(Math.floor(instant / dayMillis) + offset)
}
