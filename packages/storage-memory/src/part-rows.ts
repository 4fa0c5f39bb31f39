import type { ExchangeCounts, ReportPart } from '@sluice/core/ledger'
import { blockRows, Blocks } from './blocks.ts'
import type { Dictionary } from './dictionary.ts'
import { PartColumns } from './part-columns.ts'
import { PartCursor } from './part-cursor.ts'
import { labelsIn, partDimensions, releaseLabels, type PartLabels } from './part-labels.ts'

/** A queue of report parts in columns: what is left of an exchange once its text is put away. */
export class PartRows {
  readonly #dictionary: Dictionary
  readonly #blocks = new Blocks<PartColumns>(() => new PartColumns())
  /** Amounts beyond 2^53 nano-USD, nine million dollars, by row. */
  readonly #largeCosts = new Map<number, bigint>()

  constructor(dictionary: Dictionary) {
    this.#dictionary = dictionary
  }

  get size(): number {
    return this.#blocks.size
  }

  /** The oldest row. */
  get first(): number {
    return this.#blocks.first
  }

  /** Adds a row under these labels, whose uses it takes over; all its figures are 0, and it has no times but its start. */
  push(startedAt: number, labels: PartLabels): number {
    const row = this.#blocks.push()
    const columns = this.#blocks.of(row)
    const at = row % blockRows
    columns.session[at] = labels.session
    columns.developer[at] = labels.developer
    columns.repository[at] = labels.repository
    columns.model[at] = labels.model
    columns.agent[at] = labels.agent
    columns.kind[at] = labels.kind
    columns.outcome[at] = labels.outcome
    columns.key[at] = labels.key
    columns.scope[at] = labels.scope
    columns.organisation[at] = labels.organisation
    columns.businessUnit[at] = labels.businessUnit
    columns.subBusinessUnit[at] = labels.subBusinessUnit
    columns.costCentre[at] = labels.costCentre
    columns.startedAt[at] = startedAt
    columns.costNanoUsd[at] = 0
    columns.freshInputTokens[at] = 0
    columns.cacheReadTokens[at] = 0
    columns.cacheWrite5mTokens[at] = 0
    columns.cacheWrite1hTokens[at] = 0
    columns.outputTokens[at] = 0
    columns.webSearchRequests[at] = 0
    columns.webFetchRequests[at] = 0
    columns.exchanges[at] = 0
    columns.unpricedExchanges[at] = 0
    columns.partialExchanges[at] = 0
    columns.leadingExchanges[at] = 0
    columns.leadingUnpriced[at] = 0
    columns.leadingPartial[at] = 0
    columns.firstByteMillis[at] = NaN
    columns.durationMillis[at] = NaN
    return row
  }

  /** Adds a part's figures to a row, which counts as many exchanges more as `counts` says. */
  fold(row: number, part: ReportPart, counts: ExchangeCounts = part): void {
    const columns = this.#blocks.of(row)
    const at = row % blockRows
    this.#addCost(columns, row, part.costNanoUsd)
    add(columns.freshInputTokens, at, part.freshInputTokens)
    add(columns.cacheReadTokens, at, part.cacheReadTokens)
    add(columns.cacheWrite5mTokens, at, part.cacheWrite5mTokens)
    add(columns.cacheWrite1hTokens, at, part.cacheWrite1hTokens)
    add(columns.outputTokens, at, part.outputTokens)
    add(columns.webSearchRequests, at, part.webSearchRequests)
    add(columns.webFetchRequests, at, part.webFetchRequests)
    add(columns.exchanges, at, counts.exchanges)
    add(columns.unpricedExchanges, at, counts.unpricedExchanges)
    add(columns.partialExchanges, at, counts.partialExchanges)
    const { leading } = part
    if (leading === undefined) return
    add(columns.leadingExchanges, at, leading.exchanges)
    add(columns.leadingUnpriced, at, leading.unpricedExchanges)
    add(columns.leadingPartial, at, leading.partialExchanges)
  }

  /** Notes how long a part's exchange took. */
  time(row: number, { firstByteMillis = NaN, durationMillis = NaN }: ReportPart): void {
    const columns = this.#blocks.of(row)
    columns.firstByteMillis[row % blockRows] = firstByteMillis
    columns.durationMillis[row % blockRows] = durationMillis
  }

  /** The part in a row, to be read before that is dropped. */
  at(row: number): ReportPart {
    return new PartCursor(this.#dictionary, this.#largeCosts, this.#blocks.of(row), row)
  }

  labelsAt(row: number): PartLabels {
    return labelsIn(this.#blocks.of(row), row % blockRows)
  }

  /** True for a row with this start and these labels. */
  isOf(row: number, startedAt: number, labels: PartLabels): boolean {
    const columns = this.#blocks.of(row)
    const at = row % blockRows
    return columns.startedAt[at] === startedAt && partDimensions.every((dimension) => columns[dimension][at] === labels[dimension])
  }

  /** Drops the oldest row. */
  shift(): void {
    const row = this.#blocks.first
    releaseLabels(this.#dictionary, this.labelsAt(row))
    this.#largeCosts.delete(row)
    this.#blocks.shift()
  }

  /** All parts, oldest first: one object, moved on from row to row. */
  *[Symbol.iterator](): Iterator<ReportPart> {
    if (this.size === 0) return
    const { first, end } = this.#blocks
    const part = new PartCursor(this.#dictionary, this.#largeCosts, this.#blocks.of(first), first)
    for (let row = first; row < end; row += 1) {
      part.moveTo(this.#blocks.of(row), row)
      yield part
    }
  }

  #addCost(columns: PartColumns, row: number, nanoUsd: bigint): void {
    const at = row % blockRows
    const before = columns.costNanoUsd[at] as number
    const sum = nanoUsd + (Number.isNaN(before) ? (this.#largeCosts.get(row) as bigint) : BigInt(before))
    const rounded = Number(sum)
    const isExact = Number.isSafeInteger(rounded)
    columns.costNanoUsd[at] = isExact ? rounded : NaN
    if (isExact) this.#largeCosts.delete(row)
    else this.#largeCosts.set(row, sum)
  }
}

function add(column: Float64Array, at: number, more: number): void {
  column[at] = (column[at] as number) + more
}
