/**
 * Sluice's core: everything public, spelled out. Read `gateway.ts` first; it is the table of contents.
 *
 * @packageDocumentation
 */
export { createGateway, defaultGatewayOptions, type Gateway, type GatewayOptions, type MountableGateway } from './gateway.ts'
export {
  ConfigurationError,
  GatewayError,
  type AnthropicErrorType,
  type Fault,
  type FaultCode,
  type GatewayErrorCode,
  type GatewayErrorOptions,
} from './errors.ts'
export { newExchangeId, systemClock, systemHost, type Clock, type Host } from './host.ts'
export { Secret } from './secret.ts'

export type { GatewayShape, Middleware, Next } from './middleware/middleware.ts'
export { authenticate, staticKeys, type Authenticated, type AuthenticateOptions, type StaticKey } from './middleware/authenticate.ts'
export { attribute, defaultAttributeOptions, type AttributeOptions, type WithAttribution } from './middleware/attribute.ts'

export { revokedKey, rotatedKey } from './keys/key-changes.ts'
export type { KeyIssue } from './keys/issue-request.ts'
export {
  defaultVirtualKeyOptions,
  virtualKeys,
  type IssueResult,
  type PresentedKey,
  type RevokeResult,
  type RotateResult,
  type VirtualKeyOptions,
  type VirtualKeys,
} from './keys/virtual-keys.ts'
export { checkRestrictions } from './keys/restrictions.ts'
export type { RandomBytes } from './keys/key-text.ts'
export { auditTrail, type AuditCheck, type AuditedChange, type AuditTrail, type AuditTrailOptions, type AuditVerdict } from './audit/audit-trail.ts'
export { canonicalJson } from './audit/canonical-json.ts'
export { checkScopePath, isDeeper, isWithin, lastNameOf, levelBelow, parentOf, scopeLevels } from './keys/scope-path.ts'

export { budget, defaultBudgetOptions, type BudgetMiddleware, type BudgetOptions, type BudgetVerdict, type WithBudget } from './middleware/budget.ts'
export type { ThresholdPassed } from './budget/threshold-watch.ts'
export { usageRoute, type UsageRouteOptions } from './budget/usage-route.ts'
export { defaultUpkeepOptions, upkeep, type Upkeep, type UpkeepOptions } from './settle/upkeep.ts'

export type { AbortKind, CheckedTarget, Exchange, PricedUsage, SettledCallback, SpendEstimate, TargetCheck } from './exchange/exchange.ts'
export type { EstimateContext, EstimateQuestion, Estimates, EstimateSource, UsageEstimate } from './exchange/estimates.ts'
export { defaultPromptEstimateOptions, promptEstimates, type PromptEstimateOptions } from './exchange/prompt-estimates.ts'
export { defaultExactCountOptions, type CountRequest, type ExactCountOptions } from './exchange/exact-counts.ts'
export type { Tokenizer } from './ports/tokenizer.ts'
export type { LocalAnswer, LocalRoute } from './local-routes.ts'
export { defaultRecordOptions, type RecordOptions } from './settle/record.ts'
export { ownReply, refuse, type Reply } from './exchange/reply.ts'
export { applyPatches, replaceTopLevelString, type Patch, type PatchedBody, type Splice } from './exchange/patch.ts'
export { RequestBody } from './exchange/request-body.ts'

export { toUpstream, type Plan, type Router, type Target } from './route/router.ts'
export { defaultAttemptOptions, type AttemptOptions } from './route/ask-targets.ts'
export { defaultFirstContentOptions, headHold, type FirstContentOptions, type HeadHold } from './route/first-content.ts'
export {
  defaultUpstreamHealthOptions,
  upstreamHealth,
  type Trial,
  type TrialEnd,
  type UpstreamHealth,
  type UpstreamHealthOptions,
  type UpstreamHealthState,
} from './route/upstream-health.ts'
export { sessionAffine, type AffineTarget, type SessionAffineOptions } from './route/session-affine.ts'
export { defaultDeadlines, type Deadlines, type UpstreamOptions } from './route/upstream.ts'
export type { AcceptEncoding } from './route/forward-headers.ts'
export {
  dialectCredential,
  gatewayKeyHeader,
  passthroughCredential,
  splitCredential,
  swapCredential,
  type PassthroughOptions,
  type UpstreamCredential,
} from './route/upstream-credential.ts'

export type { Gate, GateVerdict } from './relay/gate.ts'
export type { Observer } from './relay/observer.ts'

