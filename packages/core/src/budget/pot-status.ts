import type { Balance } from '../ports/budget-book.ts'
import { hardCapOf, type BudgetPot } from './accounts.ts'
import { standing, type BudgetStatus } from './status.ts'

/** How a pot stands by a balance that the book has given. */
export function potStatus(pot: BudgetPot, balance: Balance): BudgetStatus {
  return standing({ ...pot, hardCap: pot.cap ?? hardCapOf(pot.budget, pot.amount) }, balance)
}
