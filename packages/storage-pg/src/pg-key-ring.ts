import { revokedKey, rotatedKey, type KeyRecord, type KeyRing } from '@sluice/core'
import { toStorable } from '@sluice/core/ledger'
import { Database, type PgOptions } from './database.ts'
import type { PgPool } from './pool.ts'
import { rowLimit } from './row-limit.ts'
import { withinCondition } from './within-condition.ts'

const repeatable = { isIdempotent: true } as const

/**
 * A {@link KeyRing} on PostgreSQL. A key is found by its primary key, and changed under its row's lock.
 *
 * @throws ConfigurationError for a schema that is no plain identifier
 */
export function pgKeyRing(pool: PgPool, options: PgOptions = {}): KeyRing {
  return keyRingOn(new Database(pool, options))
}

/** {@link pgKeyRing} on a database that is shared with other ports. */
export function keyRingOn(database: Database): KeyRing {
  const change = (id: string, changed: (record: KeyRecord) => KeyRecord | undefined): Promise<KeyRecord | undefined> =>
    database.transaction(repeatable, async (query) => {
      const { rows } = await query('select record from {s}.keys where id = $1 for no key update', [id])
      if (rows[0] === undefined) return undefined
      const record = recordOf(rows[0])
      const after = changed(record)
      if (after === undefined || after === record) return after
      const kept = toStorable(after)
      await query('update {s}.keys set record = $2 where id = $1', [id, JSON.stringify(kept)])
      return kept
    })
  return {
    issue: async (record) => {
      const kept = toStorable(record)
      const { rows } = await database.query(
        'insert into {s}.keys (id, scope, record) values ($1, $2, $3) on conflict do nothing returning id',
        [kept.id, kept.scope, JSON.stringify(kept)],
        { isIdempotent: false },
      )
      return rows.length > 0
    },
    find: async (id) => {
      const { rows } = await database.query('select record from {s}.keys where id = $1', [id], repeatable)
      return rows[0] === undefined ? undefined : recordOf(rows[0])
    },
    rotate: (rotation) => change(rotation.id, (record) => (record.revocation === undefined ? rotatedKey(record, toStorable(rotation)) : undefined)),
    revoke: (id, revocation) => change(id, (record) => revokedKey(record, revocation)),
    list: async ({ under, after, limit = 100 }) => {
      const values: (string | number)[] = [rowLimit(limit)]
      const conditions: string[] = []
      if (under !== undefined) conditions.push(withinCondition('scope', values.push(under)))
      if (after !== undefined) conditions.push(`id > $${values.push(after)}::text`)
      const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`
      const { rows } = await database.query(`select record from {s}.keys ${where} order by id limit $1::bigint`, values, repeatable)
      return rows.map(recordOf)
    },
  }
}

function recordOf(row: { readonly [column: string]: unknown }): KeyRecord {
  return JSON.parse(String(row['record'])) as KeyRecord
}
