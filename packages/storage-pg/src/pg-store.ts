import type { AuditLog, BudgetBook, KeyRing, PolicyShelf, RateBook, ScopeTree, TimeSource } from '@sluice/core'
import { onConnectionLoss } from './connection-loss.ts'
import { Database, type PgOptions } from './database.ts'
import { maintain, type MaintenanceOptions, type MaintenanceResult } from './maintain.ts'
import { auditLogOn } from './pg-audit-log.ts'
import { budgetBookOn } from './pg-budget-book.ts'
import { keyRingOn } from './pg-key-ring.ts'
import { ledgerOn, type PgLedger } from './pg-ledger.ts'
import { policyShelfOn } from './pg-policy-shelf.ts'
import { rateBookOn } from './pg-rate-book.ts'
import { scopeTreeOn } from './pg-scope-tree.ts'
import { timeSourceOn } from './pg-time-source.ts'
import type { PgPool } from './pool.ts'
import { generatedSecret } from './generated-secret.ts'

/** Options of {@link pgStore}. */
export interface PgStoreOptions extends PgOptions, MaintenanceOptions {
  /**
   * A pool of its own, on the same database, for what may take long and no exchange waits for: reports, lists of exchanges, maintenance. With it the other can have a short
   * `query_timeout`, which is how long a network that swallows packets can hold its connections, and no report takes one that an exchange waits for. @defaultValue the same pool
   */
  readonly reportPool?: PgPool
  /** Told when an idle connection of the pool broke, as when the server restarts; the pool makes new ones. Without it, nobody is told. */
  readonly onConnectionLost?: (error: Error) => void
}

/** Every port, on one database. */
export interface PgStore {
  readonly ledger: PgLedger
  readonly keys: KeyRing
  readonly scopes: ScopeTree
  readonly budgets: BudgetBook
  readonly rates: RateBook
  readonly policies: PolicyShelf
  readonly audit: AuditLog
  readonly time: TimeSource
  /** The secret of this name. Where there is none yet it is made and kept; of racing callers all get the one that was kept. */
  readonly secret: (name: string, make: () => string | Promise<string>) => Promise<string>
  /** Resolves where this version can serve the database. Every call of a port asks the same once. @throws StoreError with the code `schema`, and what to do */
  readonly checkSchema: () => Promise<void>
  /**
   * Makes partitions ahead, and drops those that have expired. Call it once an hour, from as many processes as you like; entries are taken without it too.
   * `now` is milliseconds since the epoch.
   */
  readonly maintain: (now: number) => Promise<MaintenanceResult>
  /** Takes no more entries, and resolves once those under way are written or refused. Does not end the pool: who made it does. */
  readonly close: () => Promise<void>
}

/**
 * Sluice on PostgreSQL 15 or later, or on PGlite. Works through any pool that looks like `pg.Pool`, and runs wherever that does.
 * The schema must be there: see `migrate`.
 *
 * @throws ConfigurationError for a schema that is no plain identifier, and for a retention that is not a positive number of days
 */
export function pgStore(pool: PgPool, options: PgStoreOptions = {}): PgStore {
  const { reportPool = pool } = options
  const database = new Database(pool, options)
  const patient = reportPool === pool ? database : new Database(reportPool, options)
  const runMaintenance = maintain(patient, options)
  const stopListening = [...new Set([pool, reportPool])].map((each) => onConnectionLoss(each, (error) => options.onConnectionLost?.(error)))
  const ledger = ledgerOn(database, patient)
  return {
    ledger,
    keys: keyRingOn(database),
    scopes: scopeTreeOn(database),
    budgets: budgetBookOn(database),
    rates: rateBookOn(database),
    policies: policyShelfOn(database),
    audit: auditLogOn(database),
    time: timeSourceOn(database),
    secret: (name, make) => generatedSecret(database, name, make),
    checkSchema: () => database.ready(),
    maintain: runMaintenance,
    close: async () => {
      await ledger.close()
      for (const stop of stopListening) stop()
    },
  }
}
