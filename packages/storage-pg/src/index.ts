/**
 * Sluice on PostgreSQL and PGlite: one factory per port, and `pgStore` for all of them.
 *
 * @packageDocumentation
 */
export { migrate, type MigrationResult, type SchemaOptions } from './migrate.ts'
export { migrations, type Migration } from './migrations/index.ts'
export type { PgOptions } from './database.ts'
export { defaultPgOptions } from './schema-name.ts'
export { defaultMaintenanceOptions, type MaintenanceOptions, type MaintenanceResult } from './maintain.ts'
export { StoreError, type StoreErrorCode } from './store-error.ts'
export type { PgClient, PgPool, PgResult } from './pool.ts'

export { pgAuditLog } from './pg-audit-log.ts'
export { pgBudgetBook } from './pg-budget-book.ts'
export { pgKeyRing } from './pg-key-ring.ts'
export { pgLedger, type PgLedger } from './pg-ledger.ts'
export { pgPolicyShelf } from './pg-policy-shelf.ts'
export { pgRateBook } from './pg-rate-book.ts'
export { pgScopeTree } from './pg-scope-tree.ts'
export { pgStore, type PgStore, type PgStoreOptions } from './pg-store.ts'
export { pgTimeSource } from './pg-time-source.ts'
