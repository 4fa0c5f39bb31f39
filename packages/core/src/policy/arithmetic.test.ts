import { describe, expect, it } from 'vitest'
import { pricing } from '../meter/price.ts'
import { breakEvenOutputTokens, switchArithmetic } from './arithmetic.ts'
import { capabilityTable } from './capabilities.ts'

const shared = { pricing: pricing(), capabilities: capabilityTable(), at: Date.UTC(2026, 10, 24) }

describe('the least output from which a turn on another model pays', () => {
  it.each([
    ['claude-opus-4-7', 'claude-haiku-4-5', 10_000, 218],
    ['claude-opus-4-7', 'claude-haiku-4-5', 50_000, 1_091],
    ['claude-opus-4-7', 'claude-haiku-4-5', 100_000, 2_182],
    ['claude-opus-4-7', 'claude-sonnet-4-6', 10_000, 1_771],
    ['claude-opus-5-5', 'claude-haiku-5-5', 100_000, 0],
    ['claude-opus-5-5', 'claude-haiku-5-5', 150_000, 3_643],
    ['claude-opus-5-5', 'claude-sonnet-5-5', 10_000, 2_300],
    ['claude-opus-5-5', 'claude-sonnet-5-5', 100_000, 23_000],
  ])('%s to %s at %d tokens: %d', (from, to, promptTokens, expected) => {
    const found = breakEvenOutputTokens({ ...shared, from, to, promptTokens }) ?? Infinity
    // The ratio of tokenizers is kept to the thousandth.
    expect(Math.abs(found - expected)).toBeLessThanOrEqual(expected * 0.006)
  })

  it('is not there where the other model is dearer in everything', () => {
    expect(breakEvenOutputTokens({ ...shared, from: 'claude-haiku-4-5', to: 'claude-opus-5-5', promptTokens: 10_000 })).toBeUndefined()
  })
})

describe('staying and switching', () => {
  const question = {
    ...shared,
    from: 'claude-opus-5-5',
    to: 'claude-sonnet-5-5',
    promptTokens: 20_000,
    warmTokens: 20_000,
    outputTokens: 225,
    growthTokens: 1_000,
    isLongCache: false,
    conditions: {},
  }

  it('is exact for its counts', () => {
    const one = switchArithmetic({ ...question, remainingTurns: 1 })
    expect(one).toMatchObject({
      stayNanoUsd: 20_000n * 200n + 225n * 20_000n,
      switchNanoUsd: 20_000n * 2_500n + 225n * 10_000n,
      isWorthIt: false,
      tokensPerThousand: 1_000,
    })
    const two = switchArithmetic({ ...question, remainingTurns: 2 })
    expect(two.stayNanoUsd - one.stayNanoUsd).toBe(20_000n * 200n + 1_000n * 5_000n + 225n * 20_000n)
    expect(two.switchNanoUsd - one.switchNanoUsd).toBe(20_000n * 100n + 1_000n * 2_500n + 225n * 10_000n)
  })

  it('turns with the number of turns to come, with a cache that has lapsed, and with the price of an hour', () => {
    expect(switchArithmetic({ ...question, remainingTurns: 4 }).isWorthIt).toBe(false)
    expect(switchArithmetic({ ...question, remainingTurns: 20 }).isWorthIt).toBe(true)
    expect(switchArithmetic({ ...question, warmTokens: 0, remainingTurns: 1 }).isWorthIt).toBe(true)
    const long = switchArithmetic({ ...question, isLongCache: true, remainingTurns: 1 })
    expect(long.switchNanoUsd).toBe(20_000n * 4_000n + 225n * 10_000n)
  })

  it('never pays from a model to itself, nor for an equal sum', () => {
    for (const warmTokens of [0, 20_000]) expect(switchArithmetic({ ...question, to: question.from, warmTokens, remainingTurns: 10 }).isWorthIt).toBe(false)
  })

  it('knows the cliff of a long prompt: one turn on haiku-5-5 pays at 90K tokens, and not at 150K', () => {
    const at = (tokens: number) =>
      switchArithmetic({ ...question, to: 'claude-haiku-5-5', promptTokens: tokens, warmTokens: tokens, remainingTurns: 1 }).isWorthIt
    expect([at(90_000), at(150_000)]).toEqual([true, false])
  })
})
