import type { Budget, BudgetBook } from '../../ports/budget-book.ts'
import { assertEqual } from './assertions.ts'
import { callers, charge, claim, figures, reservation, reserveOne, settleOne, times, today } from './budget-book-parts.ts'
import type { StoreCase } from './contract.ts'

/** Later than any store's own clock is. */
const distant = Date.UTC(2200, 0)

/** A budget of $1,000 a month, with whatever a case changes. */
export function sampleBudget(overrides: Partial<Budget> = {}): Budget {
  return {
    id: 'web',
    name: 'Web team',
    subject: { scope: 'acme/retail/web' },
    unit: 'nano-usd',
    amount: 1_000_000_000_000n,
    window: { kind: 'month', timeZone: 'Europe/Berlin' },
    thresholds: [50, 80, 90, 100],
    hardPercent: 110,
    isStrict: false,
    action: 'block',
    sharing: 'pool',
    raises: [],
    createdAt: today,
    version: 1,
    ...overrides,
  }
}

const full: Budget = sampleBudget({
  id: 'full',
  subject: { scope: 'acme', key: 'k1', tag: { name: 'repository', value: 'acme/web' }, model: 'claude-opus-*' },
  unit: 'tokens',
  amount: 2n ** 53n + 1n,
  window: { kind: 'rolling', hours: 5 },
  thresholds: [12.5, 80],
  hardPercent: 150,
  isStrict: true,
  action: 'cut',
  sharing: 'each',
  maxSharePercent: 20,
  carryOverPercent: 25,
  raises: [
    { id: 'r1', amount: 2n ** 53n + 3n, until: today + 5, reason: 'launch week' },
    { id: 'r2', amount: 1n, until: today + 9, reason: '' },
  ],
  notice: 'Ask #platform.\nOr read https://example.com/budgets?a=b&c=%20d',
})

