import { expect, test } from 'vitest'
import type { Fault } from '../errors.ts'
import type { BudgetBook } from '../ports/budget-book.ts'
import type { Ledger } from '../ports/ledger.ts'
import type { RateBook } from '../ports/rate-book.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { sampleEntry } from '../testing/sample-entry.ts'
import { upkeep } from './upkeep.ts'

function stores(abandoned: number) {
  const calls: string[] = []
  let left = abandoned
  const ledger = {
    provisional: {
      recover: (_at: number, limit: number) => {
        calls.push('recover')
        const count = Math.min(limit, left)
        left -= count
        return Promise.resolve(Array.from({ length: count }, () => sampleEntry()))
      },
    },
  } as unknown as Ledger
  const budgets = {
    bookExpired: () => {
      calls.push('bookExpired')
      return Promise.resolve([{ holdId: 'ex_1', claims: [] }])
    },
    prune: (before: number) => {
      calls.push(`prune holds ${before}`)
      return Promise.resolve()
    },
  } as unknown as BudgetBook
  const rates = { prune: () => Promise.reject(new Error('gone')) } as unknown as RateBook
  return { calls, ledger, budgets, rates }
}

test('a round books all that is left, however much, goes on past a store that fails, and tells of that once', async () => {
  const clock = manualClock()
  const faults: Fault[] = []
  const { calls, ...all } = stores(1_200)
  const maintained: number[] = []
  const books = upkeep({ ...all, clock, onFault: (fault) => faults.push(fault), maintain: (now) => Promise.resolve(maintained.push(now)) })
  expect(await books.run()).toEqual({ exchanges: 1_200, holds: 1 })
  expect(calls).toEqual(['recover', 'recover', 'recover', 'bookExpired', `prune holds ${clock.now() - 48 * 3_600_000}`])
  await clock.advanceAsync(90_000)
  expect(maintained).toHaveLength(4)
  expect(faults).toMatchObject([{ code: 'upkeep-failed', message: 'forgetting old rates failed, and is tried again' }])
  await books.stop()
  await books.stop()
  expect(clock.pendingTimers).toBe(0)
  await clock.advanceAsync(90_000)
  expect(maintained).toHaveLength(4)
})

test('J4: a store that hangs ends neither the rounds nor keeps them from being stopped', async () => {
  const clock = manualClock()
  const faults: Fault[] = []
  let asked = 0
  const hanging = new Promise<never>(() => undefined)
  const ledger = { provisional: { recover: () => ((asked += 1) === 1 ? hanging : Promise.resolve([])) } } as unknown as Ledger
  const books = upkeep({ ledger, clock, everyMillis: 1_000, answerMillis: 5_000, onFault: (fault) => faults.push(fault) })
  await clock.advanceAsync(10_000)
  expect(asked).toBeGreaterThan(2)
  expect(faults).toMatchObject([{ code: 'upkeep-failed', message: 'booking what crashed gateways left failed, and is tried again' }])
  await books.stop()
  const stuck = upkeep({ budgets: { bookExpired: () => hanging } as unknown as BudgetBook, clock })
  await clock.advanceAsync(0)
  const stopped = stuck.stop()
  await clock.advanceAsync(2_000)
  await stopped
  expect(clock.pendingTimers).toBe(0)
})
