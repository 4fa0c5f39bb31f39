import type { ExchangeQuery, Ledger, LedgerEntry, ProvisionalEntries } from '@sluice/core'
import { parseEntryJson } from '@sluice/core/ledger'
import { BatchQueue } from './batch-queue.ts'
import { Database, type PgOptions } from './database.ts'
import { toEntryDocument } from './ledger/entry-document.ts'
import { wholeMillis } from './ledger/report-range.ts'
import { report } from './ledger/report.ts'
import type { PgPool } from './pool.ts'
import { rowLimit } from './row-limit.ts'

/** A {@link Ledger} on PostgreSQL. */
export interface PgLedger extends Ledger {
  readonly provisional: ProvisionalEntries
  /** Takes no more entries, and resolves once those under way are written or refused. Does not end the pool. */
  readonly close: () => Promise<void>
}

const repeatable = { isIdempotent: true } as const
const dayMillis = 86_400_000
const maxBatch = 500
/** The most that PostgreSQL's `integer` holds. */
const maxInteger = 2_147_483_647

/**
 * Keeps entries whole, in a partition a day, and sums by quarter of an hour and by day in the same transaction: reports read sums.
 * Appends that come together are written together. An append rejects with a `StoreError` when its entry is not kept, or when that cannot be known.
 *
 * An exchange id that carries its time, as those of a gateway do, is unique within its day's partition; any other is unique for as long as its entry is kept.
 *
 * @throws ConfigurationError for a schema that is no plain identifier
 */
export function pgLedger(pool: PgPool, options: PgOptions = {}): PgLedger {
  return ledgerOn(new Database(pool, options))
}

/** {@link pgLedger} on a database that is shared with other ports; what may take long goes through the second. */
export function ledgerOn(database: Database, patient: Database = database): PgLedger {
  const array = (documents: readonly string[]): string => `[${documents.join(',')}]`
  const appends = new BatchQueue<string>(async (documents) => {
    await database.query('select {s}.file_entries($1::jsonb, false)', [array(documents)], repeatable)
  }, maxBatch)
  const opens = new BatchQueue<string>(async (documents) => {
    await database.query('select {s}.open_entries($1::jsonb)', [array(documents)], repeatable)
  }, maxBatch)
  return {
    append: async (entry) => {
      const { id, json } = toEntryDocument(entry)
      await appends.add(id, json)
    },
    report: (query) => report(patient, query),
    exchanges: (query) => exchanges(patient, query),
    provisional: {
      open: async (entry, owner) => {
        const { id, json } = toEntryDocument(entry, owner)
        await opens.add(id, json)
      },
      keepAlive: async (owner, until) => {
        await database.query(
          `insert into {s}.owners as o (owner, alive_until) values ($1, $2::bigint)
           on conflict (owner) do update set alive_until = greatest(o.alive_until, excluded.alive_until)`,
          [owner, until],
          repeatable,
        )
      },
      recover: async (at, limit) => {
        const recovered = await database.call(
          'select {s}.recover_entries($1::bigint, $2::integer) as result',
          [Math.floor(at), Math.min(rowLimit(limit), maxInteger)],
          { isIdempotent: false },
        )
        return (recovered as readonly string[]).map(parseEntryJson)
      },
    },
    close: async () => {
      await Promise.all([appends.close(), opens.close()])
    },
  }
}

async function exchanges(database: Database, query: ExchangeQuery): Promise<readonly LedgerEntry[]> {
  const values: (string | number)[] = []
  const value = (given: string | number): string => `$${values.push(given)}`
  const conditions: string[] = []
  const [since, until] = [wholeMillis(query.since), wholeMillis(query.until)]
  // An id's time, which decides on the partition, and its exchange's start may fall on two days.
  if (since !== undefined) conditions.push(`started_at >= ${value(since)}::bigint`, `day >= ${value(Math.floor(since / dayMillis) - 1)}::integer`)
  if (until !== undefined) conditions.push(`started_at < ${value(until)}::bigint`, `day <= ${value(Math.floor(until / dayMillis) + 1)}::integer`)
  if (query.session !== undefined) {
    const session = `${value(query.session)}::text`
    conditions.push(`hashtextextended(session, 0) = hashtextextended(${session}, 0)`, `session = ${session}`)
  }
  if (query.id !== undefined) {
    const id = `${value(query.id)}::text`
    conditions.push(
      `(exchange_id = ${id} or (hashtextextended(upstream_request_id, 0) = hashtextextended(${id}, 0) and upstream_request_id = ${id})
        or (hashtextextended(message_id, 0) = hashtextextended(${id}, 0) and message_id = ${id}))`,
    )
  }
  const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`
  const { rows } = await database.query(
    `select entry from {s}.entries ${where} order by started_at desc, exchange_id desc limit ${value(rowLimit(query.limit ?? 100))}::bigint`,
    values,
    repeatable,
  )
  return rows.map((row) => parseEntryJson(String(row['entry'])))
}
