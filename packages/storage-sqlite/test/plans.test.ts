import { entryDimensions } from '@sluice/core/ledger'
import { sampleEntry } from '@sluice/core/testing'
import { expect, test } from 'vitest'
import {
  openSqliteDatabase,
  sqliteAuditLog,
  sqliteBudgetBook,
  sqliteKeyRing,
  sqliteLedger,
  sqliteMaintenance,
  sqlitePolicyShelf,
  sqliteRateBook,
  sqliteScopeTree,
  sqliteSecrets,
} from '../src/index.ts'

/** Small by what they are: what is under way, what administrators set, one row a bucket or place, one row at all. And values that are no tables. */
const mayBeScanned = new Set(['holds', 'provisional_slots', 'budgets', 'limits', 'rates', 'places', 'horizon', 'json_each', 'CONSTANT'])

test('J2: no statement scans entries, sums of them, holds that have ended, or pots', async () => {
  const database = await openSqliteDatabase(':memory:')
  const statements = new Set<string>()
  const prepare = database.prepare.bind(database)
  database.prepare = (sql) => {
    statements.add(sql)
    return prepare(sql)
  }
  for (const port of [sqliteAuditLog, sqliteBudgetBook, sqliteKeyRing, sqliteMaintenance, sqlitePolicyShelf, sqliteRateBook, sqliteScopeTree, sqliteSecrets])
    port(database)
  const ledger = sqliteLedger(database)
  await ledger.append(sampleEntry())
  for (const dimension of [...entryDimensions, 'day' as const]) await ledger.report({ groupBy: [dimension], where: { session: 's', model: 'm' } })
  const scans: string[] = []
  for (const sql of statements) {
    if (/^(?:begin|commit|rollback|explain)/.test(sql)) continue
    for (const { detail } of prepare(`explain query plan ${sql}`).all()) {
      const table = /^SCAN (\w+)(?! CONSTANT)/.exec(String(detail))?.[1]
      if (table !== undefined && !mayBeScanned.has(table) && !/order by sequence desc limit/.test(sql))
        scans.push(`${String(detail)}: ${sql.replaceAll(/\s+/g, ' ')}`)
    }
  }
  expect(scans).toEqual([])
  expect(statements.size).toBeGreaterThan(40)
})
