import type { AuditLog, AuditRecord } from '@sluice/core'
import { toStorable } from '@sluice/core/ledger'
import { Database, type PgOptions } from './database.ts'
import type { PgPool } from './pool.ts'
import { rowLimit } from './row-limit.ts'

const repeatable = { isIdempotent: true } as const

/**
 * An {@link AuditLog} on PostgreSQL. What a record says stands in a column of its own, `audit.content`: set it to null to erase it.
 *
 * @throws ConfigurationError for a schema that is no plain identifier
 */
export function pgAuditLog(pool: PgPool, options: PgOptions = {}): AuditLog {
  return auditLogOn(new Database(pool, options))
}

/** {@link pgAuditLog} on a database that is shared with other ports. */
export function auditLogOn(database: Database): AuditLog {
  return {
    last: async () => {
      const { rows } = await database.query('select record, content from {s}.audit order by sequence desc limit 1', [], repeatable)
      return rows.map(recordOf)[0]
    },
    append: async (record) => {
      const { content, ...chained } = toStorable(record)
      const { sequence, previousHash, hash, subject } = chained
      const { rows } = await database.query(
        `insert into {s}.audit (sequence, previous_hash, hash, subject, record, content) select $1::bigint, $2, $3, $4, $5, $6
         where ($1::bigint = 1 and $2 = repeat('0', 64)) or exists (select from {s}.audit a where a.sequence = $1::bigint - 1 and a.hash = $2)
         on conflict do nothing returning sequence::text`,
        [sequence, previousHash, hash, subject, JSON.stringify(chained), content ?? null],
        { isIdempotent: false },
      )
      return rows.length > 0
    },
    read: async ({ after = 0, limit = 100, subject }) => {
      const values: (string | number)[] = [after, rowLimit(limit)]
      const ofSubject = subject === undefined ? undefined : `$${values.push(subject)}::text`
      const condition = ofSubject === undefined ? '' : `and hashtextextended(subject, 0) = hashtextextended(${ofSubject}, 0) and subject = ${ofSubject}`
      const { rows } = await database.query(
        `select record, content from {s}.audit where sequence > $1::bigint ${condition} order by sequence limit $2::bigint`,
        values,
        repeatable,
      )
      return rows.map(recordOf)
    },
  }
}

function recordOf(row: { readonly [column: string]: unknown }): AuditRecord {
  const chained = JSON.parse(String(row['record'])) as AuditRecord
  return typeof row['content'] === 'string' ? { ...chained, content: row['content'] } : chained
}
