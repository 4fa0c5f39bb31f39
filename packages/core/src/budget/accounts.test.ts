import { memoryBudgetBook } from '@sluice/storage-memory'
import { fc, test as property } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { manualClock } from '../testing/manual-clock.ts'
import { budgetPots, carrySlot, closedWindowSpend, effectiveAmount, percentOf, potClaims } from './accounts.ts'
import { checkBudget, type BudgetInput } from './check-budget.ts'
import { budgetStatus } from './status.ts'

const november = Date.UTC(2026, 10)
const october = Date.UTC(2026, 9)
const noon = Date.UTC(2026, 10, 24, 12)

const budgetOf = (parts: Partial<BudgetInput> = {}) =>
  checkBudget({ id: 'web', subject: { scope: 'acme' }, unit: 'nano-usd', amount: 1_000n, window: { kind: 'month', timeZone: 'UTC' }, createdAt: 0, ...parts })

const brief = (parts: Partial<BudgetInput>, developer: string | undefined = 'ada', spentBefore?: bigint) =>
  budgetPots(budgetOf(parts), developer, noon, spentBefore).map(({ account, amount, cap, member }) => [account, amount, cap, member])

test('a pool is one pot, each has a pot a developer, and a limited share is a second pot with a cap of its own', () => {
  expect(brief({})).toEqual([['web', 1_000n, 1_100n, undefined]])
  expect(brief({ sharing: 'each' })).toEqual([['web/ada', 1_000n, 1_100n, 'ada']])
  expect(budgetPots(budgetOf({ sharing: 'each' }), undefined, noon).map(({ account }) => account)).toEqual(['web/'])
  expect(brief({ maxSharePercent: 25 })).toEqual([['web', 1_000n, 1_100n, undefined], ['web/ada', 250n, 250n, 'ada']]) // prettier-ignore
})

test('the hard line is rounded down; strict stops at 100 %, and a budget that warns has no cap', () => {
  expect(brief({ amount: 1_009n })).toEqual([['web', 1_009n, 1_109n, undefined]])
  expect(brief({ isStrict: true })).toEqual([['web', 1_000n, 1_000n, undefined]])
  expect(brief({ action: 'warn', maxSharePercent: 10 })).toEqual([['web', 1_000n, undefined, undefined], ['web/ada', 100n, undefined, 'ada']]) // prettier-ignore
})

test('pots are charged in the bucket of the instant, over the range of the window', () => {
  const [pot] = budgetPots(budgetOf({ window: { kind: 'rolling', hours: 3 } }), 'ada', noon)
  expect([pot?.bucket, pot?.firstBucket]).toEqual([noon, noon - 2 * 3_600_000])
  expect(budgetPots(budgetOf(), 'ada', noon)[0]?.bucket).toBe(november)
})

test('a raise is in force before its end, not at it, and is reached by the hard line too', () => {
  const raises = [{ id: 'r1', amount: 500n, until: noon, reason: 'launch' }, { id: 'r2', amount: 7n, until: noon + 1, reason: '' }] // prettier-ignore
  expect(brief({ raises })).toEqual([['web', 1_007n, 1_107n, undefined]])
  expect(effectiveAmount(budgetOf({ raises }), noon - 1)).toBe(1_507n)
})

test('what the last window left is carried over up to its percent, and a window that overspent carries no debt', () => {
  const budget = budgetOf({ carryOverPercent: 20 })
  expect([0n, 799n, 800n, 950n, 1_000n, 1_100n].map((spent) => effectiveAmount(budget, noon, spent))).toEqual([1_200n, 1_200n, 1_200n, 1_050n, 1_000n, 1_000n])
  expect(effectiveAmount(budgetOf(), noon, 0n)).toBe(1_000n)
})

test('what was not used before a budget existed is not carried over', () => {
  expect(carrySlot(budgetOf({ carryOverPercent: 20 }), 'web', noon)).toEqual({ account: 'web', bucket: october, firstBucket: october })
  expect(carrySlot(budgetOf({ carryOverPercent: 20, createdAt: november }), 'web', noon)).toBeUndefined()
  expect(carrySlot(budgetOf({ carryOverPercent: 20, createdAt: november - 1 }), 'web', noon)?.bucket).toBe(october)
  expect(carrySlot(budgetOf(), 'web', noon)).toBeUndefined()
})

test('claims are in the unit of each budget', () => {
  const pots = [budgetOf(), budgetOf({ id: 'tokens', unit: 'tokens' }), budgetOf({ id: 'requests', unit: 'requests', action: 'warn' })].flatMap((budget) =>
    budgetPots(budget, 'ada', noon),
  )
  const where = { bucket: november, firstBucket: november }
  expect(potClaims(pots, { 'nano-usd': 5n, tokens: 70n, requests: 1n })).toEqual([
    { account: 'web', ...where, amount: 5n, cap: 1_100n },
    { account: 'tokens', ...where, amount: 70n, cap: 1_100n },
    { account: 'requests', ...where, amount: 1n },
  ])
})

