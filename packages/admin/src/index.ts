/**
 * The admin API of a Sluice gateway: scopes, keys, budgets, limits, the audit log, routing policies and reports over HTTP. Start with `admin-api.ts`.
 *
 * @packageDocumentation
 */
export { adminApi, adminPrefix, type AdminApi, type AdminApiOptions, type AdminContext } from './admin-api.ts'
export { hashAdminToken, type AdminToken } from './admin-token.ts'
export type { OnFailure } from './change.ts'
export type { OpenapiDocument } from './openapi.ts'
export type { AdminRole } from './power.ts'
export type { AdminGatewayJson, AdminStores } from './stores.ts'

export { dimensions, emptyTotal, toReportRowJson, type ReportRowJson } from './reports/report-json.ts'
export { toExchangeJson, type ExchangeJson } from './reports/exchange-json.ts'
export type { RouteJson, SwitchArithmeticJson } from './reports/route-json.ts'
export type { KeyJson } from './routes/key-routes.ts'
export type { ScopeJson } from './routes/scope-routes.ts'
export type { BudgetJson, BudgetStatusJson } from './routes/budget-json.ts'
export type { ExplainJson } from './routes/explain-routes.ts'
export type { CurrentPolicyJson, PolicyCheckJson, PolicyDiffJson, PublicationJson, PublishedJson } from './routes/policy-routes.ts'
export type { PricesInput, WhatIfJson, WhatIfRowJson } from './routes/what-if-json.ts'
export type { CacheHealthJson, ConcentrationJson, LeaderboardJson, SessionCacheJson, SessionCostsJson } from './routes/chargeback-routes.ts'

export { policyDiff, type PolicyChange } from './policies/policy-diff.ts'
export { explainRoute } from './policies/explain-route.ts'
export { cacheWatch, type CacheAlarm, type CacheTurn, type CacheWatch, type CacheWatchOptions } from './chargeback/cache-watch.ts'
export {
  cacheHealth,
  sessionCacheTurns,
  type CacheFigures,
  type CacheHealth,
  type SessionCacheFigures,
  type SessionCacheTurns,
} from './chargeback/cache-health.ts'
export { concentration, type Concentration } from './chargeback/concentration.ts'
export type { CostRow } from './chargeback/cost-rows.ts'
export { leaderboard, type LeaderboardPlace } from './chargeback/leaderboard.ts'
export { sessionCosts, type SessionCostBin, type SessionCosts } from './chargeback/session-costs.ts'
