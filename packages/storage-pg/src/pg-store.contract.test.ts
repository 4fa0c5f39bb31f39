import {
  auditLogContract,
  budgetBookContract,
  keyRingContract,
  policyShelfContract,
  rateBookContract,
  scopeTreeContract,
  type Contract,
} from '@sluice/core/testing'
import { describe, test } from 'vitest'
import { eachDatabase } from '../test/each-database.ts'
import { pgAuditLog } from './pg-audit-log.ts'
import { pgBudgetBook } from './pg-budget-book.ts'
import { pgKeyRing } from './pg-key-ring.ts'
import { pgPolicyShelf } from './pg-policy-shelf.ts'
import { pgRateBook } from './pg-rate-book.ts'
import { pgScopeTree } from './pg-scope-tree.ts'
import type { PgPool } from './pool.ts'

function tests(contract: readonly Contract[]): void {
  for (const { name, run } of contract) test(name, run)
}

eachDatabase((database) => {
  /** Stores on schemas of their own, opened anew on the same one. */
  const source = <Store extends object>(open: (pool: PgPool, options: { readonly schema: string }) => Store) => {
    const schemas = new WeakMap<Store, string>()
    const on = (schema: string): Store => {
      const store = open(database().pool, { schema })
      schemas.set(store, schema)
      return store
    }
    return {
      create: async () => on(await database().freshSchema()),
      destroy: async (store: Store) => database().release(schemas.get(store) as string),
      reopen: async (store: Store) => on(schemas.get(store) as string),
    }
  }
  describe('the budget book contract', () => tests(budgetBookContract(source(pgBudgetBook))))
  describe('the key ring contract', () => tests(keyRingContract(source(pgKeyRing))))
  describe('the scope tree contract', () => tests(scopeTreeContract(source(pgScopeTree))))
  describe('the rate book contract', () => tests(rateBookContract(source(pgRateBook))))
  describe('the policy shelf contract', () => tests(policyShelfContract(source(pgPolicyShelf))))
  describe('the audit log contract', () => tests(auditLogContract(source(pgAuditLog))))
})
