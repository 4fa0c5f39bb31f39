import { fc, test as property } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { cappedTokenizer } from './capped-tokenizer.ts'
import { mostRunCharacters, piecesOf } from './pieces.ts'

/** Texts that break encodings: long runs, of letters, blanks, pictographs, among words. */
const hostile = fc
  .array(
    fc.oneof(
      fc.lorem(),
      fc.string({ unit: 'binary', maxLength: 50 }),
      fc.tuple(fc.constantFrom('a', ' ', '\n', '日', '🌊', '!'), fc.integer({ min: 1, max: 2_000 })).map(([unit, times]) => unit.repeat(times)),
    ),
  )
  .map((parts) => parts.join(''))

property.prop([hostile, fc.integer({ min: 1, max: 5_000 })])(
  'whatever the text, its pieces are the text, and no run in one is long',
  (text, pieceCharacters) => {
    const pieces = [...piecesOf(text, pieceCharacters)]
    expect(pieces.join('')).toBe(text)
    for (const piece of pieces) {
      expect(piece.length).toBeGreaterThan(0)
      expect(Math.max(0, ...[...piece.matchAll(/\S+|\s+/g)].map(([run]) => run.length))).toBeLessThanOrEqual(mostRunCharacters)
    }
  },
)

property.prop([fc.constantFrom('a', ' ', '日', 'ab', '🌊', 'word '), fc.integer({ min: 1, max: 300_000 })])(
  'the work grows with the text: what is encoded, by the square of its runs, is linear',
  async (unit, times) => {
    const text = unit.repeat(times)
    let work = 0
    const tokenizer = cappedTokenizer(
      'counting',
      (piece) => {
        for (const [run] of piece.matchAll(/\S+|\s+/g)) work += run.length ** 2
        return piece.length
      },
      { pause: () => Promise.resolve() },
    )
    await tokenizer.count([text])
    expect(work).toBeLessThanOrEqual(mostRunCharacters * text.length)
  },
)

test('200 kB of one letter are encoded once for all their equal parts', async () => {
  let calls = 0
  const tokenizer = cappedTokenizer(
    'counting',
    (piece) => {
      calls += 1
      return piece.length / 8
    },
    { pause: () => Promise.resolve() },
  )
  expect(await tokenizer.count(['a'.repeat(200_000)])).toBe(25_000)
  expect(calls).toBeLessThanOrEqual(2)
})

test('short texts are counted at once, long ones in turns of no more than a piece', async () => {
  let pauses = 0
  let sincePause = 0
  let most = 0
  const tokenizer = cappedTokenizer(
    'counting',
    (piece) => {
      sincePause += piece.length
      most = Math.max(most, sincePause)
      return piece.length
    },
    { pieceCharacters: 1_000, pause: async () => void ((pauses += 1), (sincePause = 0)) },
  )
  expect(tokenizer.count(['one', 'two'])).toBe(6)
  const text = 'some words of text '.repeat(1_000)
  expect(await tokenizer.count([text, text])).toBe(2 * text.length)
  expect(pauses).toBeGreaterThan(30)
  expect(most).toBeLessThan(2_100)
})

test('what is beyond the bound is taken to be like what was counted, in all parts of it', async () => {
  let encoded = 0
  const tokenizer = cappedTokenizer(
    'counting',
    (piece) => {
      encoded += piece.length
      return piece.split('x').length - 1
    },
    { mostCharacters: 50_000, pieceCharacters: 1_000, pause: () => Promise.resolve() },
  )
  const half = 'x y '.repeat(100_000)
  const tokens = await tokenizer.count([half, 'y y '.repeat(100_000)])
  expect(encoded).toBeLessThan(52_000)
  expect(tokens).toBeGreaterThan(95_000)
  expect(tokens).toBeLessThan(105_000)
})
