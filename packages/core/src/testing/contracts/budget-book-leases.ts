import type { BudgetBook, BudgetDraw } from '../../ports/budget-book.ts'
import { assertEqual } from './assertions.ts'
import { callers, charge, claim, figures, reservation, reserveOne, settleOne, slot, times, today } from './budget-book-parts.ts'
import type { StoreCase } from './contract.ts'

const day = 86_400_000
const expiresAt = today + day

const drawOf = (holdId: string, amount: bigint, held: bigint, until: number = expiresAt): BudgetDraw => ({
  holdId,
  expiresAt: until,
  draws: [{ ...charge('team', amount), held }],
})

/** Booked holds, as far as every store tells them alike. */
const told = async (book: BudgetBook, before: number, limit: number): Promise<readonly unknown[]> =>
  (await book.bookExpired(before, limit)).map(({ holdId, claims }) => [holdId, ...claims.map(({ account, bucket, amount }) => [account, bucket, amount])])

/** What is used up bit by bit, and what becomes of holds that nobody ends. */
export const leaseCases: readonly StoreCase<BudgetBook>[] = [
  {
    name: 'a draw charges part of a hold and keeps the rest; repeating it changes nothing',
    check: async (book) => {
      await reserveOne(book, 'lease', 100n, 100n)
      for (const _ of [1, 2]) {
        assertEqual(await book.draw(drawOf('lease', 30n, 70n)), true, 'the draw')
        assertEqual(await figures(book, 'team'), [[30n, 70n]], 'the balance')
      }
      assertEqual(await book.draw(drawOf('lease', 50n, 50n)), true, 'a further draw, in all')
      assertEqual(await figures(book, 'team'), [[50n, 50n]], 'the balance')
    },
  },
  {
    name: 'a draw gives back what it does not keep, and others may hold that',
    check: async (book) => {
      await reserveOne(book, 'lease', 100n, 100n)
      await book.draw(drawOf('lease', 30n, 20n))
      assertEqual((await reserveOne(book, 'h1', 51n, 100n)).isGranted, false, 'more than was given back')
      assertEqual((await reserveOne(book, 'h2', 50n, 100n)).isGranted, true, 'what was given back')
    },
  },
  {
    name: 'no draw holds more than was held before less what was drawn since',
    check: async (book) => {
      await reserveOne(book, 'lease', 100n, 100n)
      await book.draw(drawOf('lease', 30n, 20n))
      await book.draw(drawOf('lease', 30n, 90n))
      assertEqual(await figures(book, 'team'), [[30n, 20n]], 'the balance after a draw that would hold more')
      await book.draw(drawOf('lease', 45n, 20n))
      assertEqual(await figures(book, 'team'), [[45n, 5n]], 'the balance after a draw that would keep what it drew')
    },
  },
  {
    name: 'a draw beyond what was held is charged in full, whatever the cap',
    check: async (book) => {
      await reserveOne(book, 'lease', 100n, 100n)
      await book.draw(drawOf('lease', 130n, 0n))
      assertEqual(await figures(book, 'team'), [[130n, 0n]], 'the balance')
    },
  },
  {
    name: 'accounts of a hold that a draw does not name stay as they are',
    check: async (book) => {
      await book.reserve(reservation('lease', [claim('team', 10n), claim('other', 10n)]))
      await book.draw(drawOf('lease', 4n, 6n))
      assertEqual(await figures(book, 'team', 'other'), [[4n, 6n], [0n, 10n]], 'the balances') // prettier-ignore
    },
  },
  {
    name: 'a settlement after draws charges what it says in all, not on top of them',
    check: async (book) => {
      await reserveOne(book, 'lease', 100n, 100n)
      await book.draw(drawOf('lease', 30n, 70n))
      assertEqual(await settleOne(book, 'lease', charge('team', 55n)), [{ spent: 55n, held: 0n }], 'the balance that it tells')
      await reserveOne(book, 'undone', 45n, 100n)
      await book.draw(drawOf('undone', 30n, 0n))
      await settleOne(book, 'undone')
      assertEqual(await figures(book, 'team'), [[55n, 0n]], 'the balance after another that came to nothing')
    },
  },
  {
    name: 'a draw from a hold that is settled, booked or unknown changes nothing and says so',
    check: async (book) => {
      await reserveOne(book, 'settled', 10n)
      await settleOne(book, 'settled', charge('team', 7n))
      await book.reserve(reservation('booked', [claim('team', 10n)], today))
      await book.bookExpired(today + 1, 10)
      for (const holdId of ['settled', 'booked', 'unknown']) assertEqual(await book.draw(drawOf(holdId, 3n, 1n)), false, `a draw from a hold that is ${holdId}`)
      assertEqual(await figures(book, 'team'), [[17n, 0n]], 'the balance')
    },
  },
  {
    name: 'a hold that nobody settled is booked as it stood, to its own bucket, and holds nothing any more',
    check: async (book) => {
      const yesterday = slot('team', today - day)
      await book.reserve(reservation('h1', [claim('team', 10n, 100n, yesterday), claim('other', 20n)], today))
      assertEqual(await told(book, today + 1, 10), [['h1', ['team', today - day, 10n], ['other', today, 20n]]], 'the hold that is booked')
      assertEqual(await figures(book, yesterday, 'team', 'other'), [[10n, 0n], [0n, 0n], [20n, 0n]], 'the balances') // prettier-ignore
      assertEqual(await told(book, today + 1, 10), [], 'what is booked the second time')
      assertEqual((await book.reserve(reservation('h1', [claim('team', 10n, 1n)]))).isGranted, true, 'the same hold, asked again')
      assertEqual(await figures(book, yesterday, 'team'), [[10n, 0n], [0n, 0n]], 'the balances after that') // prettier-ignore
    },
  },
  {
    name: 'only holds that expired before the instant are booked, the oldest first, and no more than asked for',
    check: async (book) => {
      for (const index of [3, 1, 4, 0, 2]) await book.reserve(reservation(`h${index}`, [claim('team', 1n)], today + index))
      const ids = async (before: number, limit: number): Promise<readonly string[]> => (await book.bookExpired(before, limit)).map(({ holdId }) => holdId)
      assertEqual(await ids(today, 10), [], 'at the first expiry itself')
      assertEqual(await ids(today + 4, 3), ['h0', 'h1', 'h2'], 'three of four')
      assertEqual(await figures(book, 'team'), [[3n, 2n]], 'the balance then')
      assertEqual(await ids(today + 4, 10), ['h3'], 'the rest that had expired')
      assertEqual(await ids(today + 5, 10), ['h4'], 'the last')
    },
  },
  {
    name: 'a settled hold is never booked, and a draw puts off the expiry',
    check: async (book) => {
      await book.reserve(reservation('settled', [claim('team', 5n)], today))
      await settleOne(book, 'settled', charge('team', 1n))
      await book.reserve(reservation('lease', [claim('team', 10n)], today))
      await book.draw(drawOf('lease', 2n, 8n, today + 10))
      assertEqual(await told(book, today + 10, 10), [], 'what is booked before the new expiry')
      assertEqual(
        (await book.bookExpired(today + 11, 10)).map(({ holdId }) => holdId),
        ['lease'],
        'what is booked after it',
      )
      assertEqual(await figures(book, 'team'), [[11n, 0n]], 'the balance: what was drawn, and what was held')
    },
  },
  {
    name: 'a settlement that comes after its hold was booked takes the place of what was booked, once',
    check: async (book) => {
      await book.reserve(reservation('h1', [claim('team', 60n), claim('other', 60n)], today))
      await book.bookExpired(today + 1, 10)
      assertEqual(await settleOne(book, 'h1', charge('team', 42n)), [{ spent: 42n, held: 0n }], 'the balance that it tells')
      await settleOne(book, 'h1', charge('team', 99n))
      assertEqual(await figures(book, 'team', 'other'), [[42n, 0n], [0n, 0n]], 'the balances') // prettier-ignore
      await book.reserve(reservation('lease', [claim('team', 50n)], today))
      await book.draw(drawOf('lease', 20n, 30n, today))
      await book.bookExpired(today + 1, 10)
      await settleOne(book, 'lease', charge('team', 25n, slot('team', today + day)))
      assertEqual(await figures(book, 'team', slot('team', today + day)), [[42n, 0n], [25n, 0n]], 'after a lease, settled in another bucket') // prettier-ignore
    },
  },
  {
    name: `of ${callers} callers racing to book expired holds each hold is booked by exactly one`,
    check: async (book) => {
      const ids = times(100, (index) => `h${index}`)
      await Promise.all(ids.map((id) => book.reserve(reservation(id, [claim('team', 1n), claim('other', 2n)], today))))
      const booked = (await Promise.all(times(callers, () => book.bookExpired(today + 1, 7)))).flat()
      while (true) {
        const more = await book.bookExpired(today + 1, 7)
        if (more.length === 0) break
        booked.push(...more)
      }
      assertEqual(booked.map(({ holdId }) => holdId).toSorted(), ids.toSorted(), 'holds booked by all of them')
      assertEqual(await figures(book, 'team', 'other'), [[100n, 0n], [200n, 0n]], 'the balances') // prettier-ignore
    },
  },
  {
    name: 'where settling and booking race the truth is charged, whoever comes first',
    check: async (book) => {
      const ids = times(callers, (index) => `h${index}`)
      await Promise.all(ids.map((id) => book.reserve(reservation(id, [claim('team', 1_000n)], today))))
      await Promise.all(
        ids.flatMap((id, index) => [
          ...(index % 2 === 0 ? [settleOne(book, id, charge('team', BigInt(index)))] : []),
          book.bookExpired(today + 1, 3),
          ...(index % 2 === 1 ? [settleOne(book, id, charge('team', BigInt(index)))] : []),
        ]),
      )
      assertEqual(await figures(book, 'team'), [[BigInt((callers * (callers - 1)) / 2), 0n]], 'the balance')
      assertEqual(await told(book, today + 1, 100), [], 'what is left to book')
    },
  },
  {
    name: 'where drawing and settling race the settlement is charged, once',
    check: async (book) => {
      await reserveOne(book, 'lease', 100n, 100n)
      await Promise.all(
        times(callers, async (index) => {
          for (let turn = 0; turn < index % 5; turn += 1) await Promise.resolve()
          if (index % 10 === 5) await settleOne(book, 'lease', charge('team', 60n))
          else await book.draw(drawOf('lease', BigInt(index), BigInt(100 - index)))
        }),
      )
      assertEqual(await figures(book, 'team'), [[60n, 0n]], 'the balance')
    },
  },
]
