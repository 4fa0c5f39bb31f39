import { memoryBudgetBook } from '@sluice/storage-memory'
import { expect, test } from 'vitest'
import type { BudgetBook } from '../ports/budget-book.ts'
import { manualClock, type ManualClock } from '../testing/manual-clock.ts'
import type { LeasedBudgetBookOptions } from './leased-budget-book-options.ts'
import { leasedBudgetBook, type LeasedBudgetBook } from './leased-budget-book.ts'

const slot = { account: 'team', bucket: 0, firstBucket: 0 }
const cap = 10_000n

/** A shared book that counts its calls and can be out, and instances over it. One lease is at most 500, and 1,000 are never leased. */
function scene() {
  const clock: ManualClock = manualClock()
  const kept = memoryBudgetBook({ clock })
  const calls: string[] = []
  const state = { isOut: false }
  const counted =
    <Arguments extends readonly unknown[], Result>(name: string, verb: (...given: Arguments) => Promise<Result>) =>
    async (...given: Arguments): Promise<Result> => {
      calls.push(name)
      if (state.isOut) throw new Error('the store is out')
      return verb(...given)
    }
  const { reserve, settle, draw, bookExpired, balances } = kept
  const book: BudgetBook = {
    ...kept,
    reserve: counted('reserve', reserve),
    settle: counted('settle', settle),
    draw: counted('draw', draw),
    bookExpired: counted('bookExpired', bookExpired),
    balances: counted('balances', balances),
  }
  const failures: unknown[] = []
  let owners = 0
  const open = (options: Partial<LeasedBudgetBookOptions> = {}): LeasedBudgetBook =>
    leasedBudgetBook({
      book,
      clock,
      owner: `o${(owners += 1)}`,
      leasePercent: 5,
      nearLeases: 2,
      hotClaims: 0,
      onFailure: (cause) => void failures.push(cause),
      ...options,
    })
  const figures = async (): Promise<readonly [bigint, bigint]> => {
    const [{ spent, held } = { spent: 0n, held: 0n }] = await kept.balances([slot])
    return [spent, held]
  }
  return { clock, book: kept, calls, state, failures, open, figures }
}

const reserve = async (book: BudgetBook, holdId: string, amount: bigint, of: bigint = cap) =>
  (await book.reserve({ holdId, claims: [{ ...slot, amount, cap: of }], expiresAt: Number.MAX_SAFE_INTEGER })).isGranted
const settle = async (book: BudgetBook, holdId: string, amount: bigint) => (await book.settle([{ holdId, charges: [{ ...slot, amount }] }]))[0]?.[0]

test('ten thousand exchanges on a hot account cost few calls of the book, and every unit of them is in it soon', async () => {
  const { clock, calls, open, figures } = scene()
  const book = open()
  const wide = 10n ** 9n
  for (let index = 0; index < 10_000; index += 1) {
    expect(await reserve(book, `h${index}`, 50n, wide)).toBe(true)
    await settle(book, `h${index}`, 49n)
    if (index % 1_000 === 999) await clock.advanceAsync(250)
  }
  expect(calls.length).toBeLessThan(150)
  await clock.advanceAsync(250)
  expect((await figures())[0]).toBe(490_000n)
  await clock.advanceAsync(1_000)
  expect([await figures(), clock.pendingTimers]).toEqual([[490_000n, 0n], 0])
})

test('an account that is seldom asked is not leased: each exchange is asked and told by itself', async () => {
  const { clock, calls, open } = scene()
  const book = open({ hotClaims: 4 })
  for (let index = 0; index < 8; index += 1) {
    await reserve(book, `h${index}`, 50n)
    await settle(book, `h${index}`, 50n)
    await clock.advanceAsync(500)
  }
  expect(calls.filter((call) => call !== 'balances')).toEqual(Array.from({ length: 8 }, () => ['reserve', 'settle']).flat())
})

test('fifty callers that find no lease share one', async () => {
  const { calls, open, figures } = scene()
  const book = open()
  const granted = await Promise.all(Array.from({ length: 50 }, (_, index) => reserve(book, `h${index}`, 10n)))
  expect([granted.filter(Boolean).length, calls]).toEqual([50, ['reserve']])
  expect(await figures()).toEqual([0n, 500n])
})

test('G2: an idle lease of its own is given back before a claim is refused', async () => {
  const { calls, open, figures } = scene()
  const book = open()
  await reserve(book, 'small', 10n)
  expect(await figures()).toEqual([0n, 80n])
  expect(await reserve(book, 'large', 9_990n)).toBe(true)
  expect([await figures(), calls.includes('draw')]).toEqual([[0n, 10_000n], true])
  expect(await reserve(book, 'more', 1n)).toBe(false)
})

