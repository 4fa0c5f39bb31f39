import type { Clock } from '../../host.ts'
import type { RateBook, RateLimit } from '../../ports/rate-book.ts'
import { manualClock } from '../manual-clock.ts'
import { assertEqual } from './assertions.ts'
import { contractsOf, type Contract, type DeclaredGap, type StoreCase } from './contract.ts'
import { bucketCases } from './rate-book-buckets.ts'
import { limitCases } from './rate-book-limits.ts'
import { placeCases } from './rate-book-places.ts'

/** How to get rate books to check. */
export interface RateBookContractOptions<Store extends RateBook> {
  /** Makes an empty book; called once a case, and cases may run side by side. The clock stands still: every verb of a rate book is told the time. */
  readonly create: (clock: Clock) => Promise<Store>
  /** Frees what a book holds; bears one that `reopen` has closed. */
  readonly destroy?: (book: Store) => Promise<void>
  /** Closes a book and opens the same store anew, as after a restart, for stores that outlive their process. Adds a case. */
  readonly reopen?: (book: Store) => Promise<Store>
  /** Sentences that this store does not keep. They show in the case's name, and are checked to be gaps still. */
  readonly gaps?: readonly DeclaredGap[]
}

/**
 * All that a {@link RateBook} has to keep, as data for any test runner in any runtime. What the port leaves to be said: a bucket keeps what was taken and
 * has not filled up again, so a changed capacity counts it, and a full bucket is one that nobody has touched; `remaining` is whole, rounded down;
 * of a refused take `isAllowed` says of each bucket whether it alone had enough; a take of 0 asks whether a bucket is out of debt.
 *
 * ```ts
 * for (const { name, run } of rateBookContract({ create: async () => myRateBook() })) test(name, run)
 * ```
 *
 * @throws ConfigurationError for a gap that names no case
 */
export function rateBookContract<Store extends RateBook>(options: RateBookContractOptions<Store>): readonly Contract[] {
  const { create, destroy, gaps } = options
  const cases: StoreCase<Store>[] = [...bucketCases, ...placeCases, ...limitCases, ...durabilityCases(options)]
  return contractsOf(cases, { create: () => create(manualClock()), ...(destroy !== undefined && { destroy }) }, gaps)
}

function durabilityCases<Store extends RateBook>({ reopen, destroy }: RateBookContractOptions<Store>): readonly StoreCase<Store>[] {
  if (reopen === undefined) return []
  return [
    {
      name: 'what was taken, who has a place, and every limit are there after a restart',
      check: async (book) => {
        const at = Date.UTC(2026, 10, 24, 12)
        const limit: RateLimit = {
          id: 'l1',
          name: 'Kept',
          subject: { model: 'claude-*' },
          each: 'developer',
          unit: 'output-tokens',
          amount: 1_000,
          perMillis: 60_000,
          consistency: 'leased',
          queueMillis: 2_000,
          createdAt: at,
          version: 1,
        }
        await book.define(limit)
        await book.charge([{ bucket: 'b', amount: 17, capacity: 10, perMillis: 1_000 }], at)
        await book.enter([{ room: 'r', holder: 'crashed', places: 1, expiresAt: at + 5_000 }], at)
        const reopened = await reopen(book)
        assertEqual(await reopened.limits(), [limit], 'the limits')
        const [result] = await reopened.take([{ bucket: 'b', amount: 1, capacity: 10, perMillis: 1_000 }], at + 100)
        assertEqual(result, { isAllowed: false, remaining: -6, retryAfterMillis: 700 }, 'the bucket')
        assertEqual(await reopened.enter([{ room: 'r', holder: 'next', places: 1, expiresAt: at + 9_000 }], at + 4_999), 0, 'the place')
        assertEqual(await reopened.enter([{ room: 'r', holder: 'next', places: 1, expiresAt: at + 9_000 }], at + 5_000), undefined, 'the place, expired')
        await destroy?.(reopened)
      },
    },
  ]
}
