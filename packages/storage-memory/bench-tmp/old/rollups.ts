import type { ExchangeCounts, ReportPart } from '@sluice/core/ledger'

/** All time zones in use are whole quarters of an hour from UTC, so sums by quarter are exact by hour and day in each of them. */
const quarterMillis = 15 * 60_000

type Sums = { -readonly [Key in keyof ReportPart]: ReportPart[Key] }
type Counts = { -readonly [Key in keyof ExchangeCounts]: ExchangeCounts[Key] }

/**
 * Sums of exchanges whose entries are no longer kept. Up to `maxRows` rows tell every dimension apart; beyond that, the oldest rows
 * shrink to one row per quarter of an hour, which tells nothing but time.
 */
export class Rollups {
  readonly #maxRows: number
  readonly #byDimensions = new Map<string, Sums>()
  readonly #byTime = new Map<string, Sums>()
  /** Lives as long as the map: keys come in order of insertion, each once, so finding the oldest costs no search. */
  readonly #oldest: Iterator<string> = this.#byDimensions.keys()

  constructor(maxRows: number) {
    this.#maxRows = maxRows
  }

  get rows(): number {
    return this.#byDimensions.size + this.#byTime.size
  }

  /** Folds a part in. */
  add(part: ReportPart): void {
    const startedAt = Math.floor(part.startedAt / quarterMillis) * quarterMillis
    const { session, developer, repository, model, agent, kind, outcome } = part
    fold(this.#byDimensions, JSON.stringify([startedAt, session, developer, repository, model, agent, kind, outcome]), { ...part, startedAt })
    if (this.#byDimensions.size > this.#maxRows) this.#shrink()
  }

  *[Symbol.iterator](): Iterator<ReportPart> {
    yield* this.#byDimensions.values()
    yield* this.#byTime.values()
  }

  #shrink(): void {
    const key = this.#oldest.next().value as string
    const sums = this.#byDimensions.get(key) as Sums
    this.#byDimensions.delete(key)
    const leading = sums.leading ?? { exchanges: 0, unpricedExchanges: 0, partialExchanges: 0 }
    const unknown = { session: null, developer: null, repository: null, model: null, agent: null, kind: null, outcome: null }
    // Without models to tell apart, an exchange must count once: as its leading part says.
    fold(this.#byTime, String(sums.startedAt), { ...sums, ...unknown, ...leading, leading })
  }
}

function fold(rows: Map<string, Sums>, key: string, part: ReportPart): void {
  const sums = rows.get(key)
  if (sums === undefined) {
    rows.set(key, { ...part, firstByteMillis: undefined, durationMillis: undefined })
    return
  }
  sums.costNanoUsd += part.costNanoUsd
  sums.freshInputTokens += part.freshInputTokens
  sums.cacheReadTokens += part.cacheReadTokens
  sums.cacheWrite5mTokens += part.cacheWrite5mTokens
  sums.cacheWrite1hTokens += part.cacheWrite1hTokens
  sums.outputTokens += part.outputTokens
  sums.webSearchRequests += part.webSearchRequests
  sums.webFetchRequests += part.webFetchRequests
  addCounts(sums, part)
  if (part.leading === undefined) return
  const leading: Counts = { exchanges: 0, unpricedExchanges: 0, partialExchanges: 0, ...sums.leading }
  addCounts(leading, part.leading)
  sums.leading = leading
}

function addCounts(counts: Counts, more: ExchangeCounts): void {
  counts.exchanges += more.exchanges
  counts.unpricedExchanges += more.unpricedExchanges
  counts.partialExchanges += more.partialExchanges
}
