/**
 * Every store in memory: ledger, budgets, limits, keys, scopes, policies and the audit chain.
 *
 * @packageDocumentation
 */
export { defaultMemoryLedgerOptions, memoryLedger, type MemoryLedger, type MemoryLedgerOptions } from './memory-ledger.ts'
export { memoryAuditLog } from './memory-audit-log.ts'
export { memoryKeyRing } from './memory-key-ring.ts'
export { memoryPolicyShelf } from './memory-policy-shelf.ts'
export { memoryScopeTree } from './memory-scope-tree.ts'
export { memoryBudgetBook, type MemoryBudgetBookOptions } from './memory-budget-book.ts'
export { memoryRateBook } from './memory-rate-book.ts'
