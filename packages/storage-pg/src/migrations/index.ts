import { ledgerMigration } from './0001-ledger.ts'
import { filingMigration } from './0002-filing.ts'
import { budgetMigration } from './0003-budgets.ts'
import { rateMigration } from './0004-rates.ts'
import { registryMigration } from './0005-registry.ts'
import { policyMigration } from './0006-policies.ts'
import { settlingMigration } from './0007-settling.ts'
import { sessionMigration } from './0008-sessions.ts'
import type { Migration } from './migration.ts'

export type { Migration } from './migration.ts'

/** All of them, in order. One that has been released never changes: a later one amends it. */
export const migrations: readonly Migration[] = Object.freeze([
  ledgerMigration,
  filingMigration,
  budgetMigration,
  rateMigration,
  registryMigration,
  policyMigration,
  settlingMigration,
  sessionMigration,
])