/** The budgets themselves, thresholds, and what is forgotten. */
export const definitionCases: readonly StoreCase<BudgetBook>[] = [
  {
    name: 'a budget comes back whole, field by field, and budgets in order of their id',
    check: async (book) => {
      const others = ['Z', 'a', 'ä', '\uFF5E', '🙂'].map((id) => sampleBudget({ id }))
      for (const budget of [others[4], others[1], full, others[0], others[3], others[2]]) assertEqual(await book.define(budget as Budget), true, 'defined')
      assertEqual(await book.budgets(), [others[0], others[1], full, others[2], others[3], others[4]], 'the budgets')
    },
  },
  {
    name: 'windows and actions of every kind come back',
    check: async (book) => {
      const windows = ['day', 'week', 'month', 'quarter', 'year'].map((kind) => ({ kind, timeZone: 'America/St_Johns' }) as Budget['window'])
      const budgets = [...windows, { kind: 'total' } as const].map((window, index) => sampleBudget({ id: `w${index}`, window }))
      const actions = (['warn', 'queue', 'downgrade', 'block', 'cut'] as const).map((action, index) =>
        sampleBudget({ id: `x${index}`, action, unit: 'requests' }),
      )
      for (const budget of [...budgets, ...actions]) await book.define(budget)
      assertEqual(await book.budgets(), [...budgets, ...actions], 'the budgets')
    },
  },
  {
    name: 'text of a budget may be anything; what no database can keep is replaced',
    check: async (book) => {
      const hostile = `o'brien "x" %_\\ -- ; drop table budgets; \n\t 日本 🙂 \u202E`
      const tag = { name: '__proto__', value: hostile }
      const budget = sampleBudget({
        id: hostile,
        name: hostile,
        notice: hostile,
        subject: { tag },
        raises: [{ id: hostile, amount: 1n, until: 1, reason: hostile }],
      })
      await book.define(budget)
      await book.define(sampleBudget({ id: 'nul\0', name: 'a\0b\uD800' }))
      assertEqual(await book.budgets(), [sampleBudget({ id: 'nul\uFFFD', name: 'a\uFFFDb\uFFFD' }), budget], 'the budgets')
      assertEqual([await book.remove('nul%'), await book.remove('nul\0')], [false, true], 'removed by a pattern, and by its id')
    },
  },
  {
    name: 'a change follows the version that is kept, or changes nothing and says so',
    check: async (book) => {
      const defined: readonly [Partial<Budget>, boolean][] = [
        [{ version: 2 }, false],
        [{ version: 0 }, false],
        [{ version: 1 }, true],
        [{ version: 1, name: 'again' }, false],
        [{ version: 3, name: 'too far' }, false],
        [{ version: 2, name: 'second', amount: 5n }, true],
        [{ version: 2, name: 'late' }, false],
      ]
      for (const [overrides, isTaken] of defined) assertEqual(await book.define(sampleBudget(overrides)), isTaken, `version ${overrides.version}`)
      assertEqual(await book.budgets(), [sampleBudget({ version: 2, name: 'second', amount: 5n })], 'the budgets')
    },
  },
  {
    name: 'what a change leaves out is gone',
    check: async (book) => {
      await book.define(full)
      const bare = sampleBudget({ id: 'full', version: 2 })
      await book.define(bare)
      assertEqual(await book.budgets(), [bare], 'the budgets')
    },
  },
  {
    name: `of ${callers} callers racing to define or change one budget exactly one is taken`,
    check: async (book) => {
      for (const version of [1, 2, 3]) {
        const taken = await Promise.all(times(callers, (index) => book.define(sampleBudget({ version, name: `caller ${index}` }))))
        const winner = taken.indexOf(true)
        assertEqual(taken.filter(Boolean).length, 1, `callers that were taken with version ${version}`)
        assertEqual(await book.budgets(), [sampleBudget({ version, name: `caller ${winner}` })], 'the budget kept, against the winner')
      }
    },
  },
  {
    name: 'a removed budget is gone once, what was spent stays, and it may be defined anew',
    check: async (book) => {
      await book.define(sampleBudget())
      await settleOne(book, 'h1', charge('web', 5n))
      const removed = await Promise.all(times(callers, () => book.remove('web')))
      assertEqual(removed.filter(Boolean).length, 1, 'callers that removed it')
      assertEqual([await book.budgets(), await figures(book, 'web')], [[], [[5n, 0n]]], 'budgets, and what was spent')
      assertEqual(await book.define(sampleBudget()), true, 'defined anew')
    },
  },
  {
    name: 'changing a budget after it was defined, or one that was returned, changes nothing that is kept',
    check: async (book) => {
      const budget = structuredClone(full)
      await book.define(budget)
      for (const alias of [budget, ...(await book.budgets())]) {
        Reflect.set(alias, 'name', 'vandalised')
        Reflect.set(alias.subject, 'scope', 'vandalised')
        Reflect.set(alias.thresholds, 0, -1)
        Reflect.set(alias.raises[0] as object, 'amount', -1n)
      }
      assertEqual(await book.budgets(), [full], 'the budgets')
    },
  },
  {
    name: `of ${callers} callers racing to tell of a threshold exactly one may, for each account, bucket and percent`,
    check: async (book) => {
      const thresholds: readonly [string, number, number][] = [['a', today, 80], ['a', today, 90], ['a', today + 1, 80], ['b', today, 80], ['a', today, 12.5]] // prettier-ignore
      const tellers = await Promise.all(thresholds.map((threshold) => Promise.all(times(callers, () => book.claimThreshold(...threshold)))))
      assertEqual(
        tellers.map((told) => told.filter(Boolean).length),
        [1, 1, 1, 1, 1],
        'tellers of each',
      )
      assertEqual(await book.claimThreshold('a', today, 80), false, 'asked again')
    },
  },
  {
    name: 'pruning forgets holds that have ended, and nothing else',
    check: async (book) => {
      await book.define(full)
      await book.claimThreshold('team', today, 80)
      await settleOne(book, 'ended', charge('team', 5n))
      await reserveOne(book, 'open', 7n)
      await book.reserve(reservation('booked', [claim('team', 1n)], today))
      await book.bookExpired(today + 1, 10)
      await book.prune(0)
      await settleOne(book, 'ended', charge('team', 5n))
      assertEqual(await figures(book, 'team'), [[6n, 7n]], 'the balance, while ends are remembered')
      await book.prune(distant)
      assertEqual(await figures(book, 'team'), [[6n, 7n]], 'the balance after pruning')
      await reserveOne(book, 'ended', 3n)
      await reserveOne(book, 'open', 7n)
      assertEqual(await figures(book, 'team'), [[6n, 10n]], 'the balance: the hold that had ended is a new one, the open one was kept')
      await settleOne(book, 'open', charge('team', 2n))
      assertEqual(await figures(book, 'team'), [[8n, 3n]], 'the balance after the open one is settled')
      assertEqual([await book.claimThreshold('team', today, 80), await book.budgets()], [false, [full]], 'the threshold, and the budgets')
    },
  },
]
