import type { ExchangeCounts, ReportPart } from '@sluice/core/ledger'
import { noLabel, type Dictionary } from './dictionary.ts'
import { PartRows, releaseLabels, takeLabels, type PartLabels } from './part-rows.ts'

/** All time zones in use are whole quarters of an hour from UTC, so sums by quarter are exact by hour and day in each of them. */
const quarterMillis = 15 * 60_000

const noLabels: PartLabels = { session: noLabel, developer: noLabel, repository: noLabel, model: noLabel, agent: noLabel, kind: noLabel, outcome: noLabel }
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
  readonly #rowByKey = new Map<string, number>()
  readonly #rowByQuarter = new Map<number, number>()
  /** Lives as long as the map: keys come in order of insertion, each once, so finding the oldest costs no search. */
  readonly #oldestKey: Iterator<string> = this.#rowByKey.keys()

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
    const quarter = Math.floor(part.startedAt / quarterMillis)
    const labels = takeLabels(this.#dictionary, part)
    const { session, developer, repository, model, agent, kind, outcome } = labels
    // A row's labels keep their numbers as long as there is the row.
    const key = `${quarter},${session},${developer},${repository},${model},${agent},${kind},${outcome}`
    let row = this.#rowByKey.get(key)
    if (row === undefined) this.#rowByKey.set(key, (row = this.#byDimensions.push(quarter * quarterMillis, labels)))
    else releaseLabels(this.#dictionary, labels)
    this.#byDimensions.fold(row, part)
    if (this.#byDimensions.size > this.#maxRows) this.#shrink()
  }

  *[Symbol.iterator](): Iterator<ReportPart> {
    yield* this.#byDimensions
    yield* this.#byTime
  }

  #shrink(): void {
    const part = this.#byDimensions.oldest()
    let row = this.#rowByQuarter.get(part.startedAt)
    if (row === undefined) this.#rowByQuarter.set(part.startedAt, (row = this.#byTime.push(part.startedAt, noLabels)))
    // Without models to tell apart, an exchange must count once: as its leading part says.
    this.#byTime.fold(row, part, part.leading ?? noExchanges)
    this.#rowByKey.delete(this.#oldestKey.next().value as string)
    this.#byDimensions.shift()
  }
}
