/**
 * A storage adapter in one short file: a budget book, kept as the verbs that made it. A toy, since it holds everything in memory and its file only grows,
 * but it keeps the whole contract. Replace the sums by tables, with a transaction where this has a queue, and run the same test.
 */
import type { BudgetBook, Clock } from '@sluice/core'
import { compareText, toStorable } from '@sluice/core/ledger'
import { BudgetSums } from './budget-sums.ts'
import { verbFile } from './verb-file.ts'

/** A budget book in a file, to be closed. One process at a time may have it open. */
export interface FileBudgetBook extends BudgetBook {
  readonly close: () => Promise<void>
}

type VerbName = 'reserve' | 'settle' | 'draw' | 'bookExpired' | 'claimThreshold' | 'prune' | 'define' | 'remove'
type Given<Name extends VerbName> = Parameters<BudgetSums[Name]>
interface Verb {
  readonly name: VerbName
  /** Instants are among them: a restart repeats the verbs, not the time. */
  readonly given: readonly unknown[]
}

/** Opens the budget book in a file, or makes it. */
export async function fileBudgetBook(path: string, clock: Pick<Clock, 'now'>): Promise<FileBudgetBook> {
  const sums = new BudgetSums()
  const act = ({ name, given }: Verb): unknown => Reflect.apply(sums[name], sums, given)
  const file = await verbFile<Verb>(path, act)
  const call = <Name extends VerbName>(name: Name, ...given: Given<Name>): Promise<ReturnType<BudgetSums[Name]>> =>
    file.perform({ name, given }, act) as Promise<ReturnType<BudgetSums[Name]>>
  return {
    reserve: (reservation) => call('reserve', reservation),
    settle: (settlements) => call('settle', settlements, clock.now()),
    draw: (draw) => call('draw', draw),
    bookExpired: (before, limit) => call('bookExpired', before, limit, clock.now()),
    balances: async (slots) => toStorable(slots).map((slot) => sums.balance(slot)),
    claimThreshold: (account, bucket, percent) => call('claimThreshold', account, bucket, percent),
    prune: (before) => call('prune', before),
    define: (budget) => call('define', budget),
    remove: (id) => call('remove', id),
    budgets: async () => sums.budgets().toSorted((one, other) => compareText(one.id, other.id)),
    close: file.close,
  }
}
