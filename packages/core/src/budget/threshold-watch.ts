import type { Fault } from '../errors.ts'
import type { Balance, BudgetBook } from '../ports/budget-book.ts'
import type { BudgetPot } from './accounts.ts'
import { potStatus } from './pot-status.ts'
import type { BudgetStatus } from './status.ts'

/** A budget has passed one of its thresholds. Told once per window, by one replica. */
export interface ThresholdPassed extends BudgetStatus {
  readonly percent: number
}

/** Options of a {@link ThresholdWatch}. */
export interface ThresholdWatchOptions {
  readonly book: Pick<BudgetBook, 'claimThreshold'>
  readonly onThreshold: (passed: ThresholdPassed) => void
  readonly onFault: (fault: Fault) => void
}

/** Thresholds that this process knows to be told; a bound on memory, not on what is told: the book decides. */
const mostKnown = 100_000

/** Sees to it that each threshold is told once per window, whichever replica sees it passed first. */
export class ThresholdWatch {
  readonly #options: ThresholdWatchOptions
  readonly #known = new Set<string>()

  constructor(options: ThresholdWatchOptions) {
    this.#options = options
  }

  /** Looks at a pot's balance after a settlement. Never rejects. */
  async look(pot: BudgetPot, balance: Balance): Promise<void> {
    const { budget, account, amount } = pot
    const bucket = tellingBucket(pot)
    for (const percent of budget.thresholds) {
      if (balance.spent * 100_000n < amount * BigInt(Math.round(percent * 1_000))) continue
      const key = `${account} ${bucket} ${percent}`
      if (this.#known.has(key)) continue
      this.#remember(key)
      try {
        if (await this.#options.book.claimThreshold(account, bucket, percent)) this.#options.onThreshold({ ...potStatus(pot, balance), percent })
      } catch (cause) {
        // The next settlement sees it passed, too.
        this.#known.delete(key)
        this.#options.onFault({ code: 'budget-book-failed', message: 'a threshold could not be told', source: 'budget', cause })
      }
    }
  }

  #remember(key: string): void {
    this.#known.add(key)
    if (this.#known.size > mostKnown) this.#known.delete(this.#known.values().next().value as string)
  }
}

const hourMillis = 3_600_000

/** In which bucket a threshold is noted as told. A rolling window has a new one each hour; it is told once for each stretch of time as long as the window. */
function tellingBucket({ budget: { window }, bucket }: BudgetPot): number {
  if (window.kind !== 'rolling') return bucket
  const lengthMillis = window.hours * hourMillis
  return Math.floor(bucket / lengthMillis) * lengthMillis
}
