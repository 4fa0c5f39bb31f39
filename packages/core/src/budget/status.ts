import type { Balance, Budget, BudgetBook } from '../ports/budget-book.ts'
import { accountOf, carrySlot, effectiveAmount, hardCapOf, shareAccountOf, percentOf } from './accounts.ts'
import { windowAt, type WindowRange } from './windows.ts'

/** How a budget stands, for those who set and watch it. Amounts are in its unit. */
export interface BudgetStatus {
  readonly budget: Budget
  /** Budget id, and after a slash whose pot it is. */
  readonly account: string
  /** What 100 % is at present: with the raises in force, and with what was carried over. */
  readonly amount: bigint
  /** What nothing passes; where the budget only warns, the line that it would be. */
  readonly hardCap: bigint
  readonly spent: bigint
  /** Reserved by exchanges under way. */
  readonly held: bigint
  /** Up to the hard line; never negative. */
  readonly remaining: bigint
  /** Spent and held, as a part of the amount: 0 is untouched, 1 is all of it, and it may go beyond. */
  readonly utilization: number
  /** When the window began, milliseconds since the epoch; absent for a total. */
  readonly startsAt?: number
  /** When it begins anew, of a rolling window when its oldest hour leaves; absent for a total. */
  readonly resetsAt?: number
}

/**
 * How a budget stands at an instant. Of `each` a member's own pot, else that of spend whose developer is unknown;
 * of a pool with limited shares a member's share where one is named, else the pool. Asks the book once.
 */
export async function budgetStatus(book: Pick<BudgetBook, 'balances'>, budget: Budget, at: number, member?: string): Promise<BudgetStatus> {
  const window = windowAt(budget.window, at)
  const { bucket, firstBucket } = window
  const isShare = budget.sharing === 'pool' && budget.maxSharePercent !== undefined && member !== undefined
  const main = accountOf(budget, member)
  const account = isShare ? shareAccountOf(budget, member) : main
  const last = carrySlot(budget, main, at)
  const [balance, before] = await book.balances([{ account, bucket, firstBucket }, ...(last === undefined ? [] : [last])])
  const full = effectiveAmount(budget, at, last === undefined ? undefined : before?.spent)
  const amount = isShare && budget.maxSharePercent !== undefined ? percentOf(full, budget.maxSharePercent) : full
  const hardCap = isShare ? amount : hardCapOf(budget, amount)
  return standing({ budget, account, amount, hardCap, window }, balance ?? { spent: 0n, held: 0n })
}

/** How an account stands by a balance that the book has given. */
export function standing(
  { budget, account, amount, hardCap, window }: Pick<BudgetStatus, 'budget' | 'account' | 'amount' | 'hardCap'> & { readonly window: WindowRange },
  { spent, held }: Balance,
): BudgetStatus {
  const { startsAt, endsAt } = window
  return {
    budget,
    account,
    amount,
    hardCap,
    spent,
    held,
    remaining: hardCap > spent + held ? hardCap - spent - held : 0n,
    utilization: partOf(spent + held, amount),
    ...(endsAt !== undefined && { startsAt, resetsAt: endsAt }),
  }
}

/** How much of an amount is used. Of nothing all is. */
export function partOf(used: bigint, amount: bigint): number {
  return amount === 0n ? 1 : Number(used) / Number(amount)
}
