import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { growthOf, median, quantile } from './statistics.ts'

describe('quantiles', () => {
  it('are values that were seen, by the nearest rank', () => {
    const samples = [40, 10, 30, 20]
    expect([median(samples), quantile(samples, 0.99), quantile(samples, 0.25), quantile(samples, 0)]).toEqual([20, 40, 10, 10])
  })

  it('of nothing are no number', () => {
    expect(median([])).toBeNaN()
  })
})

describe('growth', () => {
  property.prop([fc.double({ min: 0.2, max: 3, noNaN: true }), fc.double({ min: 0.01, max: 100, noNaN: true })])(
    'finds the exponent of a power law, in any order of points',
    (exponent, factor) => {
      const { exponent: found, atTheEnd } = growthOf([10_240, 100, 1_024, 350].map((size) => ({ size, cost: factor * size ** exponent })))
      expect(found).toBeCloseTo(exponent, 2)
      expect(atTheEnd).toBeCloseTo(exponent, 2)
    },
  )

  it('shows what grows faster than its size at the end, where a fixed cost hides it before', () => {
    const { exponent, atTheEnd } = growthOf([100, 1_000, 10_000].map((size) => ({ size, cost: 1_000_000 + size ** 2 })))
    expect(exponent).toBeLessThan(1.05)
    expect(atTheEnd).toBeGreaterThan(1.6)
  })

  it('of one point is a mistake', () => {
    expect(() => growthOf([{ size: 1, cost: 1 }])).toThrow('two points')
  })
})
