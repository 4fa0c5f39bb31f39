import { memoryBudgetBook } from '@sluice/storage-memory'
import { describe, expect, test } from 'vitest'
import { ConfigurationError } from '../errors.ts'
import { systemClock } from '../host.ts'
import type { BudgetBook } from '../ports/budget-book.ts'
import { budgetBookContract } from '../testing/contracts/budget-book-contract.ts'
import type { LeasedBudgetBookOptions } from './leased-budget-book-options.ts'
import { leasedBudgetBook, type LeasedBudgetBook } from './leased-budget-book.ts'

const contracts: Readonly<Record<string, Partial<LeasedBudgetBookOptions>>> = {
  'as it comes': {},
  'when it leases whatever it can, all of the cap': { hotClaims: 0, leasePercent: 100, nearLeases: 0 },
  'when it leases from the second claim on, half of the cap': { hotClaims: 1, leasePercent: 50, nearLeases: 1, returnMillis: 2 },
}

const restart = {
  case: 'holds, spend, thresholds and budgets are there after a restart, and what ended before it still counts once',
  reason: 'what was granted from a lease, and ended, is known to the instance that granted it',
}

for (const [how, options] of Object.entries(contracts)) {
  describe(`the budget book contract, ${how}`, () => {
    const beneath = new WeakMap<BudgetBook, BudgetBook>()
    let owners = 0
    const open = (book: BudgetBook): LeasedBudgetBook => {
      const leased = leasedBudgetBook({ book, clock: systemClock, owner: `o${(owners += 1)}`, returnMillis: 20, ...options })
      beneath.set(leased, book)
      return leased
    }
    const contract = budgetBookContract({
      create: async () => open(memoryBudgetBook()),
      destroy: (book) => book.stop(),
      reopen: async (book) => {
        await book.stop()
        return open(beneath.get(book) as BudgetBook)
      },
      gaps: options.hotClaims === 0 ? [restart] : [],
    })
    for (const { name, run } of contract) test(name, run)
  })
}

test('an option that is no positive number is refused by name', () => {
  const build = (options: Partial<LeasedBudgetBookOptions>) => () => leasedBudgetBook({ book: memoryBudgetBook(), clock: systemClock, owner: 'o', ...options })
  expect(build({ leaseMillis: 0 })).toThrow(ConfigurationError)
  expect(build({ leasePercent: Number.NaN })).toThrow('leasedBudgetBook.leasePercent: NaN will not do. Use a positive number, such as 1.')
  expect(build({ hotClaims: -1 })).toThrow('leasedBudgetBook.hotClaims')
})
