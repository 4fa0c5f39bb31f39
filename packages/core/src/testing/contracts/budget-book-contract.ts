import type { Clock } from '../../host.ts'
import type { BudgetBook } from '../../ports/budget-book.ts'
import { manualClock } from '../manual-clock.ts'
import { assertEqual } from './assertions.ts'
import { definitionCases, sampleBudget } from './budget-book-definitions.ts'
import { leaseCases } from './budget-book-leases.ts'
import { charge, claim, figures, reservation, reserveOne, settleOne, today } from './budget-book-parts.ts'
import { reservationCases } from './budget-book-reservations.ts'
import { settlementCases } from './budget-book-settlements.ts'
import { contractsOf, type Contract, type DeclaredGap, type StoreCase } from './contract.ts'

/** How to get budget books to check. */
export interface BudgetBookContractOptions<Book extends BudgetBook> {
  /** Makes an empty book; called once a case, and cases may run side by side. The clock stands still at a fixed instant: a store that waits for timers must use its own. */
  readonly create: (clock: Clock) => Promise<Book>
  /** Frees what a book holds; bears one that `reopen` has closed. */
  readonly destroy?: (book: Book) => Promise<void>
  /** Closes a book and opens the same store anew, as after a restart, for stores that outlive their process. Adds a case. */
  readonly reopen?: (book: Book) => Promise<Book>
  /** Sentences that this store does not keep. They show in the case's name, and are checked to be gaps still. */
  readonly gaps?: readonly DeclaredGap[]
}

/**
 * All that a {@link BudgetBook} has to keep, as data for any test runner in any runtime. Callers race, repeat themselves, and come too late.
 *
 * ```ts
 * for (const { name, run } of budgetBookContract({ create: async () => myBook() })) test(name, run)
 * ```
 *
 * @throws ConfigurationError for a gap that names no case
 */
export function budgetBookContract<Book extends BudgetBook>(options: BudgetBookContractOptions<Book>): readonly Contract[] {
  const { create, destroy, gaps } = options
  const cases: StoreCase<Book>[] = [...reservationCases, ...settlementCases, ...leaseCases, ...definitionCases, ...durabilityCases(options)]
  return contractsOf(cases, { create: () => create(manualClock()), ...(destroy !== undefined && { destroy }) }, gaps)
}

function durabilityCases<Book extends BudgetBook>({ reopen, destroy }: BudgetBookContractOptions<Book>): readonly StoreCase<Book>[] {
  if (reopen === undefined) return []
  return [
    {
      name: 'holds, spend, thresholds and budgets are there after a restart, and what ended before it still counts once',
      check: async (book) => {
        await book.define(sampleBudget())
        await book.claimThreshold('team', today, 80)
        await reserveOne(book, 'settled', 10n)
        await settleOne(book, 'settled', charge('team', 4n))
        await book.reserve(reservation('booked', [claim('team', 1n)], today))
        await book.bookExpired(today + 1, 10)
        await book.reserve(reservation('lapsed', [claim('team', 20n)], today + 1))
        await reserveOne(book, 'open', 300n)
        const reopened = await reopen(book)
        assertEqual(await figures(reopened, 'team'), [[5n, 320n]], 'the balance')
        await settleOne(reopened, 'settled', charge('team', 4n))
        await reserveOne(reopened, 'open', 300n)
        assertEqual(await figures(reopened, 'team'), [[5n, 320n]], 'the balance after a repeated settlement and a repeated reservation')
        assertEqual(
          (await reopened.bookExpired(today + 2, 10)).map(({ holdId }) => holdId),
          ['lapsed'],
          'what is booked',
        )
        await reopened.settle([
          { holdId: 'open', charges: [charge('team', 100n)] },
          { holdId: 'booked', charges: [charge('team', 2n)] },
        ])
        assertEqual(await figures(reopened, 'team'), [[126n, 0n]], 'the balance after all has ended')
        assertEqual([await reopened.claimThreshold('team', today, 80), await reopened.budgets()], [false, [sampleBudget()]], 'the threshold, and the budgets')
        await destroy?.(reopened)
      },
    },
  ]
}
