import type { TimeSource } from '@sluice/core'
import { Database, type PgOptions } from './database.ts'
import type { PgPool } from './pool.ts'

/**
 * The database's clock, which all replicas of a gateway share.
 *
 * @throws ConfigurationError for a schema that is no plain identifier
 */
export function pgTimeSource(pool: PgPool, options: PgOptions = {}): TimeSource {
  return timeSourceOn(new Database(pool, options))
}

/** {@link pgTimeSource} on a database that is shared with other ports. */
export function timeSourceOn(database: Database): TimeSource {
  return {
    now: async () => {
      const { rows } = await database.query('select {s}.now_millis()::text as now', [], { isIdempotent: true })
      return Number(rows[0]?.['now'])
    },
  }
}
