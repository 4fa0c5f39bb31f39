import { zonedLabels } from '@sluice/core/ledger'
import type { Database } from '../database.ts'
import { quarterMillis } from './entry-document.ts'
import type { Stretch } from './report-range.ts'
import type { Shape, Values } from './report-sql.ts'

/**
 * Which hour or day on the wall each period belongs to, told by JavaScript: what PostgreSQL knows of time zones may be of another year than what the host knows.
 * A bucket is the first quarter of an hour that was seen of it.
 */
export class CalendarBuckets {
  readonly #labelOf: (quarter: number) => string
  readonly #first = new Map<string, number>()

  constructor({ calendar = 'hour', timeZone }: Pick<Shape, 'calendar' | 'timeZone'>) {
    const labels = zonedLabels(timeZone)
    this.#labelOf = (quarter) => labels[calendar](quarter * quarterMillis)
  }

  /** The bucket of a period of so many quarters; undefined for one that begins in another than it ends in. */
  bucketOf(period: number, quarters: number): number | undefined {
    const first = period * quarters
    const label = this.#labelOf(first)
    // Between its quarters no wall clock changes.
    for (let quarter = first + 1; quarter < first + quarters; quarter += 1) if (this.#labelOf(quarter) !== label) return undefined
    const bucket = this.#first.get(label) ?? first
    this.#first.set(label, bucket)
    return bucket
  }
}

/** The periods of a stretch that hold anything: a jump from one to the next by the primary key, however many rows each has. */
export async function usedPeriods(database: Database, { table, periods }: Stretch): Promise<readonly number[]> {
  const { rows } = await database.query(
    `with recursive used as (
       (select period from {s}.${table.name} where period >= $1::integer order by period limit 1)
       union all
       select (select t.period from {s}.${table.name} t where t.period > used.period order by t.period limit 1) from used where used.period < $2::integer - 1
     ) select period::text as period from used where period < $2::integer`,
    [periods.from ?? -2_147_483_648, periods.to ?? 2_147_483_647],
    { isIdempotent: true },
  )
  return rows.map((row) => Number(row['period']))
}

/** A table of periods and their buckets, for a join. Undefined where a period lies in two buckets: the stretch needs a finer table. */
export function bucketTable(buckets: CalendarBuckets, quarters: number, periods: readonly number[], values: Values): string | undefined {
  const found: string[] = []
  for (const period of periods) {
    const bucket = buckets.bucketOf(period, quarters)
    if (bucket === undefined) return undefined
    found.push(String(bucket))
  }
  return `unnest(${values.add(periods.map(String), 'integer[]')}, ${values.add(found, 'integer[]')}) as b(period, bucket)`
}
