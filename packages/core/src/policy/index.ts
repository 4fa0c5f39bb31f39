/**
 * Routing by policy: documents that say where exchanges go, decisions that are explained, and what another policy would have cost.
 *
 * @packageDocumentation
 */
export type {
  Conditions,
  NumberRange,
  OfferedModel,
  Policy,
  PolicyAction,
  PolicyDefaults,
  PolicyFallback,
  PolicyModel,
  PolicyResidency,
  PolicyRule,
  PolicyStop,
  PolicyTarget,
  PolicyUpstream,
  SwitchMode,
  TimeSpan,
} from './policy-document.ts'
export { policyJsonSchema } from './policy-schema.ts'
export { parseRuleText, RuleTextError } from './rule-text.ts'
export type { RouteFacts } from './route-facts.ts'
export { compilePolicy, type CompiledPolicy, type CompiledRule, type Evaluation } from './compile-policy.ts'
export { parsePolicyText, publishPolicy, rollBackPolicy, toPolicyDocument, type PublishPolicyOptions, type RollBackPolicyOptions } from './policy-version.ts'
export { anthropicCapabilities, capabilityTable, type CapabilityTable, type ModelCapabilities } from './capabilities.ts'
export { breakEvenOutputTokens, switchArithmetic, type SwitchQuestion } from './arithmetic.ts'
export { defaultPolicyRouterOptions, policyHeader, policyRouter, type PolicyRouter, type PolicyRouterOptions } from './policy-router.ts'
export { recallFromLedger, type Recall, type RecallQuestion } from './recall.ts'
export { recommendedPolicy } from './recommended-policy.ts'
export { routingTable, routingTableText, type RoutingRow, type RoutingTableOptions } from './routing-table.ts'
export { simulatedSessions, type SessionShape, type SimulatedRequest } from './simulated-sessions.ts'
export { whatIf, whatIfReplay, type WhatIfCache, type WhatIfChanges, type WhatIfReplay, type WhatIfReport, type WhatIfRow } from './what-if.ts'
export type { BlockedSpend, PassedThreshold } from './what-if-budgets.ts'
