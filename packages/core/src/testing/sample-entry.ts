import type { Attributed, Attribution, RequestKind } from '../entry/attribution.ts'
import type { CostLine, CostState } from '../meter/price.ts'
import { noTokens, type RateConditions, type TokenBuckets, type UsageLine, type UsageSource } from '../meter/usage.ts'
import type { LedgerEntry } from '../ports/ledger.ts'

/** Usage on one model, and what it cost. */
export interface SamplePart extends Partial<TokenBuckets>, RateConditions {
  /** @defaultValue 'claude-opus-5-5' */
  readonly model?: string
  /** @defaultValue 'message' */
  readonly role?: string
  /** @defaultValue 1_000_000n */
  readonly costNanoUsd?: bigint
  /** @defaultValue 'priced' */
  readonly state?: CostState
}

/** What is to be special about a {@link sampleEntry}. Any field of an entry goes; `labels` and `parts` are short for the attribution, and for usage and cost that agree. */
export interface SampleOverrides extends Partial<LedgerEntry> {
  readonly labels?: Partial<Record<'session' | 'developer' | 'repository' | 'agent', string>> & {
    readonly kind?: RequestKind
    readonly tags?: Readonly<Record<string, string>>
  }
  /** @defaultValue one part with every default */
  readonly parts?: readonly SamplePart[]
  /** @defaultValue 'final', or 'none' without parts */
  readonly usageSource?: UsageSource
}

let sampleCount = 0

/** A plausible settled exchange, for tests. Each has an `exchangeId` of its own unless one is given. */
export function sampleEntry(overrides: SampleOverrides = {}): LedgerEntry {
  const { labels = {}, parts = [{}], usageSource, ...fields } = overrides
  sampleCount += 1
  const startedAt = fields.startedAt ?? Date.UTC(2026, 10, 24, 12)
  const usageLines = parts.map(usageLine)
  const costLines = parts.map(costLine)
  const states = costLines.map(({ state }) => state)
  const state = (['unpriced', 'assumed', 'priced'] as const).find((candidate) => states.includes(candidate)) ?? 'free'
  return {
    exchangeId: `ex_sample_${String(sampleCount).padStart(8, '0')}`,
    startedAt,
    endedAt: startedAt + 2_000,
    method: 'POST',
    path: '/v1/messages',
    outcome: { kind: 'completed' },
    status: 200,
    isStream: true,
    requestBytes: 345_000,
    responseBytes: 12_000,
    attempts: [{ upstream: 'anthropic', startedAt, headAt: startedAt + 400, status: 200 }],
    usage: { source: usageSource ?? (parts.length === 0 ? 'none' : 'final'), total: totalOf(usageLines[0]), lines: usageLines, flags: [] },
    cost: { state, nanoUsd: costLines.reduce((sum, { nanoUsd }) => sum + nanoUsd, 0n), lines: costLines, priceVersion: 'sample' },
    proof: { patches: [] },
    attribution: attributionOf(labels),
    ...fields,
  }
}

function usageLine({ model = 'claude-opus-5-5', role = 'message', costNanoUsd: _cost, state: _state, ...usage }: SamplePart): UsageLine {
  return { ...noTokens, ...usage, model, role }
}

function costLine({ model = 'claude-opus-5-5', role = 'message', costNanoUsd = 1_000_000n, state = 'priced' }: SamplePart): CostLine {
  return { model, role, state, nanoUsd: costNanoUsd }
}

function totalOf(line: UsageLine | undefined): TokenBuckets {
  if (line === undefined) return noTokens
  const { model: _model, role: _role, speed: _speed, inferenceGeo: _geo, serviceTier: _tier, ...tokens } = line
  return tokens
}

function attributionOf({ kind = 'main', tags = {}, ...labels }: NonNullable<SampleOverrides['labels']>): Attribution {
  const attributed = Object.entries(labels).map(([name, value]): [string, Attributed] => [name, { value, source: 'header' }])
  return { kind: { value: kind, source: 'request-shape' }, tags, ...Object.fromEntries(attributed) }
}
