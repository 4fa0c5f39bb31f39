import type { Percentiles, ReportQuery, ReportRow } from '@sluice/core'
import { zonedLabels } from '@sluice/core/ledger'
import type { Database } from '../database.ts'
import { quarterMillis } from './entry-document.ts'
import { bucketTable, CalendarBuckets, usedPeriods } from './report-calendar.ts'
import { wholeMillis } from './report-range.ts'
import { columnOf, labelConditions, threadConditions, Values, type Shape } from './report-sql.ts'

const dayMillis = 86_400_000
/** Of more it is faster to read all. */
const mostSessions = 1_000

/** Adds percentiles to the rows of a report. Reads every exchange that the report covers; of a limited one by session, those of the sessions that are in it. */
export async function withPercentiles(database: Database, query: ReportQuery, shape: Shape, rows: readonly ReportRow[]): Promise<readonly ReportRow[]> {
  const values = new Values()
  const join = shape.calendar === undefined ? undefined : await bucketsOf(database, query, shape, values)
  const conditions = [...startConditions(query, values), ...labelConditions(shape, values), ...threadConditions(shape, values)]
  if (query.limit !== undefined) conditions.push(...sessionConditions(rows, values))
  const groups = shape.dimensions.map((dimension) => columnOf[dimension])
  const percentiles = (column: string): string => `to_json(percentile_disc(array[0.5, 0.9, 0.99]) within group (order by f.${column}))`
  const { rows: found } = await database.query(
    `select json_build_array(${[join === undefined ? '0' : 'b.bucket', ...groups, percentiles('first_byte_millis'), percentiles('duration_millis')].join(', ')})::text as figures
     from {s}.entries f
     ${shape.tellsModelsApart ? 'cross join lateral unnest(f.labels) as part(label) join {s}.labels l on l.id = part.label' : 'join {s}.labels l on l.id = f.labels[1]'}
     ${join === undefined ? '' : `join ${join} on b.period = floor(f.started_at / ${quarterMillis}.0)`}
     ${conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`}
     group by ${['()', ...(join === undefined ? [] : ['b.bucket']), ...groups].join(', ')}`,
    values.list,
    { isIdempotent: true },
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

async function bucketsOf(database: Database, query: ReportQuery, shape: Shape, values: Values): Promise<string | undefined> {
  const [since, until] = [wholeMillis(query.since), wholeMillis(query.until)]
  const periods = {
    from: since === undefined ? undefined : Math.floor(since / quarterMillis),
    to: until === undefined ? undefined : Math.ceil(until / quarterMillis),
  }
  const used = await usedPeriods(database, { table: { name: 'spend_threads', quarters: 1 }, periods })
  return bucketTable(new CalendarBuckets(shape), 1, used, values)
}

function startConditions(query: ReportQuery, values: Values): readonly string[] {
  const [since, until] = [wholeMillis(query.since), wholeMillis(query.until)]
  const day = (instant: number, offset: number): string => values.add(String(Math.floor(instant / dayMillis) + offset), 'integer')
  const instant = (millis: number): string => values.add(String(millis), 'bigint')
  return [
    // An id's time, which decides on the partition, and its exchange's start may fall on two days.
    ...(since === undefined ? [] : [`f.started_at >= ${instant(since)}`, `f.day >= ${day(since, -1)}`]),
    ...(until === undefined ? [] : [`f.started_at < ${instant(until)}`, `f.day <= ${day(until, 1)}`]),
  ]
}

/** Few sessions are found by the index; none where a row is not of one session. */
function sessionConditions(rows: readonly ReportRow[], values: Values): readonly string[] {
  const sessions = new Set(rows.map(({ group }) => group.session))
  if (sessions.size > mostSessions || sessions.has(undefined) || sessions.has(null)) return []
  const list = values.add([...sessions] as string[], 'text[]')
  return [`hashtextextended(f.session, 0) = any (array(select hashtextextended(s, 0) from unnest(${list}) s))`, `f.session = any (${list})`]
}

function percentilesOf(figures: unknown): Percentiles | undefined {
  if (!Array.isArray(figures)) return undefined
  const [p50, p90, p99] = figures as readonly (number | null)[]
  return p50 === null || p50 === undefined ? undefined : { p50, p90: p90 ?? p50, p99: p99 ?? p50 }
}