property.prop([fc.bigInt({ min: 0n, max: 10n ** 17n }), fc.integer({ min: 1, max: 1_000_000 })])(
  'C11: percentages of money are exact integers, rounded down once',
  (amount, thousandths) => {
    const part = percentOf(amount, thousandths / 1_000)
    expect(part * 100_000n <= amount * BigInt(thousandths) && (part + 1n) * 100_000n > amount * BigInt(thousandths)).toBe(true)
  },
)

const charged = (account: string, bucket: number, amount: bigint) => ({
  holdId: `${account} ${bucket} ${amount}`,
  charges: [{ account, bucket, firstBucket: bucket, amount }],
})

test('the spend of a closed window is asked once for all who ask at once, again when it is stale, and again after a failure', async () => {
  const clock = manualClock(noon)
  const kept = memoryBudgetBook()
  await kept.settle([charged('web', october, 300n)])
  let asked = 0
  let isDown = true
  const spend = closedWindowSpend({
    clock,
    book: {
      balances: async (slots) => {
        asked += 1
        if (isDown) throw new Error('the store is out')
        return kept.balances(slots)
      },
    },
  })
  const budget = budgetOf({ carryOverPercent: 20 })
  await expect(spend(budget, 'web', noon)).rejects.toThrow('the store is out')
  isDown = false
  expect(await Promise.all(Array.from({ length: 50 }, () => spend(budget, 'web', noon)))).toEqual(Array(50).fill(300n))
  expect(asked).toBe(2)
  await kept.settle([charged('web', october, 5n)])
  clock.advance(59_999)
  expect([await spend(budget, 'web', noon), asked]).toEqual([300n, 2])
  clock.advance(1)
  expect([await spend(budget, 'web', noon), asked]).toEqual([305n, 3])
  expect([await spend(budgetOf(), 'web', noon), asked]).toEqual([undefined, 3])
})

test('closed windows are remembered for so many accounts, the latest ones', async () => {
  let asked = 0
  const book = memoryBudgetBook()
  const balances: typeof book.balances = (slots) => {
    asked += 1
    return book.balances(slots)
  }
  const spend = closedWindowSpend({ clock: manualClock(noon), book: { balances }, maxAccounts: 2 })
  const budget = budgetOf({ carryOverPercent: 20 })
  for (const account of ['a', 'b', 'c', 'c', 'b', 'a']) await spend(budget, account, noon)
  expect(asked).toBe(4)
})

test('a status tells the amount with raises and carry-over, the line, what is spent, held and left, and when it resets', async () => {
  const book = memoryBudgetBook()
  await book.settle([charged('web', october, 900n), charged('web', november, 600n)])
  await book.reserve({ holdId: 'h', claims: [{ account: 'web', bucket: november, firstBucket: november, amount: 60n }], expiresAt: noon })
  const raises = [{ id: 'r', amount: 100n, until: noon + 1, reason: '' }]
  const budget = budgetOf({ carryOverPercent: 50, raises })
  expect(await budgetStatus(book, budget, noon)).toEqual({
    budget,
    account: 'web',
    amount: 1_200n,
    hardCap: 1_320n,
    spent: 600n,
    held: 60n,
    remaining: 660n,
    utilization: 0.55,
    startsAt: november,
    resetsAt: Date.UTC(2026, 11),
  })
})

test('a status is that of a member where pots or shares are separate, never has less than nothing left, and of a total does not reset', async () => {
  const book = memoryBudgetBook()
  await book.settle([charged('web/ada', 0, 900n), charged('web', 0, 2_000n)])
  const window = { kind: 'total' } as const
  const figures = async (parts: Partial<BudgetInput>, member?: string) => {
    const { account, amount, hardCap, spent, remaining, utilization, startsAt, resetsAt } = await budgetStatus(
      book,
      budgetOf({ window, ...parts }),
      noon,
      member,
    )
    return [account, amount, hardCap, spent, remaining, utilization, startsAt, resetsAt]
  }
  expect(await figures({}, 'ada')).toEqual(['web', 1_000n, 1_100n, 2_000n, 0n, 2, undefined, undefined])
  expect(await figures({ sharing: 'each' }, 'ada')).toEqual(['web/ada', 1_000n, 1_100n, 900n, 200n, 0.9, undefined, undefined])
  expect(await figures({ sharing: 'each' }, 'bob')).toEqual(['web/bob', 1_000n, 1_100n, 0n, 1_100n, 0, undefined, undefined])
  expect(await figures({ maxSharePercent: 50 }, 'ada')).toEqual(['web/ada', 500n, 500n, 900n, 0n, 1.8, undefined, undefined])
  expect(await figures({ maxSharePercent: 50 })).toEqual(['web', 1_000n, 1_100n, 2_000n, 0n, 2, undefined, undefined])
  expect(await figures({ amount: 0n })).toEqual(['web', 0n, 0n, 2_000n, 0n, 1, undefined, undefined])
})
