import { fc, test as property } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { UsageEstimator, type EstimateFacts } from './estimate.ts'
import { noTokens, promptTokens, type TokenBuckets, type UsageReport } from './usage.ts'

const facts = (more: Partial<EstimateFacts> = {}): EstimateFacts => ({
  model: 'claude-opus-5-5',
  kind: 'main',
  conversation: 's-1',
  bytes: 100_000,
  maxTokens: 32_000,
  at: 0,
  ...more,
})
const final = (tokens: Partial<TokenBuckets>): UsageReport => ({ source: 'final', total: { ...noTokens, ...tokens }, lines: [], flags: [] })

test('the first turn is guessed from its bytes and written to the cache; the next one stands on what the last one reported', () => {
  const estimator = new UsageEstimator()
  const first = estimator.likely(facts())
  expect(first).toMatchObject({ source: 'estimated', total: { cacheReadTokens: 0, cacheWrite5mTokens: 32_000, outputTokens: 1_500 } })
  estimator.learn(facts(), final({ freshInputTokens: 2, cacheWrite5mTokens: 27_998, outputTokens: 300 }))
  const second = estimator.likely(facts({ bytes: 104_000, at: 60_000 }))
  expect(second.total.cacheReadTokens).toBe(28_000)
  expect(second.total.cacheWrite5mTokens).toBeGreaterThan(1_000)
  expect(second.total.cacheWrite5mTokens).toBeLessThan(1_300)
})

test('once the cache entry’s life is over all of it is written anew, and an hour’s entry lives an hour', () => {
  const estimator = new UsageEstimator()
  estimator.learn(facts(), final({ cacheWrite5mTokens: 28_000, outputTokens: 300 }))
  expect(estimator.likely(facts({ at: 300_000 })).total).toMatchObject({ cacheReadTokens: 0, cacheWrite5mTokens: 28_300 })
  estimator.learn(facts({ at: 300_000 }), final({ cacheReadTokens: 28_000, cacheWrite1hTokens: 300, outputTokens: 300 }))
  expect(estimator.likely(facts({ at: 3_000_000 })).total).toMatchObject({ cacheReadTokens: 28_300, cacheWrite1hTokens: 300, cacheWrite5mTokens: 0 })
  expect(estimator.likely(facts({ at: 3_900_000 })).total).toMatchObject({ cacheReadTokens: 0, cacheWrite1hTokens: 28_600 })
})

test('conversations, models and agents do not stand on one another’s turns; a compacted one begins anew', () => {
  const estimator = new UsageEstimator()
  estimator.learn(facts(), final({ cacheWrite5mTokens: 28_000, outputTokens: 300 }))
  for (const other of [facts({ conversation: 's-2' }), facts({ model: 'claude-haiku-5-5' }), facts({ conversation: undefined }), facts({ bytes: 20_000 })])
    expect(estimator.likely(other).total.cacheReadTokens).toBe(0)
})

test('output is learned by model and kind, and never more than the request allows', () => {
  const estimator = new UsageEstimator()
  for (let count = 0; count < 100; count += 1)
    estimator.learn(facts({ kind: 'title', conversation: undefined }), final({ freshInputTokens: 1_000, outputTokens: count < 95 ? 20 : 5_000 }))
  expect(estimator.likely(facts({ kind: 'title' })).total.outputTokens).toBeLessThan(25)
  expect(estimator.likely(facts()).total.outputTokens).toBe(1_500)
  expect(estimator.likely(facts({ maxTokens: 64 })).total.outputTokens).toBe(64)
})

test('R22: an attacker of one tenant cannot make the estimates of another tiny, with short answers or with bodies of nothing', () => {
  const estimator = new UsageEstimator()
  const attacker = { tenant: 'mallory', conversation: undefined }
  for (let count = 0; count < 500; count += 1) estimator.learn(facts({ ...attacker, bytes: 10_000_000 }), final({ freshInputTokens: 1, outputTokens: 1 }))
  expect(estimator.likely(facts({ ...attacker })).total.cacheWrite5mTokens).toBeLessThan(100)
  expect(estimator.likely(facts({ tenant: 'ada' })).total).toMatchObject({ cacheWrite5mTokens: 32_000, outputTokens: 1_500 })
})

test('replies that ran into their max_tokens do not make an attacker’s own estimates tiny', () => {
  const estimator = new UsageEstimator()
  for (let count = 0; count < 500; count += 1) estimator.learn(facts({ maxTokens: 1 }), final({ freshInputTokens: 1_000, outputTokens: 1 }))
  expect(estimator.likely(facts()).total.outputTokens).toBe(1_500)
})

test('an attacker who asks for 10^15 tokens gets an estimate that a store can keep', () => {
  expect(new UsageEstimator().most(facts({ maxTokens: 10 ** 15 }), false).total.outputTokens).toBe(1_000_000)
})

test('what the request says of speed and place is priced so', () => {
  const [line] = new UsageEstimator().likely(facts({ speed: 'fast', inferenceGeo: 'us' })).lines
  expect(line).toMatchObject({ model: 'claude-opus-5-5', speed: 'fast', inferenceGeo: 'us' })
})

property.prop([fc.integer({ min: 0, max: 5_000_000 }), fc.integer({ min: 1, max: 128_000 }), fc.boolean(), fc.integer({ min: 0, max: 1_000_000 })])(
  'the most is never below the likely, and never below a token a byte while a context can hold it',
  (bytes, maxTokens, hasReferences, learned) => {
    const estimator = new UsageEstimator()
    // A conversation whose last prompt was no longer than its bytes: tokens are.
    estimator.learn(facts({ bytes }), final({ cacheReadTokens: Math.min(learned, bytes), outputTokens: 10 }))
    const request = facts({ bytes, maxTokens })
    const most = estimator.most(request, hasReferences).total
    const likely = estimator.likely(request).total
    expect(most.outputTokens).toBeGreaterThanOrEqual(likely.outputTokens)
    expect(promptTokens(most)).toBeGreaterThanOrEqual(Math.min(1_000_000, promptTokens(likely)))
    expect(promptTokens(most)).toBeGreaterThanOrEqual(Math.min(1_000_000, bytes))
  },
)
