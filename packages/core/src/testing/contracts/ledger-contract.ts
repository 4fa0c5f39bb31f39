import type { Clock } from '../../host.ts'
import type { Ledger } from '../../ports/ledger.ts'
import { manualClock } from '../manual-clock.ts'
import { sampleEntries } from '../sample-entries.ts'
import { assertEqual } from './assertions.ts'
import { contractsOf, type Contract, type DeclaredGap, type StoreCase } from './contract.ts'
import { appendCases } from './ledger-appends.ts'
import { calendarCases } from './ledger-calendar.ts'
import { listCases } from './ledger-lists.ts'
import { sumCases } from './ledger-sums.ts'

/** How to get ledgers to check. */
export interface LedgerContractOptions<Store extends Ledger> {
  /** Makes an empty ledger; called once a case, and cases may run side by side. The clock stands still at a fixed instant: a store that waits for timers must use its own. */
  readonly create: (clock: Clock) => Promise<Store>
  /** Frees what a ledger holds; bears one that `reopen` has closed. */
  readonly destroy?: (ledger: Store) => Promise<void>
  /** Closes a ledger and opens the same store anew, as after a restart, for stores that outlive their process. Adds a case. */
  readonly reopen?: (ledger: Store) => Promise<Store>
  /** Sentences that this store does not keep. They show in the case's name, and are checked to be gaps still. */
  readonly gaps?: readonly DeclaredGap[]
}

/**
 * All that a {@link Ledger} has to keep, as data for any test runner in any runtime.
 *
 * ```ts
 * for (const { name, run } of ledgerContract({ create: async () => myLedger() })) test(name, run)
 * ```
 *
 * @throws ConfigurationError for a gap that names no case
 */
export function ledgerContract<Store extends Ledger>(options: LedgerContractOptions<Store>): readonly Contract[] {
  const { create, destroy, gaps } = options
  const cases: StoreCase<Store>[] = [...appendCases, ...sumCases, ...calendarCases, ...listCases, ...durabilityCases(options)]
  return contractsOf(cases, { create: () => create(manualClock()), ...(destroy !== undefined && { destroy }) }, gaps)
}

function durabilityCases<Store extends Ledger>({ reopen, destroy }: LedgerContractOptions<Store>): readonly StoreCase<Store>[] {
  if (reopen === undefined) return []
  return [
    {
      name: 'what was appended is there after a restart, and still counts once',
      check: async (ledger) => {
        const entries = sampleEntries(31, 20)
        await Promise.all(entries.map((entry) => ledger.append(entry)))
        const before = [await ledger.report({ groupBy: ['model', 'day'] }), await ledger.exchanges({})]
        const reopened = await reopen(ledger)
        await Promise.all(entries.map((entry) => reopened.append(entry)))
        assertEqual([await reopened.report({ groupBy: ['model', 'day'] }), await reopened.exchanges({})], before, 'report and list')
        await destroy?.(reopened)
      },
    },
  ]
}
