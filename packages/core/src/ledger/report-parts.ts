import type { CostState } from '../meter/price.ts'
import type { TokenBuckets } from '../meter/usage.ts'
import type { Principal } from '../ports/key-ring.ts'
import type { LedgerEntry, ReportDimension } from '../ports/ledger.ts'
import type { ScopeLevel } from '../ports/scope-tree.ts'

/** A dimension that is read off an entry; `hour` and `day` depend on the report's time zone. */
export type EntryDimension = Exclude<ReportDimension, 'hour' | 'day'>

/** Exchanges as one view counts them. */
export interface ExchangeCounts {
  readonly exchanges: number
  readonly unpricedExchanges: number
  readonly partialExchanges: number
}

/**
 * What one exchange, or many alike, ran up on one model: the atom of a report. An exchange has one part per model, so it is counted twice over:
 * in every part for reports that tell models apart, and in its leading part alone (`leading`) for all others.
 */
export interface ReportPart extends TokenBuckets, ExchangeCounts, Readonly<Record<EntryDimension, string | null>> {
  readonly startedAt: number
  readonly costNanoUsd: bigint
  /** Undefined in the parts after the first. */
  readonly leading: ExchangeCounts | undefined
  /** Undefined where the exchange had none, and for many exchanges in one. */
  readonly firstByteMillis: number | undefined
  readonly durationMillis: number | undefined
}

/** The parts of an entry, the reply's own model first. An entry without usage has one part, under the model that was asked for. */
export function reportParts(entry: LedgerEntry): readonly ReportPart[] {
  const { usage, cost } = entry
  const parts: MutablePart[] = []
  for (const line of usage.lines) addLine(partOf(parts, entry, line.model), line)
  for (const line of cost.lines) {
    const part = partOf(parts, entry, line.model)
    part.costNanoUsd += line.nanoUsd
    if (isUnpriced(line.state)) part.unpricedExchanges = 1
  }
  if (parts.length === 0) {
    const part = partOf(parts, entry, entry.resolvedModel ?? entry.requestedModel ?? null)
    part.costNanoUsd = cost.nanoUsd
    if (isUnpriced(cost.state)) part.unpricedExchanges = 1
  }
  const first = parts[0] as MutablePart
  first.leading = { exchanges: 1, unpricedExchanges: isUnpriced(cost.state) ? 1 : 0, partialExchanges: first.partialExchanges }
  return parts
}

type MutablePart = { -readonly [Key in keyof ReportPart]: ReportPart[Key] }

/** The part of a model, made where there is none yet. A literal of one shape, since a report makes one per exchange. */
function partOf(parts: MutablePart[], entry: LedgerEntry, model: string | null): MutablePart {
  for (const part of parts) if (part.model === model) return part
  const { attribution, usage, startedAt, firstByteAt } = entry
  const scopes = entry.principal?.scopes ?? []
  const part: MutablePart = {
    session: attribution.session?.value ?? null,
    developer: attribution.developer?.value ?? entry.principal?.developer ?? null,
    repository: attribution.repository?.value ?? null,
    model,
    agent: attribution.agent?.value ?? null,
    kind: attribution.kind.value,
    outcome: entry.outcome.kind,
    key: entry.principal?.keyId ?? null,
    scope: scopes.at(-1)?.path ?? null,
    organisation: pathAt(scopes, 'organisation'),
    businessUnit: pathAt(scopes, 'business-unit'),
    subBusinessUnit: pathAt(scopes, 'sub-business-unit'),
    costCentre: pathAt(scopes, 'cost-centre'),
    startedAt,
    exchanges: 1,
    unpricedExchanges: 0,
    partialExchanges: usage.source === 'partial' || usage.source === 'estimated' ? 1 : 0,
    leading: undefined,
    costNanoUsd: 0n,
    freshInputTokens: 0,
    cacheReadTokens: 0,
    cacheWrite5mTokens: 0,
    cacheWrite1hTokens: 0,
    outputTokens: 0,
    webSearchRequests: 0,
    webFetchRequests: 0,
    firstByteMillis: firstByteAt === undefined ? undefined : firstByteAt - startedAt,
    durationMillis: entry.endedAt - startedAt,
  }
  parts.push(part)
  return part
}

function pathAt(scopes: NonNullable<Principal['scopes']>, wanted: ScopeLevel): string | null {
  for (const { level, path } of scopes) if (level === wanted) return path
  return null
}

function addLine(part: MutablePart, line: TokenBuckets): void {
  part.freshInputTokens += line.freshInputTokens
  part.cacheReadTokens += line.cacheReadTokens
  part.cacheWrite5mTokens += line.cacheWrite5mTokens
  part.cacheWrite1hTokens += line.cacheWrite1hTokens
  part.outputTokens += line.outputTokens
  part.webSearchRequests += line.webSearchRequests
  part.webFetchRequests += line.webFetchRequests
}

function isUnpriced(state: CostState): boolean {
  return state === 'assumed' || state === 'unpriced'
}
