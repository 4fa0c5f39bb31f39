import type { RequestKind } from '../entry/attribution.ts'
import type { OutcomeKind } from '../entry/settlement.ts'
import type { Principal } from '../ports/key-ring.ts'
import type { LedgerEntry } from '../ports/ledger.ts'
import { sampleEntry, type SamplePart } from './sample-entry.ts'

/** Whole numbers from a seed: the same seed gives the same row, everywhere. */
export interface SeededNumbers {
  /** A whole number from 0 to `below` - 1. */
  readonly below: (below: number) => number
  readonly pick: <Value>(values: readonly Value[]) => Value
}

/** Mulberry32. */
export function seededNumbers(seed: number): SeededNumbers {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const below = (limit: number): number => Math.floor((next() / 0x1_0000_0000) * limit)
  return { below, pick: (values) => values[below(values.length)] as never }
}

const hour = 3_600_000
/** Around days on which clocks change, in Europe and America, and an ordinary one. */
const spans: readonly number[] = [
  Date.UTC(2026, 2, 8, 4),
  Date.UTC(2026, 2, 28, 22),
  Date.UTC(2026, 9, 24, 22),
  Date.UTC(2026, 10, 1, 2),
  Date.UTC(2026, 10, 24),
]
const sessions: readonly string[] = ['5f1c', '77ab', 'a0e2', "o'brien; drop table entries; --", 'séance 🛶', '"quoted\\"']
/** In order of code points, the last comes after the one before it; in order of UTF-16, before. */
const developers: readonly string[] = ['ada', 'bob', 'Grace', '\uFF21', '\u{1F6F6}']
const repositories: readonly string[] = ['acme/web', 'acme/api', '100%_\\', '']
const models: readonly string[] = ['claude-opus-5-5', 'claude-sonnet-5-5', 'claude-haiku-5-5', 'in-house-1']
const kinds: readonly RequestKind[] = ['main', 'main', 'sub-agent', 'title', 'count-tokens', 'other']
const outcomes: readonly OutcomeKind[] = ['completed', 'completed', 'completed', 'refused', 'cut', 'client-gone', 'upstream-truncated', 'failed']

/** Entries of every shape that a ledger meets: labels missing and hostile, several models in one exchange, no usage, unknown prices, clock changes, sums beyond 2^53. */
export function sampleEntries(seed: number, count: number): readonly LedgerEntry[] {
  const numbers = seededNumbers(seed)
  return Array.from({ length: count }, (_, index) => oneEntry(numbers, `ex_${seed}_${String(index).padStart(7, '0')}`))
}

function oneEntry({ below, pick }: SeededNumbers, exchangeId: string): LedgerEntry {
  const startedAt = pick(spans) + below(30) * hour + pick([0, 1, hour / 2, hour - 1, below(hour)])
  const label = (name: string, values: readonly string[]): object => (below(4) === 0 ? {} : { [name]: pick(values) })
  const parts = Array.from({ length: pick([0, 1, 1, 1, 2, 3]) }, (_, index) => onePart({ below, pick }, index))
  const firstByteAt = startedAt + below(3_000)
  return sampleEntry({
    exchangeId,
    startedAt,
    endedAt: firstByteAt + below(60_000),
    outcome: { kind: pick(outcomes) },
    labels: {
      kind: pick(kinds),
      ...label('session', sessions),
      ...label('developer', developers),
      ...label('repository', repositories),
      ...label('agent', ['a1', 'a2']),
    },
    parts,
    ...(below(2) === 0 && { requestedModel: pick(models), ...(below(2) === 0 && { resolvedModel: pick(models) }) }),
    ...(below(3) === 0 && { principal: principalOf({ below, pick }) }),
    ...(parts.length > 0 && { usageSource: pick(['final', 'final', 'partial', 'estimated'] as const), firstByteAt }),
    ...(below(2) === 0 && { upstreamRequestId: `req_${exchangeId}`, messageId: `msg_${exchangeId}` }),
  })
}

/** Organisations that skip levels, keys outside the tree, and paths that a careless LIKE confuses. */
const lineages: readonly NonNullable<Principal['scopes']>[] = [
  [],
  [{ path: 'acme', level: 'organisation' }],
  [
    { path: 'acme', level: 'organisation' },
    { path: 'acme/retail', level: 'business-unit' },
    { path: 'acme/retail/web', level: 'sub-business-unit' },
    { path: 'acme/retail/web/cc-1', level: 'cost-centre' },
    { path: 'acme/retail/web/cc-1/ada', level: 'developer' },
  ],
  [
    { path: 'acme', level: 'organisation' },
    { path: 'acme/cc_2', level: 'cost-centre' },
  ],
  [{ path: 'ac%me', level: 'organisation' }],
]

function principalOf({ below, pick }: SeededNumbers): Principal {
  const scopes = pick(lineages)
  return {
    keyId: pick(['key_1', 'key_2']),
    developer: pick(developers),
    ...(scopes.length > 0 && { scopes }),
    ...(below(4) === 0 && { tags: { team: 'web' } }),
  }
}

function onePart({ below, pick }: SeededNumbers, index: number): SamplePart {
  const state = pick(['priced', 'priced', 'priced', 'assumed', 'unpriced'] as const)
  return {
    model: pick(models),
    role: index === 0 ? 'message' : pick(['compaction', 'advisor_message']),
    state,
    costNanoUsd: state === 'unpriced' ? 0n : pick([0n, 1n, 999_999_999n, BigInt(below(1_000_000_000)), 9_007_199_254_740_993n]),
    freshInputTokens: below(2_000),
    cacheReadTokens: below(200_000),
    cacheWrite5mTokens: below(9_000),
    cacheWrite1hTokens: below(9_000),
    outputTokens: below(4_000),
    webSearchRequests: below(3),
    webFetchRequests: below(2),
    ...(below(5) === 0 && { speed: 'fast' }),
  }
}
