import { expect, test } from 'vitest'
import { pricing } from './price.ts'
import { noTokens } from './usage.ts'
import { mergeUsage, toBuckets } from './usage-reducer.ts'

test('R13, J: a count of impossible size is no statement: it takes nothing back, and no price outgrows what a database keeps', () => {
  const merged = mergeUsage({ input_tokens: 12, output_tokens: 3 }, { input_tokens: 1e300, output_tokens: 2 ** 53 })
  expect(toBuckets(merged).buckets).toMatchObject({ freshInputTokens: 12, outputTokens: 3 })
  expect(toBuckets({ input_tokens: Infinity, output_tokens: 1_000_000_001, cache_read_input_tokens: -1 }).buckets).toEqual(noTokens)
  const most = toBuckets({ input_tokens: 1_000_000_000, output_tokens: 1_000_000_000 }).buckets
  const cost = pricing().cost({ source: 'final', total: most, lines: [{ ...most, model: 'claude-opus-4-1', role: 'message' }], flags: [] }, 0)
  expect(cost.nanoUsd).toBeLessThan(2n ** 63n / 1_000n)
})
