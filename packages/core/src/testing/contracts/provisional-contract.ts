import type { Clock } from '../../host.ts'
import type { Ledger, ProvisionalEntries } from '../../ports/ledger.ts'
import { manualClock } from '../manual-clock.ts'
import { sampleEntries } from '../sample-entries.ts'
import { assertEqual } from './assertions.ts'
import { contractsOf, type Contract, type DeclaredGap, type StoreCase } from './contract.ts'
import { idsOf, mustAnswerLike, provisionalCases, truthOf } from './provisional-cases.ts'

/** A ledger that keeps what a crash would lose. */
export type ProvisionalLedger = Ledger & { readonly provisional: ProvisionalEntries }

/** How to get ledgers to check. */
export interface ProvisionalContractOptions<Store extends ProvisionalLedger> {
  /** Makes an empty ledger; called once a case, and cases may run side by side. The clock stands still: every verb that asks for the time is told it. */
  readonly create: (clock: Clock) => Promise<Store>
  /** Frees what a ledger holds; bears one that `reopen` has closed. */
  readonly destroy?: (ledger: Store) => Promise<void>
  /** Closes a ledger and opens the same store anew, as after a restart, for stores that outlive their process. Adds cases. */
  readonly reopen?: (ledger: Store) => Promise<Store>
  /** Sentences that this store does not keep. They show in the case's name, and are checked to be gaps still. */
  readonly gaps?: readonly DeclaredGap[]
}

/**
 * All that {@link ProvisionalEntries} have to keep beside the ledger that they belong to, as data for any test runner in any runtime.
 * What the port leaves open is left open: the instant of `keepAlive` itself, the order of what `recover` moves, and whether an owner of before a restart is believed.
 *
 * ```ts
 * for (const { name, run } of provisionalContract({ create: async () => myLedger() })) test(name, run)
 * ```
 *
 * @throws ConfigurationError for a gap that names no case
 */
export function provisionalContract<Store extends ProvisionalLedger>(options: ProvisionalContractOptions<Store>): readonly Contract[] {
  const { create, destroy, gaps } = options
  const cases: StoreCase<Store>[] = [...provisionalCases, ...durabilityCases(options)]
  return contractsOf(cases, { create: () => create(manualClock()), ...(destroy !== undefined && { destroy }) }, gaps)
}

function durabilityCases<Store extends ProvisionalLedger>({ reopen, destroy }: ProvisionalContractOptions<Store>): readonly StoreCase<Store>[] {
  if (reopen === undefined) return []
  return [
    {
      name: 'what was open is there after a restart, and is recovered once; what was recovered still gives way to the truth',
      check: async (ledger) => {
        const entries = sampleEntries(61, 12)
        const [open, recovered, settled] = [entries.slice(0, 4), entries.slice(4, 8), entries.slice(8)]
        for (const entry of recovered) await ledger.provisional.open(entry, 'earlier')
        await ledger.provisional.recover(0, 100)
        await ledger.provisional.keepAlive('crashed', 1_000)
        for (const entry of [...open, ...settled]) await ledger.provisional.open(entry, 'crashed')
        for (const entry of settled) await ledger.append(entry)
        const reopened = await reopen(ledger)
        await mustAnswerLike(reopened, [...recovered, ...settled], 'after the restart')
        assertEqual(idsOf(await reopened.provisional.recover(2_000, 100)).toSorted(), idsOf(open).toSorted(), 'what is recovered')
        assertEqual(await reopened.provisional.recover(2_000, 100), [], 'what is recovered the second time')
        const truth = recovered.map(truthOf)
        for (const entry of [...truth, ...truth]) await reopened.append(entry)
        await mustAnswerLike(reopened, [...open, ...truth, ...settled], 'after all have come to an end')
        await destroy?.(reopened)
      },
    },
  ]
}
