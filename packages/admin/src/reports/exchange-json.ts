import type {
  AttemptRecord,
  Attributed,
  Attribution,
  CostState,
  LedgerEntry,
  OutcomeKind,
  PatchNote,
  Principal,
  TokenBuckets,
  UsageLine,
  UsageSource,
} from '@sluice/core'
import { z } from 'zod'
import { routeAnswer, toRouteJson, type RouteJson } from './route-json.ts'

/** An exchange as `sluice exchanges --json` and the JSON log show it. What is not known is null, never 0; money is text, so that no reader rounds it. */
export interface ExchangeJson {
  readonly id: string
  readonly outcome: OutcomeKind
  readonly error: { readonly origin: 'gateway' | 'upstream'; readonly code: string } | null
  readonly status: number | null
  readonly method: string
  readonly path: string
  readonly startedAt: string
  readonly endedAt: string
  readonly durationMillis: number
  readonly firstByteMillis: number | null
  readonly attribution: Readonly<Record<string, Attributed | Readonly<Record<string, string>>>> & {
    readonly kind: Attributed
    readonly tags: Readonly<Record<string, string>>
  }
  readonly principal: Principal | null
  readonly requestedModel: string | null
  readonly resolvedModel: string | null
  readonly billedModel: string | null
  readonly stream: boolean
  readonly stopReason: string | null
  readonly usage: TokenBuckets & { readonly source: UsageSource; readonly lines: readonly UsageLine[]; readonly flags: readonly string[] }
  readonly cost: {
    readonly state: CostState
    readonly nanoUsd: string
    readonly lines: readonly { readonly model: string; readonly role: string; readonly state: CostState; readonly nanoUsd: string }[]
    readonly priceVersion: string
  }
  readonly costNanoUsd: string
  readonly attempts: readonly AttemptRecord[]
  /** Why it went where it went; null where no policy routed it. */
  readonly route: RouteJson | null
  readonly upstreamRequestId: string | null
  readonly messageId: string | null
  readonly requestBytes: number
  readonly responseBytes: number
  readonly requestDigest: string | null
  readonly upstreamRequestDigest: string | null
  readonly upstreamResponseDigest: string | null
  readonly responseDigest: string | null
  readonly patches: readonly PatchNote[]
}

/** A ledger entry as plain JSON. */
export function toExchangeJson(entry: LedgerEntry): ExchangeJson {
  const { usage, cost, proof, outcome } = entry
  return {
    id: entry.exchangeId,
    outcome: outcome.kind,
    error: outcome.error ?? null,
    status: entry.status ?? null,
    method: entry.method,
    path: entry.path,
    startedAt: new Date(entry.startedAt).toISOString(),
    endedAt: new Date(entry.endedAt).toISOString(),
    durationMillis: entry.endedAt - entry.startedAt,
    firstByteMillis: entry.firstByteAt === undefined ? null : entry.firstByteAt - entry.startedAt,
    attribution: knownOf(entry.attribution),
    principal: entry.principal ?? null,
    requestedModel: entry.requestedModel ?? null,
    resolvedModel: entry.resolvedModel ?? null,
    billedModel: entry.billedModel ?? null,
    stream: entry.isStream,
    stopReason: entry.stopReason ?? null,
    usage: { source: usage.source, ...usage.total, lines: usage.lines, flags: usage.flags },
    cost: {
      state: cost.state,
      nanoUsd: cost.nanoUsd.toString(),
      lines: cost.lines.map(({ model, role, state, nanoUsd }) => ({ model, role, state, nanoUsd: nanoUsd.toString() })),
      priceVersion: cost.priceVersion,
    },
    costNanoUsd: cost.nanoUsd.toString(),
    attempts: entry.attempts,
    route: entry.route === undefined ? null : toRouteJson(entry.route),
    upstreamRequestId: entry.upstreamRequestId ?? null,
    messageId: entry.messageId ?? null,
    requestBytes: entry.requestBytes,
    responseBytes: entry.responseBytes,
    requestDigest: proof.requestDigest ?? null,
    upstreamRequestDigest: proof.upstreamRequestDigest ?? null,
    upstreamResponseDigest: proof.upstreamResponseDigest ?? null,
    responseDigest: proof.responseDigest ?? null,
    patches: proof.patches,
  }
}

function knownOf(attribution: Attribution): ExchangeJson['attribution'] {
  return Object.fromEntries(Object.entries(attribution).filter(([, value]) => value !== undefined)) as ExchangeJson['attribution']
}

const attributed = z.strictObject({ value: z.string(), source: z.string() })
const buckets = {
  freshInputTokens: z.number(),
  cacheReadTokens: z.number(),
  cacheWrite5mTokens: z.number(),
  cacheWrite1hTokens: z.number(),
  outputTokens: z.number(),
  webSearchRequests: z.number(),
  webFetchRequests: z.number(),
}
const digest = z.string().nullable()

/** The schema of {@link ExchangeJson}. */
export const exchangeAnswer: z.ZodType = z.strictObject({
  id: z.string(),
  outcome: z.string(),
  error: z.strictObject({ origin: z.enum(['gateway', 'upstream']), code: z.string() }).nullable(),
  status: z.number().nullable(),
  method: z.string(),
  path: z.string(),
  startedAt: z.string(),
  endedAt: z.string(),
  durationMillis: z.number(),
  firstByteMillis: z.number().nullable(),
  attribution: z.object({ kind: attributed, tags: z.record(z.string(), z.string()) }).catchall(attributed),
  principal: z.looseObject({ keyId: z.string(), developer: z.string() }).nullable(),
  requestedModel: z.string().nullable(),
  resolvedModel: z.string().nullable(),
  billedModel: z.string().nullable(),
  stream: z.boolean(),
  stopReason: z.string().nullable(),
  usage: z.strictObject({ source: z.string(), ...buckets, lines: z.array(z.looseObject({})), flags: z.array(z.string()) }),
  cost: z.strictObject({
    state: z.string(),
    nanoUsd: z.string(),
    lines: z.array(z.strictObject({ model: z.string(), role: z.string(), state: z.string(), nanoUsd: z.string() })),
    priceVersion: z.string(),
  }),
  costNanoUsd: z.string(),
  attempts: z.array(z.looseObject({ upstream: z.string() })),
  route: routeAnswer,
  upstreamRequestId: z.string().nullable(),
  messageId: z.string().nullable(),
  requestBytes: z.number(),
  responseBytes: z.number(),
  requestDigest: digest,
  upstreamRequestDigest: digest,
  upstreamResponseDigest: digest,
  responseDigest: digest,
  patches: z.array(z.looseObject({})),
})
