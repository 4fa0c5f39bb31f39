import { fc, test as property } from '@fast-check/vitest'
import { Tiktoken } from 'tiktoken/lite'
import * as loaded from 'tiktoken/encoders/o200k_base'
import { expect, test } from 'vitest'
import { tiktokenTokenizer, vocabularyOf } from './tiktoken-tokenizer.ts'

const vocabulary = vocabularyOf(loaded)
const plain = new Tiktoken(vocabulary.bpe_ranks, {}, vocabulary.pat_str)
const tokenizer = await tiktokenTokenizer({ pieceCharacters: 200, pause: () => Promise.resolve() })

const ordinary = fc
  .array(fc.oneof(fc.lorem({ mode: 'sentences' }), fc.constantFrom('\n\n', '  ', 'const x = 1;\n', "it's ", 'Привет, мир. ', '日本語。', '🌊 ')), {
    maxLength: 40,
  })
  .map((parts) => parts.join(' '))

property.prop([ordinary])('an ordinary text has the same count as tiktoken gives it whole', async (text) => {
  expect(await tokenizer.count([text])).toBe(plain.encode_ordinary(text).length)
})

test('200 kB of one letter have the same count as short runs of it', async () => {
  expect(await tokenizer.count(['a'.repeat(200_000)])).toBe((200_000 / 256) * plain.encode_ordinary('a'.repeat(256)).length)
})

test('text that looks like a special token is text', async () => {
  expect(await tokenizer.count(['<|endoftext|>'])).toBeGreaterThan(1)
})
