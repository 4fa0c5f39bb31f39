import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { ConfigurationError } from '../errors.ts'
import { anthropicPrices, usdPerMillion } from './price-table.ts'
import { pricing } from './price.ts'
import { noTokens, type UsageLine, type UsageReport } from './usage.ts'

const now = Date.UTC(2026, 10, 24)
const usage = (...lines: readonly Partial<UsageLine>[]): UsageReport => {
  const whole = lines.map((line) => ({ ...noTokens, model: 'claude-opus-5-5', role: 'message', ...line }))
  return { source: 'final', total: noTokens, lines: whole, flags: [] }
}
const nano = (line: Partial<UsageLine>, options = {}): bigint => pricing(options).cost(usage(line), now).nanoUsd

describe('pricing', () => {
  it.each([
    // USD per million tokens, from the price pages; a million tokens of each bucket.
    ['claude-opus-5-5', 4, 20, 5, 8, 0.2],
    ['claude-sonnet-5-5', 2, 10, 2.5, 4, 0.1],
    ['claude-sonnet-5', 2, 10, 2.5, 4, 0.2],
    ['claude-fable-5-2', 8, 40, 10, 16, 0.2],
    ['claude-fable-5-1', 10, 50, 12.5, 20, 0.25],
    ['claude-opus-4-7', 5, 25, 6.25, 10, 0.5],
    ['claude-sonnet-4-5-20250929', 3, 15, 3.75, 6, 0.3],
    ['claude-haiku-4-5-20251001', 1, 5, 1.25, 2, 0.1],
    ['claude-opus-4-1', 15, 75, 18.75, 30, 1.5],
  ])('C4, C5, R14: %s has its own price in every bucket', (model, input, output, write5m, write1h, read) => {
    const cost = (line: Partial<UsageLine>): number => Number(nano({ model, ...line })) / 1e9
    expect(cost({ freshInputTokens: 1_000_000 })).toBe(input)
    expect(cost({ outputTokens: 1_000_000 })).toBe(output)
    expect(cost({ cacheWrite5mTokens: 1_000_000 })).toBe(write5m)
    expect(cost({ cacheWrite1hTokens: 1_000_000 })).toBe(write1h)
    expect(cost({ cacheReadTokens: 1_000_000 })).toBe(read)
  })

  it.each([
    [99_999, 1, 0n],
    [100_000, 1, 0n],
    [100_001, 1, 1n],
  ])('C7, R14: haiku-5-5 reprices the whole request, output included, above 100,000 prompt tokens: %i', (prompt, output, isLong) => {
    const [input, out] = isLong === 1n ? [500n, 2_500n] : [100n, 500n]
    expect(nano({ model: 'claude-haiku-5-5', freshInputTokens: prompt, outputTokens: output })).toBe(BigInt(prompt) * input + BigInt(output) * out)
  })

  it('C7: cache tokens count towards the tier, and a model without one has none', () => {
    expect(nano({ model: 'claude-haiku-5-5', cacheReadTokens: 60_000, cacheWrite5mTokens: 40_001 })).toBe(60_000n * 50n + 40_001n * 625n)
    expect(nano({ model: 'claude-sonnet-4-5', freshInputTokens: 500_000 })).toBe(1_500_000_000n)
  })

  it('C8, R14: fast, US, batch and contract compose, each read from the response', () => {
    const line = { freshInputTokens: 1_000, cacheReadTokens: 1_000, cacheWrite1hTokens: 1_000, outputTokens: 1_000 }
    const fast = (8_000n + 400n + 16_000n + 40_000n) * 1_000n
    expect(nano({ ...line, speed: 'fast' })).toBe(fast)
    expect(nano({ ...line, speed: 'fast', inferenceGeo: 'us' })).toBe((fast * 11n) / 10n)
    expect(nano({ ...line, speed: 'fast', inferenceGeo: 'us', serviceTier: 'batch' })).toBe((fast * 11n) / 20n)
    expect(nano({ ...line, speed: 'fast', inferenceGeo: 'us', serviceTier: 'batch' }, { contractMultiplier: '0.85' })).toBe((fast * 11n * 85n) / 2_000n)
    expect(nano({ ...line, inferenceGeo: 'global', serviceTier: 'standard', speed: 'standard' })).toBe((4_000n + 200n + 8_000n + 20_000n) * 1_000n)
  })

  it('C3, R14: web searches cost $10 per thousand, wherever they ran; fetches nothing', () => {
    expect(nano({ webSearchRequests: 3, webFetchRequests: 5, inferenceGeo: 'us' })).toBe(30_000_000n)
  })

  it('C9, R14: an unknown model is never silently free and never priced by a similar name', () => {
    const line = { model: 'claude-opus-5-5-preview', freshInputTokens: 1_000 }
    expect(pricing().cost(usage(line), now)).toMatchObject({ state: 'assumed', nanoUsd: 15_000_000n })
    expect(pricing({ unknownModel: 'flag' }).cost(usage(line), now)).toMatchObject({ state: 'unpriced', nanoUsd: 0n })
    expect(pricing({ aliases: { 'claude-opus-5-5-preview': 'claude-opus-5-5' } }).cost(usage(line), now)).toMatchObject({
      state: 'priced',
      nanoUsd: 4_000_000n,
    })
    expect(pricing().cost({ ...usage(), source: 'none' }, now).state).toBe('free')
  })

  it('takes the price in force when the exchange began', () => {
    const overrides = [
      { models: ['m'], rates: usdPerMillion(1, 1, 1, 1, 1) },
      { models: ['m'], effectiveFrom: '2026-12-01', rates: usdPerMillion(2, 2, 2, 2, 2) },
    ]
    const priced = pricing({ overrides })
    expect(priced.cost(usage({ model: 'm', freshInputTokens: 1 }), Date.UTC(2026, 10, 30, 23, 59, 59, 999)).nanoUsd).toBe(1_000n)
    expect(priced.cost(usage({ model: 'm', freshInputTokens: 1 }), Date.UTC(2026, 11, 1)).nanoUsd).toBe(2_000n)
  })

  it('an override that is still to come leaves the list price in force until then', () => {
    const priced = pricing({ overrides: [{ models: ['claude-opus-5-5'], effectiveFrom: '2026-12-01', rates: usdPerMillion(1, 1, 1, 1, 1) }] })
    const line = { model: 'claude-opus-5-5', freshInputTokens: 1 }
    expect(priced.cost(usage(line), Date.UTC(2026, 10, 30))).toMatchObject({ state: 'priced', nanoUsd: 4_000n })
    expect(priced.cost(usage(line), Date.UTC(2026, 11, 1))).toMatchObject({ state: 'priced', nanoUsd: 1_000n })
  })

  it('the dearest rates are those of each bucket, whichever models they are of', () => {
    const prices = {
      ...anthropicPrices,
      models: [
        { models: ['a'], rates: usdPerMillion(9, 1, 1, 1, 1) },
        { models: ['b'], rates: usdPerMillion(1, 9, 1, 1, 1) },
      ],
    }
    expect(pricing({ prices }).cost(usage({ model: 'x', freshInputTokens: 1, outputTokens: 1 }), now).nanoUsd).toBe(18_000n)
  })

  it('prices counts beyond 2^53 and of any size without losing its footing', () => {
    expect(nano({ freshInputTokens: 2 ** 60 })).toBe(2n ** 60n * 4_000n)
    expect(nano({ freshInputTokens: 1e300 })).toBe(BigInt(1e300) * 4_000n)
  })

  it('rounds each bucket once, up', () => {
    expect(nano({ freshInputTokens: 1, outputTokens: 1 }, { contractMultiplier: '0.000001' })).toBe(2n)
  })

  it('C11, R14: the sum of a million rows equals the price of their sum, exactly', () => {
    const priced = pricing()
    let rows = 0n
    let tokens = 0
    for (let row = 0; row < 1_000_000; row += 1) {
      const outputTokens = (row * 7_919) % 4_099
      tokens += outputTokens
      rows += BigInt(outputTokens) * 20_000n
      if (row % 1_000 === 0) expect(priced.cost(usage({ outputTokens }), now).nanoUsd).toBe(BigInt(outputTokens) * 20_000n)
    }
    expect(priced.cost(usage({ outputTokens: tokens }), now).nanoUsd).toBe(rows)
  })

  test.prop([
    fc.array(
      fc.record({
        freshInputTokens: fc.nat(),
        outputTokens: fc.nat(),
        cacheReadTokens: fc.nat(),
        model: fc.constantFrom('claude-opus-5-5', 'x', 'claude-sonnet-5'),
      }),
    ),
  ])('the lines add up to the total', (lines) => {
    const cost = pricing({ contractMultiplier: '0.333333' }).cost(usage(...lines), now)
    expect(cost.lines.reduce((sum, line) => sum + line.nanoUsd, 0n)).toBe(cost.nanoUsd)
  })

  it.each([
    [{ contractMultiplier: '1e3' }, 'pricing.contractMultiplier'],
    [{ contractMultiplier: '-1' }, 'pricing.contractMultiplier'],
    [{ aliases: { mine: 'nobody' } }, 'pricing.aliases.mine'],
    [{ overrides: [{ models: ['m'], effectiveFrom: 'soon', rates: usdPerMillion(1, 1, 1, 1, 1) }] }, 'pricing.overrides[0].effectiveFrom'],
    [{ prices: { ...anthropicPrices, webSearchRequest: 0.5 } }, 'pricing.prices.webSearchRequest'],
    [{ overrides: [{ models: ['m'], rates: { ...usdPerMillion(1, 1, 1, 1, 1), input: 0.5 } }] }, 'pricing.overrides[0].rates.input'],
  ])('refuses %j by naming the option', (options, option) => {
    expect(() => pricing(options)).toThrow(ConfigurationError)
    expect(() => pricing(options)).toThrow(option)
  })

  it('ships no model twice', () => {
    const all = anthropicPrices.models.flatMap(({ models }) => models)
    expect(new Set(all).size).toBe(all.length)
  })
})
