import type { PlaceClaim, RateBook } from '../../ports/rate-book.ts'
import { assertEqual } from './assertions.ts'
import type { StoreCase } from './contract.ts'

const start = Date.UTC(2026, 10, 24, 12)
const minute = 60_000

const place = (room: string, holder: string, places: number, expiresAt = start + minute): PlaceClaim => ({ room, holder, places, expiresAt })

/** Places: how many are there at once, and who comes back. */
export const placeCases: readonly StoreCase<RateBook>[] = [
  {
    name: 'G5: of two hundred callers racing for five places exactly five are let in, and the others are told which room was full',
    check: async (book) => {
      const answers = await Promise.all(Array.from({ length: 200 }, (_, index) => book.enter([place('raced', `holder ${index}`, 5)], start)))
      assertEqual(answers.filter((answer) => answer === undefined).length, 5, 'let in')
      assertEqual(answers.filter((answer) => answer === 0).length, 195, 'told that the first room was full')
    },
  },
  {
    name: 'where one room of several is full, no place is taken in the others, and the first full one is named',
    check: async (book) => {
      await book.enter([place('full', 'one', 1)], start)
      await book.enter([place('also full', 'one', 1)], start)
      assertEqual(await book.enter([place('free', 'two', 1), place('full', 'two', 1), place('also full', 'two', 1)], start), 1, 'the first full room')
      assertEqual(await book.enter([place('free', 'three', 1)], start), undefined, 'the only place of the room that was free')
      assertEqual(await book.enter([], start), undefined, 'no room at all')
    },
  },
  {
    name: 'of callers racing for two rooms, named in either order, as many are let in as the smaller has places',
    check: async (book) => {
      const answers = await Promise.all(
        Array.from({ length: 60 }, (_, index) => {
          const claims = [place('small', `holder ${index}`, 4), place('large', `holder ${index}`, 6)]
          return book.enter(index % 2 === 0 ? claims : claims.toReversed(), start)
        }),
      )
      assertEqual(answers.filter((answer) => answer === undefined).length, 4, 'let in')
      const left = await Promise.all(['a', 'b', 'c'].map((holder) => book.enter([place('large', holder, 6)], start)))
      assertEqual(left.filter((answer) => answer === undefined).length, 2, 'places left in the larger room')
    },
  },
  {
    name: 'a place is free from the instant that it expires at, and not before',
    check: async (book) => {
      await book.enter([place('expiring', 'crashed', 1, start + 1_000)], start)
      assertEqual(await book.enter([place('expiring', 'next', 1)], start + 999), 0, 'a millisecond before')
      assertEqual(await book.enter([place('expiring', 'next', 1)], start + 1_000), undefined, 'at that instant')
      assertEqual(await book.enter([place('expiring', 'crashed', 1)], start + 1_000), 0, 'whoever was there before')
    },
  },
  {
    name: 'who is there already stays, also in a full room, and has the new expiry',
    check: async (book) => {
      await book.enter([place('extended', 'one', 2, start + 1_000)], start)
      await book.enter([place('extended', 'two', 2)], start)
      assertEqual(await book.enter([place('extended', 'one', 2, start + 5_000)], start + 500), undefined, 'again')
      assertEqual(await book.enter([place('extended', 'three', 2)], start + 4_999), 0, 'past the old expiry')
      assertEqual(await book.enter([place('extended', 'one', 2, start + 5_500)], start + 4_999), undefined, 'and again')
      assertEqual(await book.enter([place('extended', 'three', 2)], start + 5_500), undefined, 'at the last expiry')
    },
  },
  {
    name: 'who is refused in one room keeps the expiry that he had in another',
    check: async (book) => {
      await book.enter([place('mine', 'me', 1, start + 1_000)], start)
      await book.enter([place('theirs', 'them', 1)], start)
      assertEqual(await book.enter([place('mine', 'me', 1, start + minute), place('theirs', 'me', 1)], start), 1, 'the full room')
      assertEqual(await book.enter([place('mine', 'next', 1)], start + 1_000), undefined, 'the place, at its first expiry')
    },
  },
  {
    name: 'one holder entering fifty times at once has one place',
    check: async (book) => {
      const answers = await Promise.all(Array.from({ length: 50 }, () => book.enter([place('same', 'me', 2)], start)))
      assertEqual(
        answers.every((answer) => answer === undefined),
        true,
        'all let in',
      )
      assertEqual(await book.enter([place('same', 'somebody else', 2)], start), undefined, 'the second place')
      assertEqual(await book.enter([place('same', 'a third', 2)], start), 0, 'a third')
    },
  },
  {
    name: 'a place that was left is free at once; leaving is idempotent, and frees nobody else',
    check: async (book) => {
      await book.enter([place('left', 'one', 2), place('other', 'one', 1)], start)
      await book.enter([place('left', 'two', 2)], start)
      const places = [
        { room: 'left', holder: 'one' },
        { room: 'other', holder: 'one' },
      ]
      await Promise.all(Array.from({ length: 10 }, () => book.leave(places)))
      await book.leave([{ room: 'no such room', holder: 'one' }])
      await book.leave([])
      assertEqual(await book.enter([place('left', 'three', 2), place('other', 'three', 1)], start), undefined, 'the places left')
      await book.leave(places)
      assertEqual(await book.enter([place('left', 'four', 2)], start), 0, 'a third in the room, after a late second leaving')
    },
  },
  {
    name: 'holders coming and going at once never are more than there are places, and leave all of them free',
    check: async (book) => {
      let inside = 0
      let most = 0
      await Promise.all(
        Array.from({ length: 60 }, async (_, index) => {
          const holder = `guest ${index}`
          if ((await book.enter([place('busy', holder, 3)], start)) !== undefined) return
          inside += 1
          most = Math.max(most, inside)
          await Promise.resolve()
          inside -= 1
          await book.leave([{ room: 'busy', holder }])
        }),
      )
      assertEqual(most <= 3, true, `at most three inside (saw ${most})`)
      const answers = await Promise.all([0, 1, 2, 3].map((index) => book.enter([place('busy', `after ${index}`, 3)], start)))
      assertEqual(answers.filter((answer) => answer === undefined).length, 3, 'places afterwards')
    },
  },
  {
    name: 'fewer places than before drive nobody out, and let nobody in until there is room',
    check: async (book) => {
      for (const holder of ['one', 'two', 'three']) await book.enter([place('shrunk', holder, 3)], start)
      assertEqual(await book.enter([place('shrunk', 'one', 1)], start), undefined, 'who is there')
      await book.leave([{ room: 'shrunk', holder: 'one' }])
      assertEqual(await book.enter([place('shrunk', 'four', 1)], start), 0, 'while two are there')
      assertEqual(await book.enter([place('shrunk', 'four', 3)], start), undefined, 'with the places back')
      assertEqual(await book.enter([place('none', 'one', 0)], start), 0, 'a room without places')
    },
  },
  {
    name: 'pruning forgets no place that is held',
    check: async (book) => {
      await book.enter([place('kept', 'live', 2, start + minute)], start)
      await book.enter([place('kept', 'crashed', 2, start + 1_000)], start)
      await book.prune(start + 5_000)
      assertEqual(await book.enter([place('kept', 'next', 2)], start + 5_000), undefined, 'the place that had expired')
      assertEqual(await book.enter([place('kept', 'another', 2)], start + 5_000), 0, 'the place that is held')
    },
  },
]
