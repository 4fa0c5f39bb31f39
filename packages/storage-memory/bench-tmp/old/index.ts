/**
 * A ledger in memory.
 *
 * @packageDocumentation
 */
export { defaultMemoryLedgerOptions, memoryLedger, type MemoryLedger, type MemoryLedgerOptions } from './memory-ledger.ts'
