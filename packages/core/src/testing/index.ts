/**
 * The contributor's kit: what tests of a gateway, a middleware or a storage adapter need, in any runtime and under any test runner.
 *
 * @packageDocumentation
 */
export { clientRequest, type ClientRequestParts, type TestClientRequest } from './client-request.ts'
export { collectingSink, type CollectingSink } from './collecting-sink.ts'
export { manualClock, type ManualClock } from './manual-clock.ts'
export { scriptedTransport, type ScriptStep, type ScriptedCall, type ScriptedReply, type ScriptedTransport } from './scripted-transport.ts'

export { budgetBookContract, type BudgetBookContractOptions } from './contracts/budget-book-contract.ts'
export { ledgerContract, type LedgerContractOptions } from './contracts/ledger-contract.ts'
export { auditLogContract, type AuditLogContractOptions } from './contracts/audit-log-contract.ts'
export { keyRingContract, type KeyRingContractOptions } from './contracts/key-ring-contract.ts'
export { policyShelfContract, type PolicyShelfContractOptions } from './contracts/policy-shelf-contract.ts'
export { rateBookContract, type RateBookContractOptions } from './contracts/rate-book-contract.ts'
export { scopeTreeContract, type ScopeTreeContractOptions } from './contracts/scope-tree-contract.ts'
export { provisionalContract, type ProvisionalContractOptions, type ProvisionalLedger } from './contracts/provisional-contract.ts'
export type { Contract, DeclaredGap } from './contracts/contract.ts'
export { reportOracle } from './report-oracle.ts'
export { sampleEntries } from './sample-entries.ts'
export { sampleEntry, type SampleOverrides, type SamplePart } from './sample-entry.ts'
