import type { ExchangeCounts, ReportPart } from '@sluice/core/ledger'
import { noLabel, type Dictionary } from './dictionary.ts'
import { partDimensions, releaseLabels, takeLabels, type PartLabels } from './part-labels.ts'
import { PartRows } from './part-rows.ts'

/** All time zones in use are whole quarters of an hour from UTC, so sums by quarter are exact by hour and day in each of them. */
const quarterMillis = 15 * 60_000

const noLabels = Object.fromEntries(partDimensions.map((dimension) => [dimension, noLabel])) as PartLabels
const noExchanges: ExchangeCounts = { exchanges: 0, unpricedExchanges: 0, partialExchanges: 0 }

/**
 * Sums of exchanges whose entries are no longer kept. Up to `maxRows` rows tell every dimension apart; beyond that, the oldest rows
 * shrink to one row per quarter of an hour, which tells nothing but time.
 */
export class Rollups {
  readonly #maxRows: number
  readonly #dictionary: Dictionary
  readonly #byDimensions: PartRows
  readonly #byTime: PartRows
  /**
   * By hash of start and labels, as numbers that are no objects on the heap. Of two rows with one hash, the later has the place,
   * and the earlier gets no more: sums are as exact in two rows as in one.
   */
  readonly #rowByHash = new Map<number, number>()
  readonly #rowByQuarter = new Map<number, number>()

  constructor(maxRows: number, dictionary: Dictionary) {
    this.#maxRows = maxRows
    this.#dictionary = dictionary
    this.#byDimensions = new PartRows(dictionary)
    this.#byTime = new PartRows(dictionary)
  }

  get rows(): number {
    return this.#byDimensions.size + this.#byTime.size
  }

  /** Folds a part in. */
  add(part: ReportPart): void {
    const startedAt = Math.floor(part.startedAt / quarterMillis) * quarterMillis
    const labels = takeLabels(this.#dictionary, part)
    const hash = hashOf(startedAt, labels)
    let row = this.#rowByHash.get(hash)
    if (row !== undefined && this.#byDimensions.isOf(row, startedAt, labels)) releaseLabels(this.#dictionary, labels)
    else this.#rowByHash.set(hash, (row = this.#byDimensions.push(startedAt, labels)))
    this.#byDimensions.fold(row, part)
    if (this.#byDimensions.size > this.#maxRows) this.#shrink()
  }

  *[Symbol.iterator](): Iterator<ReportPart> {
    yield* this.#byDimensions
    yield* this.#byTime
  }

  #shrink(): void {
    const oldest = this.#byDimensions.first
    const part = this.#byDimensions.at(oldest)
    let row = this.#rowByQuarter.get(part.startedAt)
    if (row === undefined) this.#rowByQuarter.set(part.startedAt, (row = this.#byTime.push(part.startedAt, noLabels)))
    // Without models to tell apart, an exchange must count once: as its leading part says.
    this.#byTime.fold(row, part, part.leading ?? noExchanges)
    const hash = hashOf(part.startedAt, this.#byDimensions.labelsAt(oldest))
    if (this.#rowByHash.get(hash) === oldest) this.#rowByHash.delete(hash)
    this.#byDimensions.shift()
  }
}

/** Of 30 bits: what every engine keeps in a map without an object. */
function hashOf(startedAt: number, labels: PartLabels): number {
  let hash = Math.imul(startedAt / quarterMillis, 0x9e3779b1)
  for (const dimension of partDimensions) {
    hash = Math.imul(hash ^ labels[dimension], 0x85ebca6b)
    hash ^= hash >>> 15
  }
  return hash >>> 2
}
