import type { BudgetBook } from '../../ports/budget-book.ts'
import { assertEqual } from './assertions.ts'
import { callers, charge, claim, figures, reservation, reserveOne, settleOne, slot, times, today } from './budget-book-parts.ts'
import type { StoreCase } from './contract.ts'

const hour = 3_600_000

/** What may be held: never more than the cap leaves, and all of it or nothing. */
export const reservationCases: readonly StoreCase<BudgetBook>[] = [
  {
    name: 'an account that was never used has spent nothing and holds nothing',
    check: async (book) => {
      assertEqual(await figures(book, 'team', 'developer'), [[0n, 0n], [0n, 0n]], 'balances') // prettier-ignore
      assertEqual(await book.balances([]), [], 'balances of no slots')
    },
  },
  {
    name: 'what is reserved is held, and is granted up to the cap to the unit',
    check: async (book) => {
      assertEqual(await reserveOne(book, 'h1', 60n, 100n), { isGranted: true, balances: [{ spent: 0n, held: 60n }], refused: [] }, 'the first')
      assertEqual(await reserveOne(book, 'h2', 41n, 100n), { isGranted: false, balances: [{ spent: 0n, held: 60n }], refused: [0] }, 'one unit too much')
      assertEqual(await reserveOne(book, 'h3', 40n, 100n), { isGranted: true, balances: [{ spent: 0n, held: 100n }], refused: [] }, 'what fits exactly')
      assertEqual(await figures(book, 'team'), [[0n, 100n]], 'the balance')
    },
  },
  {
    name: 'what is spent leaves as much less to hold, and an account above its cap grants not even nothing',
    check: async (book) => {
      await settleOne(book, 'h0', charge('team', 90n))
      assertEqual((await reserveOne(book, 'h1', 11n, 100n)).isGranted, false, 'eleven above ninety of a hundred')
      assertEqual((await reserveOne(book, 'h2', 10n, 100n)).isGranted, true, 'ten above ninety of a hundred')
      assertEqual((await reserveOne(book, 'h3', 0n, 100n)).isGranted, true, 'nothing, at the cap')
      assertEqual((await reserveOne(book, 'h4', 0n, 99n)).isGranted, false, 'nothing, above the cap')
    },
  },
  {
    name: 'a claim without a cap is always granted, and is held like any other',
    check: async (book) => {
      await settleOne(book, 'h0', charge('team', 1_000n))
      assertEqual(await reserveOne(book, 'h1', 500n), { isGranted: true, balances: [{ spent: 1_000n, held: 500n }], refused: [] }, 'without a cap')
      assertEqual((await reserveOne(book, 'h2', 1n, 1_500n)).isGranted, false, 'with a cap that the others fill')
    },
  },
  {
    name: 'several accounts are held together, with balances in the order of the claims',
    check: async (book) => {
      await reserveOne(book, 'h0', 5n, undefined, 'b')
      const claims = [claim('c', 3n, 10n), claim('a', 1n, 10n), claim('b', 2n)]
      const balances = [{ spent: 0n, held: 3n }, { spent: 0n, held: 1n }, { spent: 0n, held: 7n }] // prettier-ignore
      assertEqual(await book.reserve(reservation('h1', claims)), { isGranted: true, balances, refused: [] }, 'the result')
      assertEqual(await figures(book, 'b', 'a', 'c'), [[0n, 7n], [0n, 1n], [0n, 3n]], 'balances, asked in another order') // prettier-ignore
    },
  },
  {
    name: 'where one account has no room none is held, and the refusal names each that had none',
    check: async (book) => {
      await reserveOne(book, 'h0', 8n, undefined, 'full')
      const claims = [claim('wide', 3n, 10n), claim('full', 3n, 10n), claim('open', 3n), claim('narrow', 3n, 2n)]
      const result = await book.reserve(reservation('h1', claims))
      assertEqual([result.isGranted, result.refused], [false, [1, 3]], 'the refusal')
      assertEqual(
        result.balances.map(({ spent, held }) => [spent, held]),
        [[0n, 0n], [0n, 8n], [0n, 0n], [0n, 0n]], // prettier-ignore
        'balances of the claims after it',
      )
      assertEqual(await figures(book, 'wide', 'open', 'narrow'), [[0n, 0n], [0n, 0n], [0n, 0n]], 'what the others hold') // prettier-ignore
    },
  },
  {
    name: 'a refused hold leaves nothing behind: it may be asked again, and is granted once there is room',
    check: async (book) => {
      await reserveOne(book, 'h0', 10n, 10n)
      assertEqual((await reserveOne(book, 'h1', 4n, 10n)).isGranted, false, 'while there is no room')
      await settleOne(book, 'h0', charge('team', 6n))
      assertEqual((await reserveOne(book, 'h1', 4n, 10n)).isGranted, true, 'when there is')
      assertEqual(await figures(book, 'team'), [[6n, 4n]], 'the balance')
    },
  },
  {
    name: 'a hold that is asked again is granted as it stands and adds nothing, whatever it asks then',
    check: async (book) => {
      await reserveOne(book, 'h1', 7n, 10n)
      assertEqual(await reserveOne(book, 'h1', 7n, 10n), { isGranted: true, balances: [{ spent: 0n, held: 7n }], refused: [] }, 'the same again')
      assertEqual((await reserveOne(book, 'h1', 9n, 1n)).isGranted, true, 'more than the cap has, under the id of a hold that is there')
      assertEqual(await figures(book, 'team'), [[0n, 7n]], 'the balance')
    },
  },
  {
    name: 'a settled hold that is asked again is granted, and holds nothing any more',
    check: async (book) => {
      await reserveOne(book, 'h1', 7n, 10n)
      await settleOne(book, 'h1', charge('team', 10n))
      assertEqual(await reserveOne(book, 'h1', 7n, 10n), { isGranted: true, balances: [{ spent: 10n, held: 0n }], refused: [] }, 'asked after its end')
    },
  },
  {
    name: 'a rolling window sums the buckets in its range, both ends included, and none outside',
    check: async (book) => {
      for (let index = 0; index < 6; index += 1) {
        const where = slot('team', today + index * hour)
        await settleOne(book, `h${index}`, charge('team', 10n ** BigInt(index), where))
      }
      const range = slot('team', today + 4 * hour, today + hour)
      assertEqual(await figures(book, range, slot('team', today + 3 * hour)), [[11_110n, 0n], [1_000n, 0n]], 'spent in four hours, and in one') // prettier-ignore
      assertEqual((await book.reserve(reservation('tight', [claim('team', 1n, 11_110n, range)]))).isGranted, false, 'over the sum of the range')
      assertEqual((await book.reserve(reservation('fits', [claim('team', 1n, 11_111n, range)]))).isGranted, true, 'within the sum of the range')
    },
  },
  {
    name: 'a new window has spent nothing, but what is still held counts in it too',
    check: async (book) => {
      const tomorrow = slot('team', today + 24 * hour)
      await settleOne(book, 'h0', charge('team', 50n))
      await reserveOne(book, 'h1', 30n, 100n)
      assertEqual(await figures(book, tomorrow), [[0n, 30n]], 'the balance of the next window')
      const [over, within] = [claim('team', 71n, 100n, tomorrow), claim('team', 70n, 100n, tomorrow)]
      assertEqual((await book.reserve(reservation('h2', [over]))).isGranted, false, 'more than the hold of yesterday leaves')
      assertEqual((await book.reserve(reservation('h3', [within]))).isGranted, true, 'as much as it leaves')
    },
  },
  {
    name: 'amounts beyond 2^53 are exact to the unit, in caps, holds and charges',
    check: async (book) => {
      const big = 2n ** 53n
      await settleOne(book, 'h0', charge('team', big + 1n))
      assertEqual((await reserveOne(book, 'h1', big + 1n, 2n * big + 1n)).isGranted, false, 'one unit over')
      assertEqual((await reserveOne(book, 'h2', big, 2n * big + 1n)).isGranted, true, 'to the unit')
      await settleOne(book, 'h2', charge('team', big))
      assertEqual(await figures(book, 'team'), [[2n * big + 1n, 0n]], 'the balance')
    },
  },
  {
    name: 'accounts are told apart by every character, and any text may name one',
    check: async (book) => {
      const names = [
        "o'brien",
        'o"brien',
        "O'BRIEN",
        'a%',
        'a_',
        'ab',
        'a\\',
        'pool/ada',
        'pool',
        'pool/',
        'äö',
        'a\u0308o\u0308',
        '日本',
        '🙂',
        "'; drop table holds; --",
        ' ',
        'a ',
      ]
      await Promise.all(names.map((name, index) => reserveOne(book, `hold ${name}`, BigInt(index + 1), 100n, name)))
      assertEqual(
        await figures(book, ...names),
        names.map((_, index) => [0n, BigInt(index + 1)]),
        'held under each name',
      )
      await reserveOne(book, 'nul \0 \uD800', 5n, 100n, 'nul \0 \uD800')
      await settleOne(book, 'nul \0 \uD800', charge('nul \0 \uD800', 4n))
      assertEqual(await figures(book, 'nul \0 \uD800', 'nul \uFFFD \uFFFD'), [[4n, 0n], [4n, 0n]], 'under a name that no database can keep') // prettier-ignore
    },
  },
  {
    name: `of ${callers} callers racing for a cap that has room for ten exactly ten are granted`,
    check: async (book) => {
      const results = await Promise.all(times(callers, (index) => reserveOne(book, `h${index}`, 10n, 100n)))
      assertEqual(results.filter(({ isGranted }) => isGranted).length, 10, 'granted')
      assertEqual(await figures(book, 'team'), [[0n, 100n]], 'the balance')
      for (const { isGranted, balances, refused } of results) {
        assertEqual(refused, isGranted ? [] : [0], 'refused claims')
        assertEqual((balances[0]?.held ?? 0n) <= 100n, true, `a balance within the cap (it holds ${balances[0]?.held})`)
      }
    },
  },
  {
    name: `of ${callers} callers racing to reserve one hold all are granted, and it is held once`,
    check: async (book) => {
      const results = await Promise.all(times(callers, () => reserveOne(book, 'one', 7n, 10n)))
      assertEqual(results.filter(({ isGranted }) => isGranted).length, callers, 'granted')
      assertEqual(await figures(book, 'team'), [[0n, 7n]], 'the balance')
    },
  },
  {
    name: 'callers racing over several accounts hold the same in each, however full one of them is',
    check: async (book) => {
      const results = await Promise.all(
        times(callers, (index) => {
          const claims = [claim('wide', 10n, 10_000n), claim('narrow', 10n, 170n), claim('open', 10n)]
          return book.reserve(reservation(`h${index}`, index % 2 === 0 ? claims : claims.toReversed()))
        }),
      )
      assertEqual(results.filter(({ isGranted }) => isGranted).length, 17, 'granted')
      assertEqual(await figures(book, 'wide', 'narrow', 'open'), [[0n, 170n], [0n, 170n], [0n, 170n]], 'the balances') // prettier-ignore
    },
  },
]
