import { parseBudgetJson, systemClock, toBudgetJson, type BudgetBook, type Clock } from '@sluice/core'
import { compareText, toStorableText } from '@sluice/core/ledger'
import { BudgetPots } from './memory-budget-book-pots.ts'

/** Options of {@link memoryBudgetBook}. */
export interface MemoryBudgetBookOptions {
  /** Tells when holds ended, for `prune`. @defaultValue systemClock */
  readonly clock?: Clock
}

/**
 * A {@link BudgetBook} in this process's memory: for development, tests, and a gateway of one process whose budgets may begin anew with it.
 * Every verb is done before it returns, so nothing can come in between. Holds that have ended are remembered until `prune` is told to forget them.
 */
export function memoryBudgetBook(options: MemoryBudgetBookOptions = {}): BudgetBook {
  const pots = new BudgetPots(options.clock ?? systemClock)
  const told = new Set<string>()
  /** As JSON: what is kept is nobody's to change. */
  const budgets = new Map<string, { readonly version: number; readonly json: string }>()
  return {
    reserve: async (reservation) => pots.reserve(reservation),
    settle: async (settlements) => settlements.map((settlement) => pots.settle(settlement)),
    draw: async (draw) => pots.draw(draw),
    bookExpired: async (before, limit) => pots.bookExpired(before, limit),
    balances: async (slots) => slots.map((slot) => pots.balance(slot)),
    claimThreshold: async (account, bucket, percent) => {
      const threshold = `${bucket} ${percent} ${toStorableText(account)}`
      if (told.has(threshold)) return false
      told.add(threshold)
      return true
    },
    prune: async (before) => pots.prune(before),
    define: async (budget) => {
      const id = toStorableText(budget.id)
      if (budget.version !== (budgets.get(id)?.version ?? 0) + 1) return false
      budgets.set(id, { version: budget.version, json: toBudgetJson(budget) })
      return true
    },
    remove: async (id) => budgets.delete(toStorableText(id)),
    budgets: async () => [...budgets].toSorted(([left], [right]) => compareText(left, right)).map(([, { json }]) => parseBudgetJson(json)),
  }
}
