/**
 * All of a gateway's state in one SQLite file, through Node's own `node:sqlite`.
 *
 * @packageDocumentation
 */
export { openSqlite, type SqliteStore } from './open-sqlite.ts'
export { defaultSqliteOptions, openSqliteDatabase, type SqliteDatabase, type SqliteOptions } from './sqlite-database.ts'
export { sqliteAuditLog } from './sqlite-audit-log.ts'
export { sqliteBudgetBook } from './sqlite-budget-book.ts'
export { sqliteKeyRing } from './sqlite-key-ring.ts'
export { sqliteLedger, type SqliteLedger } from './sqlite-ledger.ts'
export { sqliteRateBook } from './sqlite-rate-book.ts'
export { sqliteScopeTree } from './sqlite-scope-tree.ts'
export { sqliteSecrets, type SecretMaker } from './sqlite-secrets.ts'
export { sqliteTime } from './sqlite-time.ts'
export { StoreError, type StoreErrorCode } from './store-error.ts'
