import { ConfigurationError } from '@sluice/core'
import { ledgerHorizon } from './ledger-horizon.ts'
import { provisionalSlots } from './provisional-entries.ts'
import type { SqliteDatabase } from './sqlite-database.ts'

/** How long what is kept. */
export interface MaintenanceOptions {
  /** Days of UTC, besides today, that entries are kept whole; then they are forgotten, and their sums stay. @defaultValue 400 */
  readonly retentionDays?: number
  /** Days of UTC, besides today, that sums are kept. @defaultValue for ever */
  readonly rollupRetentionDays?: number
}

/** Defaults of {@link MaintenanceOptions}. */
export const defaultMaintenanceOptions: { readonly retentionDays: number } = Object.freeze({ retentionDays: 400 })

/** What a call of `maintain` did. */
export interface MaintenanceResult {
  readonly forgottenEntries: number
  readonly forgottenSums: number
  /** True where there was more than one call does: the next goes on. */
  readonly isMoreLeft: boolean
}

const dayMillis = 86_400_000
/** One transaction: the rest of the process waits for it. */
const rowsAtOnce = 200
/** One call: what begins to expire in a large file is no burst of work. */
const rowsPerCall = 20_000

/**
 * Makes the function that forgets what has expired in a database. Pages that become free are used again; the file does not shrink.
 *
 * @throws ConfigurationError for a retention that is not a positive whole number of days
 */
export function sqliteMaintenance(database: SqliteDatabase, options: MaintenanceOptions = {}): (now: number) => Promise<MaintenanceResult> {
  checkMaintenanceOptions(options)
  const { retentionDays = defaultMaintenanceOptions.retentionDays, rollupRetentionDays } = options
  const horizon = ledgerHorizon(database)
  const slots = provisionalSlots(database)
  const forgetEntries = database.prepare(
    `delete from entries where entry in (select entry from entries where started_at < ? order by started_at limit ${rowsAtOnce})`,
  )
  const [forgetQuarters, forgetDays] = (['quarter_sums', 'day_sums'] as const).map((table) =>
    database.prepare(
      `delete from ${table} where (start, facet) in (select start, facet from ${table} where start < ? order by start, facet limit ${rowsAtOnce})`,
    ),
  ) as [ReturnType<SqliteDatabase['prepare']>, ReturnType<SqliteDatabase['prepare']>]
  return async (now) => {
    const today = Math.floor(now / dayMillis)
    let left = rowsPerCall
    const forget = async (statement: typeof forgetEntries, before: number): Promise<number> => {
      for (let forgotten = 0; ;) {
        if (left <= 0) return forgotten
        const { changes } = await database.write(() => {
          slots.sweep()
          return statement.run(before)
        })
        forgotten += Number(changes)
        left -= Number(changes)
        if (changes < rowsAtOnce) return forgotten
      }
    }
    const firstMillis = (today - retentionDays) * dayMillis
    // Before the first entry goes: from here on reports ask sums about these days.
    await database.write(() => horizon.advance(firstMillis))
    const forgottenEntries = await forget(forgetEntries, firstMillis)
    let forgottenSums = 0
    if (rollupRetentionDays !== undefined) {
      const firstSumMillis = (today - rollupRetentionDays) * dayMillis
      forgottenSums = (await forget(forgetQuarters, firstSumMillis)) + (await forget(forgetDays, firstSumMillis))
    }
    return { forgottenEntries, forgottenSums, isMoreLeft: left <= 0 }
  }
}

/** @throws ConfigurationError for a retention that is not a positive whole number of days */
export function checkMaintenanceOptions({ retentionDays, rollupRetentionDays }: MaintenanceOptions): void {
  for (const [option, days] of Object.entries({ retentionDays, rollupRetentionDays }))
    if (days !== undefined && !(Number.isSafeInteger(days) && days > 0 && days < 1_000_000))
      throw new ConfigurationError(option, `${days} is not a positive whole number of days.`)
}
