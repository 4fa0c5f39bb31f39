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
