import type { AuditLog, BudgetBook, KeyRing, PolicyShelf, RateBook, ScopeTree, TimeSource } from '@sluice/core'
import { sqliteAuditLog } from './sqlite-audit-log.ts'
import { sqliteBudgetBook } from './sqlite-budget-book.ts'
import { openSqliteDatabase, type SqliteDatabase, type SqliteOptions } from './sqlite-database.ts'
import { sqliteKeyRing } from './sqlite-key-ring.ts'
import { sqliteLedger, type SqliteLedger } from './sqlite-ledger.ts'
import { checkMaintenanceOptions, sqliteMaintenance, type MaintenanceOptions, type MaintenanceResult } from './sqlite-maintenance.ts'
import { sqlitePolicyShelf } from './sqlite-policy-shelf.ts'
import { sqliteRateBook } from './sqlite-rate-book.ts'
import { sqliteScopeTree } from './sqlite-scope-tree.ts'
import { sqliteSecrets, type SecretMaker } from './sqlite-secrets.ts'
import { sqliteTime } from './sqlite-time.ts'

/** Options of {@link openSqlite}. */
export interface SqliteStoreOptions extends SqliteOptions, MaintenanceOptions {}

/** All of a gateway's state in one database. */
export interface SqliteStore {
  readonly ledger: SqliteLedger
  readonly keys: KeyRing
  readonly scopes: ScopeTree
  readonly budgets: BudgetBook
  readonly rates: RateBook
  readonly policies: PolicyShelf
  readonly audit: AuditLog
  readonly time: TimeSource
  /**
   * The secret kept under a name, made now where there is none: a pepper for keys, say. All callers get the same, whoever raced, for ever. Whoever reads the file
   * reads it; keep it elsewhere where that matters.
   */
  readonly secret: (name: string, make: SecretMaker) => Promise<string>
  /**
   * Forgets entries that have expired, in lots between which others get their turn, and at most some ten thousand a call. Call it every minute or so; `upkeep` does.
   * `now` is milliseconds since the epoch.
   */
  readonly maintain: (now: number) => Promise<MaintenanceResult>
  /** For factories of single ports. */
  readonly database: SqliteDatabase
  /** Closes the file and lets others open it. What is asked afterwards is rejected. Idempotent. */
  readonly close: () => Promise<void>
}

/**
 * Opens a store in a file, or makes it, for this process alone; `:memory:` makes one that is gone when it is closed. What an earlier version wrote is upgraded.
 * A second opener is refused at once and told who has it. The lock goes with its process, however that dies; what was kept stays.
 *
 * ```ts
 * const store = await openSqlite('sluice.db')
 * const gateway = createGateway({ … }).record(store.ledger)
 * ```
 *
 * @throws ConfigurationError (rejects) where somebody has the file open, where it is not this package's, or where its schema is of a newer version, and for a retention that is not a
 * positive whole number of days
 * @throws StoreError (rejects) where the file cannot be read or written
 */
export async function openSqlite(path: string, options: SqliteStoreOptions = {}): Promise<SqliteStore> {
  checkMaintenanceOptions(options)
  const database = await openSqliteDatabase(path, options)
  return {
    ledger: sqliteLedger(database),
    keys: sqliteKeyRing(database),
    scopes: sqliteScopeTree(database),
    budgets: sqliteBudgetBook(database),
    rates: sqliteRateBook(database),
    policies: sqlitePolicyShelf(database),
    audit: sqliteAuditLog(database),
    time: sqliteTime(database),
    secret: sqliteSecrets(database),
    maintain: sqliteMaintenance(database, options),
    database,
    close: () => database.close(),
  }
}
