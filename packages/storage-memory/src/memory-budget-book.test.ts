import { budgetBookContract, manualClock } from '@sluice/core/testing'
import { describe, expect, test } from 'vitest'
import { memoryBudgetBook } from './memory-budget-book.ts'

describe('the budget book contract', () => {
  for (const { name, run } of budgetBookContract({ create: async (clock) => memoryBudgetBook({ clock }) })) test(name, run)
})

test('an end is remembered up to the instant that pruning names, to the millisecond', async () => {
  const clock = manualClock()
  const book = memoryBudgetBook({ clock })
  const settleOnce = () => book.settle([{ holdId: 'h1', charges: [{ account: 'team', bucket: 0, firstBucket: 0, amount: 5n }] }])
  await settleOnce()
  await book.prune(clock.now())
  expect(await settleOnce()).toEqual([[{ spent: 5n, held: 0n }]])
  await book.prune(clock.now() + 1)
  expect(await settleOnce()).toEqual([[{ spent: 10n, held: 0n }]])
})
