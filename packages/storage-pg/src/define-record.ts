import type { Database } from './database.ts'

/** Where versioned records are kept. */
interface VersionedTable {
  readonly table: 'budgets' | 'rate_limits'
  readonly column: 'budget' | 'rate_limit'
}

/** Keeps a record if its version is one more than what is kept. Of racing callers exactly one is told `true`. */
export async function defineRecord(database: Database, { table, column }: VersionedTable, id: string, version: number, json: string): Promise<boolean> {
  const { rows } = await database.query(
    version === 1
      ? `insert into {s}.${table} (id, version, ${column}) values ($1, $2::integer, $3) on conflict do nothing returning id`
      : `update {s}.${table} set version = $2::integer, ${column} = $3 where id = $1 and version = $2::integer - 1 returning id`,
    [id, version, json],
    // Sent again after an answer was lost, the same version would be told that it came too late.
    { isIdempotent: false },
  )
  return rows.length > 0
}
