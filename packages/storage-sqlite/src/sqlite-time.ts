import type { TimeSource } from '@sluice/core'
import type { SqliteDatabase } from './sqlite-database.ts'

/** A {@link TimeSource} by the clock that the database was opened with: one process has it, so that clock is everybody's. */
export function sqliteTime(database: SqliteDatabase): TimeSource {
  return { now: async () => database.clock.now() }
}
