import { ConfigurationError } from '@sluice/core'
import type { Database } from './database.ts'

/** How long what is kept. */
export interface MaintenanceOptions {
  /** Days that entries are kept whole; then a day's are dropped at once, and its sums stay. @defaultValue 400 */
  readonly retentionDays?: number
  /** Days that sums are kept, by whole months of UTC. @defaultValue for ever */
  readonly rollupRetentionDays?: number
}

/** Defaults of {@link MaintenanceOptions}. */
export const defaultMaintenanceOptions: { readonly retentionDays: number } = Object.freeze({ retentionDays: 400 })

/** What a call of `maintain` did. */
export interface MaintenanceResult {
  /** Tables dropped. */
  readonly dropped: readonly string[]
  /** Expired tables that somebody was reading for longer than half a second: the next call tries again. */
  readonly postponed: readonly string[]
}

const dayMillis = 86_400_000
const repeatable = { isIdempotent: true } as const
/** Today's, and as many days after it. */
const daysAhead = 3
/** Of a ledger that is older than its sums by session, as many days are filled by one call. */
const daysFilled = 31

/**
 * Makes the function that keeps a database's partitions.
 *
 * @throws ConfigurationError for a retention that is not a positive number of days
 */
export function maintain(database: Database, options: MaintenanceOptions): (now: number) => Promise<MaintenanceResult> {
  const retentionDays = positiveDays('retentionDays', options.retentionDays ?? defaultMaintenanceOptions.retentionDays)
  const rollupDays = options.rollupRetentionDays === undefined ? undefined : positiveDays('rollupRetentionDays', options.rollupRetentionDays)
  return async (now) => {
    const today = Math.floor(now / dayMillis)
    const ahead = Array.from({ length: daysAhead + 1 }, (_, index) => today + index)
    await database.query('select {s}.ensure_month(d), {s}.ensure_day(d) from unnest($1::integer[]) d', [ahead], repeatable)
    await fillSessions(database)
    const expired = (await database.call(
      'select {s}.expired_partitions($1::integer, $2::integer) as result',
      [today - retentionDays, rollupDays === undefined ? null : today - rollupDays],
      repeatable,
    )) as readonly string[]
    const dropped: string[] = []
    const postponed: string[] = []
    for (const table of expired) {
      const isDropped = await database.call('select {s}.drop_partition($1) as result', [table], repeatable)
      if (isDropped === true) dropped.push(table)
      else postponed.push(table)
    }
    await forget(database, today - retentionDays)
    return { dropped, postponed }
  }
}

/** A day a transaction: whoever adds to it waits meanwhile. */
async function fillSessions(database: Database): Promise<void> {
  for (let filled = 0; filled < daysFilled; filled += 1) {
    const isFilled = await database.call('select {s}.fill_sessions() as result', [], repeatable)
    if (isFilled !== true) return
  }
}

/** What is kept besides a day's partition and knows its day. In lots, so that no transaction is long; both tables are small where ids carry their time. */
async function forget(database: Database, firstDay: number): Promise<void> {
  for (const table of ['foreign_ids', 'recovered'] as const) {
    for (;;) {
      const { rows } = await database.query(
        `with gone as (
           delete from {s}.${table} where exchange_id in (select exchange_id from {s}.${table} where day < $1::integer limit 5000) returning exchange_id
         ) select count(*)::text as count from gone`,
        [firstDay],
        repeatable,
      )
      if (Number(rows[0]?.['count'] ?? 0) < 5_000) break
    }
  }
}

function positiveDays(option: string, days: number): number {
  if (Number.isSafeInteger(days) && days > 0 && days < 1_000_000) return days
  throw new ConfigurationError(option, `${days} is not a positive whole number of days.`)
}