test('G2: of several that are refused at once each asks again when the lease of all is back', async () => {
  const { open, figures } = scene()
  const book = open()
  await reserve(book, 'small', 10n)
  const granted = await Promise.all([1, 2, 3, 4].map((index) => reserve(book, `h${index}`, 2_497n)))
  expect([granted, await figures()]).toEqual([[true, true, true, true], [0n, 9_998n]]) // prettier-ignore
})

test('G2: where others may hold idle leases a claim waits once for them, and is granted when they are back', async () => {
  const { clock, open, figures } = scene()
  const [other, book] = [open(), open()]
  await reserve(other, 'small', 10n)
  await settle(other, 'small', 10n)
  expect(await figures()).toEqual([0n, 80n])
  const asked = reserve(book, 'large', 9_990n)
  await clock.advanceAsync(500)
  expect([await asked, await figures()]).toEqual([true, [10n, 9_990n]])
})

test('a claim that no lease can make room for is refused at once', async () => {
  const { open, calls } = scene()
  const [other, book] = [open(), open()]
  await settle(book, 'spent', 9_000n)
  await reserve(other, 'small', 900n)
  calls.length = 0
  expect([await reserve(book, 'large', 1_001n), calls]).toEqual([false, ['reserve']])
})

test('R16: what an exchange came to above its lease is charged in the book before its settlement resolves', async () => {
  const { open, figures } = scene()
  const book = open()
  await reserve(book, 'h1', 10n)
  expect(await settle(book, 'h1', 200n)).toEqual({ spent: 200n, held: 0n })
  expect(await figures()).toEqual([120n, 80n])
  await book.stop()
  expect(await figures()).toEqual([200n, 0n])
})

test('near the cap nothing is leased: what is held there is what exchanges have reserved', async () => {
  const { open, figures } = scene()
  const book = open()
  await settle(book, 'spent', 8_990n)
  await reserve(book, 'h1', 10n)
  expect(await figures()).toEqual([8_990n, 10n])
})

test('a lease that others have brought near the cap is given back at the next beat', async () => {
  const { clock, book: shared, open, figures } = scene()
  const book = open()
  await reserve(book, 'h1', 10n)
  await shared.settle([{ holdId: 'elsewhere', charges: [{ ...slot, amount: 9_000n }] }])
  await reserve(book, 'h2', 10n)
  await clock.advanceAsync(250)
  expect(await figures()).toEqual([9_000n, 20n])
})

test('a lease lasts as long as an exchange in it, however long that is', async () => {
  const { clock, book: shared, open, figures } = scene()
  // Beats are rare, so that ten minutes are soon over.
  const book = open({ returnMillis: 20_000 })
  await reserve(book, 'long', 10n)
  for (let minute = 0; minute < 10; minute += 1) {
    await clock.advanceAsync(60_000)
    expect(await shared.bookExpired(clock.now(), 10)).toEqual([])
  }
  await settle(book, 'long', 7n)
  await clock.advanceAsync(20_000)
  expect(await figures()).toEqual([7n, 0n])
})

test('G2: after a crash a lease is booked when it expires, and nothing stays held', async () => {
  const { clock, book: shared, open, figures } = scene()
  const book = open({ clock: { now: clock.now, after: () => () => undefined } })
  await reserve(book, 'h1', 10n)
  await settle(book, 'h1', 9n)
  clock.advance(60_001)
  expect((await shared.bookExpired(clock.now(), 10)).map(({ claims }) => claims[0]?.amount)).toEqual([80n])
  expect(await figures()).toEqual([80n, 0n])
})

test('a lease that was booked while the book was out is settled with the truth when it is back, and failures are told', async () => {
  const { clock, book: shared, state, failures, open, figures } = scene()
  const book = open()
  await reserve(book, 'h1', 10n)
  state.isOut = true
  await clock.advanceAsync(70_000)
  expect(failures.length).toBeGreaterThan(0)
  await shared.bookExpired(clock.now(), 10)
  expect(await figures()).toEqual([80n, 0n])
  state.isOut = false
  await clock.advanceAsync(500)
  expect(await settle(book, 'h1', 3n)).toMatchObject({ held: 0n })
  await clock.advanceAsync(500)
  expect([await figures(), clock.pendingTimers]).toEqual([[3n, 0n], 0])
})

test('a lease whose making failed is given back, whether it was made or not', async () => {
  const { clock, book: shared, open, figures } = scene()
  let isLate = true
  const lossy: BudgetBook = {
    ...shared,
    reserve: async (reservation) => {
      const result = await shared.reserve(reservation)
      if (isLate) throw new Error('the answer was lost')
      return result
    },
  }
  const book = open({ book: lossy })
  await expect(reserve(book, 'h1', 10n)).rejects.toThrow('the answer was lost')
  expect(await figures()).toEqual([0n, 80n])
  isLate = false
  await clock.advanceAsync(1_000)
  expect([await figures(), clock.pendingTimers]).toEqual([[0n, 0n], 0])
})

