/**
 * All of a gateway's state in one SQLite file, through Node's own `node:sqlite`.
 *
 * @packageDocumentation
 */
export { openSqlite, type SqliteStore, type SqliteStoreOptions } from './open-sqlite.ts'
export { defaultSqliteOptions, openSqliteDatabase, type SqliteDatabase, type SqliteOptions } from './sqlite-database.ts'
export { defaultMaintenanceOptions, sqliteMaintenance, type MaintenanceOptions, type MaintenanceResult } from './sqlite-maintenance.ts'
export { sqliteAuditLog } from './sqlite-audit-log.ts'
export { sqliteBudgetBook } from './sqlite-budget-book.ts'
export { sqliteKeyRing } from './sqlite-key-ring.ts'
export { sqliteLedger, type SqliteLedger } from './sqlite-ledger.ts'
export { sqlitePolicyShelf } from './sqlite-policy-shelf.ts'
export { sqliteRateBook } from './sqlite-rate-book.ts'
export { sqliteScopeTree } from './sqlite-scope-tree.ts'
export { sqliteSecrets, type SecretMaker } from './sqlite-secrets.ts'
export { sqliteTime } from './sqlite-time.ts'
export { StoreError, type StoreErrorCode } from './store-error.ts'
