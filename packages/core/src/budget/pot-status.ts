import type { Balance } from '../ports/budget-book.ts'
import { hardCapOf, type BudgetPot } from './accounts.ts'
import { partOf, type BudgetStatus } from './status.ts'

/** How a pot stands by a balance that the book has given. */
export function potStatus({ budget, account, amount, cap, window }: BudgetPot, { spent, held }: Balance): BudgetStatus {
  const hardCap = cap ?? hardCapOf(budget, amount)
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