test('a settlement that failed halfway is told again whole, and counts once', async () => {
  const { state, open, figures } = scene()
  const book = open()
  await reserve(book, 'h1', 10n)
  state.isOut = true
  await expect(settle(book, 'h1', 200n)).rejects.toThrow('the store is out')
  state.isOut = false
  await settle(book, 'h1', 200n)
  await settle(book, 'h1', 200n)
  await book.stop()
  expect(await figures()).toEqual([200n, 0n])
})

test('a reservation over a hot account and a cold one is all or nothing, and both are settled', async () => {
  const { clock, book: shared, open } = scene()
  const book = open({ hotClaims: 3 })
  const cold = (index: number, amount: bigint, of: bigint = cap) => ({ account: `cold${index}`, bucket: 0, firstBucket: 0, amount, cap: of })
  const ask = (index: number, of?: bigint) =>
    book.reserve({ holdId: `h${index}`, claims: [{ ...slot, amount: 10n, cap }, cold(index, 5n, of)], expiresAt: Number.MAX_SAFE_INTEGER }) // prettier-ignore
  for (let index = 0; index < 8; index += 1) expect((await ask(index)).isGranted).toBe(true)
  const refusal = await ask(8, 4n)
  expect([refusal.isGranted, refusal.refused, refusal.balances]).toEqual([false, [1], [{ spent: 0n, held: 80n }, { spent: 0n, held: 0n }]]) // prettier-ignore
  for (let index = 0; index < 8; index += 1) await book.settle([{ holdId: `h${index}`, charges: [{ ...slot, amount: 7n }, cold(index, 2n)] }])
  await clock.advanceAsync(1_000)
  expect(await shared.balances([slot, cold(0, 0n), cold(7, 0n), cold(8, 0n)])).toEqual([{ spent: 56n, held: 0n }, { spent: 2n, held: 0n }, { spent: 2n, held: 0n }, { spent: 0n, held: 0n }]) // prettier-ignore
})

test('G2: an exchange in a lease that nobody settles is booked by its own expiry, and its late settlement takes the place of that', async () => {
  const { clock, open, figures } = scene()
  const book = open()
  await book.reserve({ holdId: 'h1', claims: [{ ...slot, amount: 10n, cap }], expiresAt: clock.now() })
  await reserve(book, 'h2', 10n)
  expect(await book.bookExpired(clock.now() + 1, 10)).toMatchObject([{ holdId: 'h1', claims: [{ amount: 10n }] }])
  await settle(book, 'h1', 4n)
  await book.stop()
  expect(await figures()).toEqual([4n, 10n])
})

test('the turn of a window gives the old bucket back, and late ends are charged where they were reserved', async () => {
  const { clock, book: shared, open } = scene()
  const book = open()
  const hour = (bucket: number) => ({ account: 'team', bucket, firstBucket: bucket - 1 })
  const ask = (holdId: string, bucket: number) => book.reserve({ holdId, claims: [{ ...hour(bucket), amount: 10n, cap }], expiresAt: Number.MAX_SAFE_INTEGER })
  await ask('old', 1)
  await ask('new', 2)
  await book.settle([{ holdId: 'old', charges: [{ ...hour(1), amount: 6n }] }])
  expect(await book.balances([hour(1), hour(2)])).toEqual([{ spent: 6n, held: 10n }, { spent: 6n, held: 10n }]) // prettier-ignore
  await clock.advanceAsync(1_000)
  expect(await shared.balances([hour(1), hour(2)])).toEqual([{ spent: 6n, held: 10n }, { spent: 6n, held: 10n }]) // prettier-ignore
})

test('a lowered cap is kept at once, also where there is a lease under the old one', async () => {
  const { open } = scene()
  const book = open()
  await reserve(book, 'h1', 10n)
  await settle(book, 'h1', 10n)
  expect([await reserve(book, 'h2', 10n, 19n), await reserve(book, 'h3', 10n, 20n)]).toEqual([false, true])
})

test('stopping gives all leases back, wakes who waits, leaves no timer, and what is under way settles in the book', async () => {
  const { clock, open, figures } = scene()
  const [other, book] = [open(), open()]
  await reserve(other, 'theirs', 10n)
  await reserve(book, 'mine', 10n)
  const waiting = reserve(book, 'large', 9_970n)
  await clock.advanceAsync(0)
  await book.stop()
  expect([await waiting, await figures()]).toEqual([false, [0n, 90n]])
  await settle(book, 'mine', 4n)
  await book.stop()
  await other.stop()
  expect([await figures(), clock.pendingTimers]).toEqual([[4n, 10n], 0])
})

test('ends are remembered up to a bound, the latest ones', async () => {
  const { open, figures } = scene()
  const book = open({ maxEnded: 2 })
  for (const id of ['a', 'b', 'c']) {
    await reserve(book, id, 10n)
    await settle(book, id, 10n)
  }
  for (const id of ['b', 'c']) await settle(book, id, 10n)
  await book.stop()
  expect(await figures()).toEqual([30n, 0n])
})
