import type { ExchangeCounts, ReportPart } from '@sluice/core/ledger'
import { blockRows } from './blocks.ts'
import type { Dictionary } from './dictionary.ts'
import type { PartColumns } from './part-columns.ts'

/** Reads one row of columns after the other as a {@link ReportPart}, without making one of each. */
export class PartCursor implements ReportPart {
  readonly #dictionary: Dictionary
  readonly #largeCosts: ReadonlyMap<number, bigint>
  #columns: PartColumns
  #row: number
  #at: number

  constructor(dictionary: Dictionary, largeCosts: ReadonlyMap<number, bigint>, columns: PartColumns, row: number) {
    this.#dictionary = dictionary
    this.#largeCosts = largeCosts
    this.#columns = columns
    this.#row = row
    this.#at = row % blockRows
  }

  moveTo(columns: PartColumns, row: number): void {
    this.#columns = columns
    this.#row = row
    this.#at = row % blockRows
  }

  get session(): string | null {
    return this.#label(this.#columns.session)
  }
  get developer(): string | null {
    return this.#label(this.#columns.developer)
  }
  get repository(): string | null {
    return this.#label(this.#columns.repository)
  }
  get model(): string | null {
    return this.#label(this.#columns.model)
  }
  get agent(): string | null {
    return this.#label(this.#columns.agent)
  }
  get kind(): string | null {
    return this.#label(this.#columns.kind)
  }
  get outcome(): string | null {
    return this.#label(this.#columns.outcome)
  }
  get key(): string | null {
    return this.#label(this.#columns.key)
  }
  get scope(): string | null {
    return this.#label(this.#columns.scope)
  }
  get organisation(): string | null {
    return this.#label(this.#columns.organisation)
  }
  get businessUnit(): string | null {
    return this.#label(this.#columns.businessUnit)
  }
  get subBusinessUnit(): string | null {
    return this.#label(this.#columns.subBusinessUnit)
  }
  get costCentre(): string | null {
    return this.#label(this.#columns.costCentre)
  }
  get startedAt(): number {
    return this.#number(this.#columns.startedAt)
  }
  get costNanoUsd(): bigint {
    const cost = this.#number(this.#columns.costNanoUsd)
    return Number.isNaN(cost) ? (this.#largeCosts.get(this.#row) as bigint) : BigInt(cost)
  }
  get freshInputTokens(): number {
    return this.#number(this.#columns.freshInputTokens)
  }
  get cacheReadTokens(): number {
    return this.#number(this.#columns.cacheReadTokens)
  }
  get cacheWrite5mTokens(): number {
    return this.#number(this.#columns.cacheWrite5mTokens)
  }
  get cacheWrite1hTokens(): number {
    return this.#number(this.#columns.cacheWrite1hTokens)
  }
  get outputTokens(): number {
    return this.#number(this.#columns.outputTokens)
  }
  get webSearchRequests(): number {
    return this.#number(this.#columns.webSearchRequests)
  }
  get webFetchRequests(): number {
    return this.#number(this.#columns.webFetchRequests)
  }
  get exchanges(): number {
    return this.#number(this.#columns.exchanges)
  }
  get unpricedExchanges(): number {
    return this.#number(this.#columns.unpricedExchanges)
  }
  get partialExchanges(): number {
    return this.#number(this.#columns.partialExchanges)
  }
  get leading(): ExchangeCounts | undefined {
    const exchanges = this.#number(this.#columns.leadingExchanges)
    if (exchanges === 0) return undefined
    return { exchanges, unpricedExchanges: this.#number(this.#columns.leadingUnpriced), partialExchanges: this.#number(this.#columns.leadingPartial) }
  }
  get firstByteMillis(): number | undefined {
    return this.#optional(this.#columns.firstByteMillis)
  }
  get durationMillis(): number | undefined {
    return this.#optional(this.#columns.durationMillis)
  }

  #label(column: Uint32Array): string | null {
    return this.#dictionary.textOf(column[this.#at] as number)
  }

  #number(column: Float64Array): number {
    return column[this.#at] as number
  }

  #optional(column: Float64Array): number | undefined {
    const value = column[this.#at] as number
    return Number.isNaN(value) ? undefined : value
  }
}
