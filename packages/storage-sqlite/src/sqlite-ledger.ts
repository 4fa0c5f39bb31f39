import type { Ledger, ProvisionalEntries } from '@sluice/core'
import { LedgerEntries, storableEntry } from './ledger-entries.ts'
import { ledgerHorizon } from './ledger-horizon.ts'
import { LedgerReports } from './ledger-report.ts'
import { provisionalEntries, provisionalSlots } from './provisional-entries.ts'
import type { SqliteDatabase } from './sqlite-database.ts'

/** A ledger that outlives its process. */
export interface SqliteLedger extends Ledger {
  readonly provisional: ProvisionalEntries
}

/**
 * A {@link Ledger} in an SQLite database: entries as JSON, and sums of them by quarter of an hour and every dimension, sessions and agents included.
 * A report reads sums; entries only for percentiles, and at a `since` or `until` that falls within a quarter. It works in pieces, so a long one holds nobody up.
 */
export function sqliteLedger(database: SqliteDatabase): SqliteLedger {
  const entries = new LedgerEntries(database)
  const reports = new LedgerReports(database, entries, ledgerHorizon(database))
  const slots = provisionalSlots(database)
  return {
    append: async (entry) => {
      const storable = storableEntry(entry)
      await database.write(() => entries.keep(storable), 'gathered')
      slots.close(storable.kept.exchangeId)
    },
    report: (query) => reports.report(query),
    exchanges: (query) => database.read(() => entries.list(query)),
    provisional: provisionalEntries(database, entries),
  }
}
