import type { Clock } from '../host.ts'
import type { BudgetBook } from '../ports/budget-book.ts'

/** A book whose every call ends: one that has no answer in time has failed, though the book may yet do what it was asked. */
export function boundedBook(book: BudgetBook, clock: Clock, answerMillis: number): BudgetBook {
  const bounded = async <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
    const late = Promise.withResolvers<never>()
    const cancel = clock.after(answerMillis, () => late.reject(new Error(`no answer within ${answerMillis} ms`)))
    try {
      return await Promise.race([ask(), late.promise])
    } finally {
      cancel()
    }
  }
  return {
    reserve: (reservation) => bounded(() => book.reserve(reservation)),
    settle: (settlements) => bounded(() => book.settle(settlements)),
    draw: (draw) => bounded(() => book.draw(draw)),
    bookExpired: (before, limit) => bounded(() => book.bookExpired(before, limit)),
    balances: (slots) => bounded(() => book.balances(slots)),
    claimThreshold: (account, bucket, percent) => bounded(() => book.claimThreshold(account, bucket, percent)),
    prune: (before) => bounded(() => book.prune(before)),
    define: (budget) => bounded(() => book.define(budget)),
    remove: (id) => bounded(() => book.remove(id)),
    budgets: () => bounded(() => book.budgets()),
  }
}
