import type { BudgetBook } from '../../ports/budget-book.ts'
import { assertEqual } from './assertions.ts'
import { callers, charge, claim, figures, reservation, reserveOne, settleOne, slot, times, today } from './budget-book-parts.ts'
import type { StoreCase } from './contract.ts'

const yesterday = today - 86_400_000

/** How holds end: once, with the truth, whoever calls how often. */
export const settlementCases: readonly StoreCase<BudgetBook>[] = [
  {
    name: 'a settlement gives back what was held and charges what it came to, and tells the balance after it',
    check: async (book) => {
      await reserveOne(book, 'h0', 5n)
      await reserveOne(book, 'h1', 60n, 100n)
      assertEqual(await settleOne(book, 'h1', charge('team', 42n)), [{ spent: 42n, held: 5n }], 'the balance that it tells')
      assertEqual(await figures(book, 'team'), [[42n, 5n]], 'the balance')
    },
  },
  {
    name: 'what an exchange came to is charged in full, also above what was held and above the cap',
    check: async (book) => {
      await reserveOne(book, 'h1', 60n, 100n)
      await settleOne(book, 'h1', charge('team', 250n))
      assertEqual(await figures(book, 'team'), [[250n, 0n]], 'the balance')
    },
  },
  {
    name: 'a settlement without charges releases the hold: nothing is spent, and the room is there again',
    check: async (book) => {
      await reserveOne(book, 'h1', 100n, 100n)
      assertEqual(await settleOne(book, 'h1'), [], 'balances of no charges')
      assertEqual((await reserveOne(book, 'h2', 100n, 100n)).isGranted, true, 'the whole cap, asked again')
    },
  },
  {
    name: 'accounts of a hold that its settlement does not name are charged nothing and hold nothing',
    check: async (book) => {
      await book.reserve(reservation('h1', [claim('a', 10n), claim('b', 10n), claim('c', 10n)]))
      await settleOne(book, 'h1', charge('b', 4n))
      assertEqual(await figures(book, 'a', 'b', 'c'), [[0n, 0n], [4n, 0n], [0n, 0n]], 'the balances') // prettier-ignore
    },
  },
  {
    name: 'an account that only the settlement names is charged too',
    check: async (book) => {
      await book.reserve(reservation('h1', [claim('a', 10n)]))
      await settleOne(book, 'h1', charge('a', 4n), charge('late', 3n))
      assertEqual(await figures(book, 'a', 'late'), [[4n, 0n], [3n, 0n]], 'the balances') // prettier-ignore
    },
  },
  {
    name: 'the first settlement stands: a second one changes nothing, with the same figures or others',
    check: async (book) => {
      await reserveOne(book, 'h1', 60n)
      await settleOne(book, 'h1', charge('team', 42n))
      assertEqual(await settleOne(book, 'h1', charge('team', 42n)), [{ spent: 42n, held: 0n }], 'the balance, told to the second')
      await settleOne(book, 'h1', charge('team', 99n), charge('other', 1n))
      await settleOne(book, 'h1')
      assertEqual(await figures(book, 'team', 'other'), [[42n, 0n], [0n, 0n]], 'the balances') // prettier-ignore
    },
  },
  {
    name: 'a settlement without a hold is charged all the same, once, and a reservation that comes after it holds nothing',
    check: async (book) => {
      assertEqual(await settleOne(book, 'h1', charge('team', 42n)), [{ spent: 42n, held: 0n }], 'the balance that it tells')
      await settleOne(book, 'h1', charge('team', 42n))
      await settleOne(book, 'h1', charge('team', 7n))
      assertEqual((await reserveOne(book, 'h1', 10n, 100n)).isGranted, true, 'the reservation that comes too late')
      assertEqual(await figures(book, 'team'), [[42n, 0n]], 'the balance')
    },
  },
  {
    name: 'a release without a hold is an end too: nothing is held under its id afterwards',
    check: async (book) => {
      await settleOne(book, 'h1')
      await reserveOne(book, 'h1', 10n, 100n)
      assertEqual(await figures(book, 'team'), [[0n, 0n]], 'the balance')
    },
  },
  {
    name: 'a charge lands in the bucket that it names, whichever bucket was held',
    check: async (book) => {
      await book.reserve(reservation('h1', [claim('team', 10n, 100n, slot('team', yesterday))]))
      await settleOne(book, 'h1', charge('team', 6n))
      assertEqual(await figures(book, slot('team', yesterday), 'team'), [[0n, 0n], [6n, 0n]], 'yesterday and today') // prettier-ignore
    },
  },
  {
    name: 'settlements come in batches, and each is told its own balances, in order',
    check: async (book) => {
      for (const index of [0, 1, 2]) await book.reserve(reservation(`h${index}`, [claim(`a${index}`, 10n), claim(`b${index}`, 10n)]))
      const told = await book.settle([
        { holdId: 'h2', charges: [charge('b2', 5n), charge('a2', 4n)] },
        { holdId: 'h0', charges: [] },
        { holdId: 'h1', charges: [charge('a1', 3n)] },
      ])
      assertEqual(told, [[{ spent: 5n, held: 0n }, { spent: 4n, held: 0n }], [], [{ spent: 3n, held: 0n }]], 'balances') // prettier-ignore
      assertEqual(await book.settle([]), [], 'balances of no settlements')
    },
  },
  {
    name: 'a batch may settle many holds of one account, and one hold twice: it counts once',
    check: async (book) => {
      await Promise.all(times(40, (index) => reserveOne(book, `h${index}`, 10n)))
      await book.settle([
        ...times(40, (index) => ({ holdId: `h${index}`, charges: [charge('team', BigInt(index))] })),
        { holdId: 'h7', charges: [charge('team', 999n)] },
      ])
      assertEqual(await figures(book, 'team'), [[780n, 0n]], 'the balance')
    },
  },
  {
    name: `of ${callers} callers racing to settle one hold with different figures exactly one is charged`,
    check: async (book) => {
      await reserveOne(book, 'one', 10n)
      const told = await Promise.all(times(callers, (index) => settleOne(book, 'one', charge('team', BigInt(100 + index)))))
      const [[spent, held] = [0n, 0n]] = await figures(book, 'team')
      assertEqual([spent >= 100n && spent < 160n, held], [true, 0n], `one of the figures, and nothing held (${spent} is spent)`)
      assertEqual([...new Set(told.map(([balance]) => balance?.spent))], [spent], 'balances told')
    },
  },
  {
    name: `of ${callers} callers racing to charge without a hold exactly one is charged`,
    check: async (book) => {
      await Promise.all(times(callers, (index) => settleOne(book, 'one', charge('team', 1n << BigInt(index)))))
      const [[spent] = [0n]] = await figures(book, 'team')
      assertEqual(spent > 0n && (spent & (spent - 1n)) === 0n, true, `exactly one of the figures, each a power of two (${spent} is spent)`)
    },
  },
  {
    name: `of ${callers} holds that are settled at once none is lost`,
    check: async (book) => {
      await Promise.all(times(callers, (index) => reserveOne(book, `h${index}`, 10n)))
      await Promise.all(times(callers, (index) => settleOne(book, `h${index}`, charge('team', 1n << BigInt(index % 50)))))
      assertEqual(await figures(book, 'team'), [[(1n << 50n) - 1n + (1n << 10n) - 1n, 0n]], 'the balance')
    },
  },
  {
    name: `${callers} callers that reserve and settle several accounts, each in its own order, all come to an end, and every sum is exact`,
    check: async (book) => {
      const accounts = ['a', 'b', 'c', 'd', 'e']
      const turned = (by: number): readonly string[] => {
        const from = by % accounts.length
        const order = [...accounts.slice(from), ...accounts.slice(0, from)]
        return by % 2 === 0 ? order : order.toReversed()
      }
      await Promise.all(
        times(callers, async (index) => {
          for (const round of [0, 1, 2]) {
            const ids = [`h${index}.${round}.x`, `h${index}.${round}.y`]
            for (const [at, id] of ids.entries())
              await book.reserve(
                reservation(
                  id,
                  turned(index + round + at).map((account) => claim(account, 5n, 1_000_000n)),
                ),
              )
            const settlements = ids.map((holdId, at) => ({ holdId, charges: turned(index + at + 1).map((account) => charge(account, 3n)) }))
            await book.settle(index % 2 === 0 ? settlements : settlements.toReversed())
          }
        }),
      )
      assertEqual(
        await figures(book, ...accounts),
        accounts.map(() => [BigInt(callers * 3 * 2 * 3), 0n]),
        'the balances',
      )
    },
  },
  {
    name: 'callers that come and go at a cap never see it passed, and leave nothing held',
    check: async (book) => {
      const cap = 100n
      let truth = 0n
      await Promise.all(
        times(callers, async (index) => {
          for (let turn = 0; turn < index % 7; turn += 1) await Promise.resolve()
          for (const round of [0, 1]) {
            const { isGranted, balances } = await reserveOne(book, `h${index}.${round}`, 9n, cap)
            const [{ spent, held } = { spent: 0n, held: 0n }] = balances
            assertEqual(spent + held <= cap, true, `spent and held within the cap (${spent} + ${held} of ${cap})`)
            if (!isGranted) continue
            const came = BigInt((index % 5) + round * 5) % 10n
            truth += came
            await settleOne(book, `h${index}.${round}`, charge('team', came))
          }
        }),
      )
      assertEqual(await figures(book, 'team'), [[truth, 0n]], 'the balance, against what was granted')
    },
  },
]
