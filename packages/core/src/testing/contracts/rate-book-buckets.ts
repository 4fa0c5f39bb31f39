import type { RateBook, RateClaim, RateResult } from '../../ports/rate-book.ts'
import { assertEqual } from './assertions.ts'
import type { StoreCase } from './contract.ts'

/** An instant to count from. */
const start = Date.UTC(2026, 10, 24, 12)

const claim = (bucket: string, amount: number, capacity = 50, perMillis = 60_000): RateClaim => ({ bucket, amount, capacity, perMillis })

async function takeOne(book: RateBook, one: RateClaim, at: number): Promise<RateResult> {
  const results = await book.take([one], at)
  assertEqual(results.length, 1, 'results of one claim')
  return results[0] as RateResult
}

/** What is left, asked for without taking any of it. */
const remaining = async (book: RateBook, one: RateClaim, at: number): Promise<number> => (await takeOne(book, { ...one, amount: 0 }, at)).remaining

/** How many of these takes, all under way at once, got through. */
async function throughOf(takes: readonly Promise<readonly RateResult[]>[]): Promise<number> {
  const results = await Promise.all(takes)
  return results.filter((all) => all.every(({ isAllowed }) => isAllowed)).length
}

/** Buckets: how they empty, fill up, and stand up to a race. */
export const bucketCases: readonly StoreCase<RateBook>[] = [
  {
    name: 'a bucket that nobody has touched is full, and gives no more than it holds',
    check: async (book) => {
      assertEqual(await takeOne(book, claim('full', 50), start), { isAllowed: true, remaining: 0, retryAfterMillis: 0 }, 'all at once')
      assertEqual(await takeOne(book, claim('full', 1), start), { isAllowed: false, remaining: 0, retryAfterMillis: 1_200 }, 'one more')
      assertEqual(await takeOne(book, claim('another', 20), start), { isAllowed: true, remaining: 30, retryAfterMillis: 0 }, 'another bucket')
      assertEqual(await book.take([], start), [], 'no claim')
    },
  },
  {
    name: 'G4: of two hundred callers racing for a bucket of fifty exactly fifty get through',
    check: async (book) => {
      assertEqual(await throughOf(Array.from({ length: 200 }, () => book.take([claim('raced', 1)], start))), 50, 'callers let through')
      assertEqual(await remaining(book, claim('raced', 1), start), 0, 'what is left')
    },
  },
  {
    name: 'of callers racing for two buckets, named in either order, as many get through as the smaller holds, and nothing is lost of the other',
    check: async (book) => {
      const small = claim('small', 1, 20)
      const large = claim('large', 2, 100)
      assertEqual(
        await throughOf(Array.from({ length: 80 }, (_, index) => book.take(index % 2 === 0 ? [small, large] : [large, small], start))),
        20,
        'callers let through',
      )
      assertEqual([await remaining(book, small, start), await remaining(book, large, start)], [0, 60], 'what is left of both')
    },
  },
  {
    name: 'where one bucket of several has not enough, none is taken from; results stand in the order of the claims, and say which one it was',
    check: async (book) => {
      await book.take([claim('empty', 50)], start)
      const results = await book.take([claim('plenty', 10), claim('empty', 10), claim('more', 1)], start)
      assertEqual(
        results,
        [
          { isAllowed: true, remaining: 50, retryAfterMillis: 0 },
          { isAllowed: false, remaining: 0, retryAfterMillis: 12_000 },
          { isAllowed: true, remaining: 50, retryAfterMillis: 0 },
        ],
        'the results',
      )
      assertEqual((await takeOne(book, claim('plenty', 50), start)).isAllowed, true, 'all of the bucket that had enough')
    },
  },
  {
    name: 'waiting as long as a refusal said is enough, and one millisecond less is not',
    check: async (book) => {
      for (let amount = 1; amount <= 7; amount += 1) {
        const one = claim(`wait ${amount}`, amount, 7, 1_000)
        await book.take([{ ...one, amount: 7 }], start)
        const { retryAfterMillis } = await takeOne(book, one, start + 1)
        assertEqual(retryAfterMillis, Math.ceil((amount * 1_000) / 7) - 1, `the wait for ${amount}`)
        assertEqual((await takeOne(book, one, start + retryAfterMillis)).isAllowed, false, `${amount}, a millisecond early`)
        assertEqual((await takeOne(book, one, start + 1 + retryAfterMillis)).isAllowed, true, `${amount}, in time`)
      }
    },
  },
  {
    name: 'filling up loses nothing and makes up nothing, however often somebody looks',
    check: async (book) => {
      const one = claim('tenths', 1, 1, 1_000)
      await book.take([one], start)
      const through: number[] = []
      for (let millis = 100; millis <= 5_000; millis += 100) if ((await takeOne(book, one, start + millis)).isAllowed) through.push(millis)
      assertEqual(through, [1_000, 2_000, 3_000, 4_000, 5_000], 'when a bucket of one let through, asked ten times in each period')
      assertEqual((await takeOne(book, one, start + 5_999)).isAllowed, false, 'a millisecond before the next')
    },
  },
  {
    name: 'a bucket fills up to its capacity and never above',
    check: async (book) => {
      await book.take([claim('idle', 30)], start)
      const later = start + 365 * 86_400_000
      assertEqual(await remaining(book, claim('idle', 0), later), 50, 'a year later')
      assertEqual((await takeOne(book, claim('idle', 51), later)).isAllowed, false, 'more than it holds')
      assertEqual((await takeOne(book, claim('idle', 50), later)).isAllowed, true, 'all of it')
    },
  },
  {
    name: 'more than a bucket can hold is refused for ever, and takes nothing',
    check: async (book) => {
      assertEqual(await takeOne(book, claim('never', 51), start), { isAllowed: false, remaining: 50, retryAfterMillis: Infinity }, 'untouched')
      await book.take([claim('never', 10)], start)
      assertEqual(await takeOne(book, claim('never', 51), start), { isAllowed: false, remaining: 40, retryAfterMillis: Infinity }, 'touched')
    },
  },
  {
    name: 'a charge goes into debt, and nothing is given until the debt has been filled up',
    check: async (book) => {
      const one = claim('debt', 1, 100)
      await book.charge([{ ...one, amount: 150 }], start)
      assertEqual(await takeOne(book, one, start), { isAllowed: false, remaining: -50, retryAfterMillis: 30_600 }, 'in debt')
      assertEqual(await takeOne(book, { ...one, amount: 0 }, start), { isAllowed: false, remaining: -50, retryAfterMillis: 30_000 }, 'asked for nothing')
      assertEqual((await takeOne(book, { ...one, amount: 0 }, start + 30_000)).isAllowed, true, 'asked for nothing, out of debt')
      assertEqual((await takeOne(book, one, start + 30_599)).isAllowed, false, 'a millisecond early')
      assertEqual((await takeOne(book, one, start + 30_600)).isAllowed, true, 'in time')
    },
  },
  {
    name: 'a negative charge gives back, up to the capacity',
    check: async (book) => {
      await book.take([claim('back', 40)], start)
      await book.charge([claim('back', -15)], start)
      assertEqual(await remaining(book, claim('back', 0), start), 25, 'after some was given back')
      await book.charge([claim('back', -1_000), claim('untouched', -1)], start)
      assertEqual(await remaining(book, claim('back', 0), start), 50, 'after too much was given back')
      assertEqual((await takeOne(book, claim('untouched', 51), start)).isAllowed, false, 'more than a bucket holds that was given to when full')
    },
  },
  {
    name: 'of racing charges and takes every one counts, once',
    check: async (book) => {
      const one = claim('busy', 3, 1_000)
      await Promise.all(Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? book.charge([one], start) : book.take([one], start))))
      assertEqual(await remaining(book, one, start), 1_000 - 180, 'what is left')
    },
  },
  {
    name: 'a clock that went back gives nothing, takes nothing away, and a wait counts from where it went to',
    check: async (book) => {
      const one = claim('back in time', 1, 10, 10_000)
      await book.take([{ ...one, amount: 10 }], start + 5_000)
      assertEqual(await takeOne(book, one, start), { isAllowed: false, remaining: 0, retryAfterMillis: 6_000 }, 'five seconds back')
      await book.charge([one], start + 1_000)
      assertEqual((await takeOne(book, one, start + 6_999)).isAllowed, false, 'a millisecond early')
      assertEqual((await takeOne(book, one, start + 7_000)).isAllowed, true, 'in time: the time gone back did not count twice')
    },
  },
  {
    name: 'a changed limit counts what was taken before, and fills up at the new speed from then on only',
    check: async (book) => {
      await book.take([claim('changed', 40)], start)
      assertEqual(await remaining(book, claim('changed', 0, 100), start), 60, 'raised')
      assertEqual(await remaining(book, claim('changed', 0, 30), start), -10, 'lowered')
      const slow = claim('faster', 10, 10, 1_000)
      const fast = claim('faster', 0, 100, 1_000)
      await book.take([slow], start)
      assertEqual(await remaining(book, fast, start + 500), 95, 'half a second at the old speed')
      assertEqual(await remaining(book, fast, start + 510), 96, 'ten milliseconds at the new one')
      assertEqual(
        await takeOne(book, { ...fast, amount: 100 }, start + 510),
        { isAllowed: false, remaining: 96, retryAfterMillis: 40 },
        'the wait at the new speed',
      )
      await book.take([claim('longer', 10, 10, 1_000)], start)
      assertEqual(await remaining(book, claim('longer', 0, 10, 60_000), start + 300), 3, 'the period changed')
      assertEqual((await takeOne(book, claim('longer', 4, 10, 60_000), start + 6_299)).isAllowed, false, 'a millisecond before the next, by the new period')
      assertEqual((await takeOne(book, claim('longer', 4, 10, 60_000), start + 6_300)).isAllowed, true, 'the next, by the new period')
    },
  },
  {
    name: 'money is counted to the nano-dollar, also where capacity times period passes 2^63',
    check: async (book) => {
      const one = claim('money', 0, 10_000_000_000_000, 3_600_000)
      await book.charge([{ ...one, amount: 123_456_789_013 }], start)
      assertEqual(await remaining(book, one, start), 9_876_543_210_987, 'after a charge')
      const { retryAfterMillis } = await takeOne(book, { ...one, amount: one.capacity }, start)
      assertEqual(retryAfterMillis, 44_445, 'until it is full again')
      assertEqual((await takeOne(book, { ...one, amount: one.capacity }, start + 44_444)).isAllowed, false, 'a millisecond early')
      assertEqual((await takeOne(book, { ...one, amount: one.capacity }, start + 44_445)).isAllowed, true, 'in time')
    },
  },
  {
    name: 'pruning forgets no bucket that is not full again',
    check: async (book) => {
      const one = claim('pruned', 10, 10, 1_000)
      const indebted = claim('pruned in debt', 100, 10, 1_000)
      await book.take([one], start)
      await book.charge([indebted], start)
      await book.prune(start + 999)
      assertEqual(await remaining(book, one, start + 999), 9, 'a millisecond before it is full')
      await book.prune(start + 8_000)
      assertEqual((await takeOne(book, { ...indebted, amount: 0 }, start + 8_000)).remaining, -10, 'the debt')
      await book.prune(start + 100_000)
      assertEqual([await remaining(book, one, start + 100_000), await remaining(book, indebted, start + 100_000)], [10, 10], 'long after')
    },
  },
]
