import type { RateBook, RateClaim, RateLimit, RateResult } from '@sluice/core'
import { toStorable } from '@sluice/core/ledger'
import { Database, type PgOptions } from './database.ts'
import { defineRecord } from './define-record.ts'
import type { PgPool } from './pool.ts'

const repeatable = { isIdempotent: true } as const
const once = { isIdempotent: false } as const

/**
 * A {@link RateBook} on PostgreSQL: one statement a verb.
 *
 * @throws ConfigurationError for a schema that is no plain identifier
 */
export function pgRateBook(pool: PgPool, options: PgOptions = {}): RateBook {
  return rateBookOn(new Database(pool, options))
}

/** {@link pgRateBook} on a database that is shared with other ports. */
export function rateBookOn(database: Database): RateBook {
  const take = async (claims: readonly RateClaim[], at: number, isCharge: boolean): Promise<readonly RateResult[]> => {
    if (claims.length === 0) return []
    const answers = await database.call(
      'select {s}.take_rates($1::text[], $2::numeric[], $3::numeric[], $4::numeric[], $5::bigint, $6::boolean) as result',
      [
        claims.map(({ bucket }) => bucket),
        claims.map(({ amount }) => amount),
        claims.map(({ capacity }) => capacity),
        claims.map(({ perMillis }) => perMillis),
        at,
        isCharge,
      ],
      once,
    )
    return (answers as readonly [isAllowed: boolean, remaining: number, retryAfterMillis: number | null][]).map(([isAllowed, remaining, retryAfter]) => ({
      isAllowed,
      remaining,
      retryAfterMillis: retryAfter ?? Infinity,
    }))
  }
  return {
    take: (claims, at) => take(claims, at, false),
    charge: async (claims, at) => {
      await take(claims, at, true)
    },
    enter: async (claims, at) => {
      if (claims.length === 0) return undefined
      const full = await database.call(
        'select {s}.enter_rooms($1::text[], $2::text[], $3::integer[], $4::bigint[], $5::bigint) as result',
        [claims.map(({ room }) => room), claims.map(({ holder }) => holder), claims.map(({ places }) => places), claims.map(({ expiresAt }) => expiresAt), at],
        repeatable,
      )
      return typeof full === 'number' ? full : undefined
    },
    leave: async (places) => {
      if (places.length === 0) return
      await database.query(
        `with gone as (
           select p.room, p.holder from {s}.rate_places p join unnest($1::text[], $2::text[]) as u(room, holder) on p.room = u.room and p.holder = u.holder
           order by p.room, p.holder for update of p
         ) delete from {s}.rate_places p using gone where p.room = gone.room and p.holder = gone.holder`,
        [places.map(({ room }) => room), places.map(({ holder }) => holder)],
        repeatable,
      )
    },
    prune: async (before) => {
      await database.query(
        'delete from {s}.rate_buckets where at <= $1::bigint and (missing = 0 or (capacity > 0 and at + ceil(missing / nullif(capacity, 0)) <= $1::bigint))',
        [Math.floor(before)],
        repeatable,
      )
      await database.query('delete from {s}.rate_places where expires_at <= $1::bigint', [Math.floor(before)], repeatable)
    },
    define: (limit) => defineRecord(database, { table: 'rate_limits', column: 'rate_limit' }, limit.id, limit.version, JSON.stringify(toStorable(limit))),
    remove: async (id) => {
      const { rows } = await database.query('delete from {s}.rate_limits where id = $1 returning id', [id], once)
      return rows.length > 0
    },
    limits: async () => {
      const { rows } = await database.query('select rate_limit from {s}.rate_limits order by id', [], repeatable)
      return rows.map((row) => JSON.parse(String(row['rate_limit'])) as RateLimit)
    },
  }
}