export { anthropicPrices, usdPerMillion, type ModelPrice, type PriceList, type TokenRates } from './meter/price-table.ts'
export { pricing, type Cost, type CostLine, type CostState, type Pricing, type PricingOptions, type UnknownModelPolicy } from './meter/price.ts'
export { addTokens, noTokens, promptTokens, type RateConditions, type TokenBuckets, type UsageLine, type UsageReport, type UsageSource } from './meter/usage.ts'

export type { Attributed, Attribution, AttributionSource, RequestKind } from './entry/attribution.ts'
export type { RouteAction, RouteCandidate, RouteRecord, RouteTarget, RouteVerdict, ShadowRoute, SwitchArithmetic } from './entry/route-record.ts'
export type { AttemptRecord, Outcome, OutcomeKind, PassthroughProof, PatchNote, Settlement } from './entry/settlement.ts'

export { defaultRateLimitOptions, rateLimit, type RateLimitOptions } from './middleware/rate-limit.ts'
export { defaultRateLimit, rateLimitOf, type RateLimitInput } from './rates/check-limit.ts'
export { RateTable } from './rates/rate-table.ts'
export { bucketAfter, bucketAnswer, bucketAt, bucketFullAt, bucketRemaining, type RateBucket } from './rates/token-bucket.ts'
export {
  accountOf,
  budgetPots,
  carrySlot,
  closedWindowSpend,
  effectiveAmount,
  hardCapOf,
  percentOf,
  potClaims,
  shareAccountOf,
  type BudgetPot,
  type ClosedWindowSpend,
  type ClosedWindowSpendOptions,
} from './budget/accounts.ts'
export { parseBudgetJson, toBudgetJson } from './budget/budget-json.ts'
export { checkBudget, defaultBudget, type BudgetInput } from './budget/check-budget.ts'
export { defaultLeasedBudgetBookOptions, type LeasedBudgetBookOptions } from './budget/leased-budget-book-options.ts'
export { leasedBudgetBook, type LeasedBudgetBook } from './budget/leased-budget-book.ts'
export { budgetStatus, type BudgetStatus } from './budget/status.ts'
export { budgetIndex, isCovered, type BudgetIndex, type SpendFacts } from './budget/subjects.ts'
export { windowAt, windowBefore, type WindowRange } from './budget/windows.ts'

export type { ClientRequest, ClientSink } from './ports/client-request.ts'
export type { AuditLog, AuditQuery, AuditRecord } from './ports/audit-log.ts'
export type {
  AccountSlot,
  Balance,
  BookedHold,
  Budget,
  BudgetAction,
  BudgetBook,
  BudgetCharge,
  BudgetClaim,
  BudgetDraw,
  BudgetRaise,
  BudgetSettlement,
  BudgetSubject,
  BudgetWindow,
  Reservation,
  ReservationResult,
} from './ports/budget-book.ts'
export type { CredentialVerifier, KeyQuery, KeyRecord, KeyRestrictions, KeyRevocation, KeyRing, KeyRotation, KeySecret, Principal } from './ports/key-ring.ts'
export type { ExchangeQuery, Ledger, LedgerEntry, Percentiles, ProvisionalEntries, ReportDimension, ReportQuery, ReportRow } from './ports/ledger.ts'
export type { PolicyDocument, PolicyHistoryQuery, PolicyPublication, PolicyPublish, PolicyPublishResult, PolicyShelf } from './ports/policy-shelf.ts'
export type { PlaceClaim, RateBook, RateClaim, RateConsistency, RateEach, RateLimit, RateResult, RateUnit } from './ports/rate-book.ts'
export type { Scope, ScopeAddition, ScopeLevel, ScopeQuery, ScopeTree } from './ports/scope-tree.ts'
export type { TimeSource } from './ports/time-source.ts'
export type { DialectFacts, DialectRequest, UpstreamDialect } from './ports/upstream-dialect.ts'
export {
  TransportError,
  type ContentDecoder,
  type DecoderFactory,
  type KeyedHash,
  type Runtime,
  type Transport,
  type TransportFailurePhase,
  type UpstreamReply,
  type UpstreamRequest,
} from './ports/runtime.ts'

export { bytesSource, iterableSource, type ByteSource, type ByteWriter } from './wire/byte-stream.ts'
export { crc32 } from './wire/crc32.ts'
export { checksumDigests, type Crc32, type Digest, type DigestAlgorithm, type DigestFactory } from './wire/digest.ts'
export { headerValue, headerValues, type HeaderList } from './wire/header-list.ts'
export { scanTopLevel, type JsonScan, type TopLevelMember } from './wire/json-scan.ts'
export { FrameSplitter, SseFrame, type SplitResult } from './wire/sse-frames.ts'
