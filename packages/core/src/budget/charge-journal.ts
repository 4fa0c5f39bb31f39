import type { Fault } from '../errors.ts'
import type { Clock } from '../host.ts'
import type { Balance, BudgetBook, BudgetSettlement } from '../ports/budget-book.ts'
import { RetryQueue } from '../retry-queue.ts'

/** The end of an exchange's hold, and who wants to hear what it came to. */
export interface JournalledCharge extends BudgetSettlement {
  readonly onBalances?: (balances: readonly Balance[]) => void
}

/** Options of a {@link ChargeJournal}. */
export interface ChargeJournalOptions {
  readonly book: BudgetBook
  readonly clock: Clock
  readonly onFault: (fault: Fault) => void
  /** Most settlements that wait while the book is out. */
  readonly maxCharges: number
}

/** Settles holds in batches, through outages of the book: settlements are repeatable, so each counts once however often it is delivered. */
export class ChargeJournal {
  readonly #queue: RetryQueue<JournalledCharge>

  constructor({ book, clock, onFault, maxCharges }: ChargeJournalOptions) {
    this.#queue = new RetryQueue<JournalledCharge>({
      deliver: async (charges) => {
        const balances = await book.settle(charges.map(({ holdId, charges: amounts }) => ({ holdId, charges: amounts })))
        for (const [index, { onBalances }] of charges.entries()) onBalances?.(balances[index] ?? [])
      },
      clock,
      maxItems: maxCharges,
      maxBatch: 500,
      firstDelayMillis: 100,
      maxDelayMillis: 2_000,
      onOutage: (cause) =>
        onFault({ code: 'budget-book-failed', message: 'the budget book is out; what exchanges come to waits until it is back', source: 'budget', cause }),
      onRecovery: (delivered) =>
        onFault({ code: 'budget-book-recovered', message: `the budget book is back, and has the ${delivered} settlements that waited`, source: 'budget' }),
      onLost: ({ holdId }, lost, reason) => {
        const why = reason === 'full' ? 'too many settlements wait for the budget book' : 'the budget book refuses this settlement and takes others'
        onFault({ code: 'budget-charge-lost', message: `${why}: ${lost} count as they were reserved`, exchangeId: holdId, source: 'budget' })
      },
    })
  }

  /** True while the book does not answer. */
  get isFailing(): boolean {
    return this.#queue.isFailing
  }

  /** Resolves once the hold is settled; in an outage at once. */
  settle(charge: JournalledCharge): Promise<void> {
    return this.#queue.push(charge)
  }

  /** Gives a hold back that may or may not have been made. Resolves as `settle` does. */
  release(holdId: string): Promise<void> {
    return this.#queue.push({ holdId, charges: [] })
  }

  /** Delivers what waits. Resolves with how many settlements still do. */
  flush(): Promise<number> {
    return this.#queue.flush()
  }
}
