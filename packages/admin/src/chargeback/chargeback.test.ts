import { fc, test as property } from '@fast-check/vitest'
import { noTokens } from '@sluice/core'
import { describe, expect, test } from 'vitest'
import { cacheHealth } from './cache-health.ts'
import { concentration } from './concentration.ts'
import { totalCost, type CostRow } from './cost-rows.ts'
import { leaderboard } from './leaderboard.ts'
import { sessionCosts } from './session-costs.ts'

const row = (name: string | null, costNanoUsd: bigint, more: Partial<CostRow> = {}): CostRow => ({ ...noTokens, name, exchanges: 1, costNanoUsd, ...more })
const anyRows = fc
  .uniqueArray(fc.record({ name: fc.option(fc.string({ maxLength: 4 })), cost: fc.bigInt(0n, 10n ** 13n) }), { selector: ({ name }) => name, maxLength: 40 })
  .map((rows) => rows.map(({ name, cost }) => row(name, cost)))

describe('the leaderboard', () => {
  test('has the dearest first; equals share a place, and the next one is counted on', () => {
    expect(
      leaderboard([row('a', 1n), row('b', 2n), row(null, 1n), row('c', 4n)]).map(({ rank, name, share, cumulativeShare }) => [
        rank,
        name,
        share,
        cumulativeShare,
      ]),
    ).toEqual([
      [1, 'c', 0.5, 0.5],
      [2, 'b', 0.25, 0.75],
      [3, 'a', 0.125, 0.875],
      [3, null, 0.125, 1],
    ])
    expect(leaderboard([row('a', 0n)])).toMatchObject([{ rank: 1, share: 0, cumulativeShare: 0 }])
  })

  property.prop([anyRows])('loses nobody and nothing, and its shares rise to one', (rows) => {
    const places = leaderboard(rows)
    expect(totalCost(places)).toBe(totalCost(rows))
    expect(places).toHaveLength(rows.length)
    const shares = places.map(({ cumulativeShare }) => cumulativeShare)
    expect(shares).toEqual(shares.toSorted((left, right) => left - right))
    if (totalCost(rows) > 0n) expect(shares.at(-1)).toBe(1)
  })
})

describe('session costs', () => {
  test('fall into bins that begin at their lower end', () => {
    const { bins, medianNanoUsd, p90NanoUsd, mostNanoUsd, withoutSessionNanoUsd } = sessionCosts([
      row('a', 0n),
      row('b', 10_000_000n),
      row('c', 19_999_999n),
      row('d', 200_000_000_000n),
      row(null, 7n),
    ])
    expect(bins.filter(({ sessions }) => sessions > 0).map(({ fromNanoUsd, toNanoUsd, sessions }) => [fromNanoUsd, toNanoUsd, sessions])).toEqual([
      [0n, 10_000_000n, 1],
      [10_000_000n, 20_000_000n, 2],
      [100_000_000_000n, undefined, 1],
    ])
    expect([medianNanoUsd, p90NanoUsd, mostNanoUsd, withoutSessionNanoUsd]).toEqual([10_000_000n, 200_000_000_000n, 200_000_000_000n, 7n])
    expect(sessionCosts([])).toMatchObject({ sessions: 0, medianNanoUsd: undefined })
  })

  property.prop([anyRows])('are each in exactly one bin, and bins touch', (rows) => {
    const { bins, sessions, costNanoUsd, withoutSessionNanoUsd } = sessionCosts(rows)
    expect(bins.reduce((sum, bin) => sum + bin.sessions, 0)).toBe(sessions)
    expect(totalCost(bins) + withoutSessionNanoUsd).toBe(totalCost(rows))
    expect(costNanoUsd).toBe(totalCost(bins))
    for (const [at, { toNanoUsd }] of bins.entries()) expect(toNanoUsd).toBe(bins[at + 1]?.fromNanoUsd)
  })
})

describe('concentration', () => {
  test('is the share of the dearest, rounded up to whole members', () => {
    const rows = Array.from({ length: 20 }, (_, at) => row(`d${at}`, at === 7 ? 81n : 1n))
    expect(concentration(rows).top.map(({ percent, members, share }) => [percent, members, share])).toEqual([
      [1, 1, 0.81],
      [10, 2, 0.82],
      [20, 4, 0.84],
      [50, 10, 0.9],
    ])
    expect(concentration(rows).gini).toBe(0.76)
    expect(concentration([row('a', 5n), row('b', 5n), row(null, 90n)])).toMatchObject({ members: 2, costNanoUsd: 10n, gini: 0 })
    expect(concentration([])).toMatchObject({ members: 0, gini: 0 })
  })

  property.prop([anyRows])('rises with the percentage, and the Gini is from 0 to 1', (rows) => {
    const { top, gini } = concentration(rows)
    expect(top.map(({ share }) => share)).toEqual(top.map(({ share }) => share).toSorted((left, right) => left - right))
    expect(gini >= 0 && gini <= 1).toBe(true)
  })
})

describe('cache health', () => {
  test('is read of all that was sent in; the worst sessions are those that missed most, of more than one exchange', () => {
    const health = cacheHealth(
      [
        row('good', 1n, { exchanges: 9, cacheReadTokens: 9_000, freshInputTokens: 1_000 }),
        row('bad', 2n, { exchanges: 2, cacheReadTokens: 0, cacheWrite5mTokens: 3_000, cacheWrite1hTokens: 1_000, freshInputTokens: 1_000 }),
        row('short', 3n, { exchanges: 1, freshInputTokens: 9_000 }),
        row(null, 3n, { exchanges: 5, freshInputTokens: 1_000 }),
        row('silent', 0n, { exchanges: 3 }),
      ],
      10,
    )
    expect(health).toMatchObject({ readTokens: 9_000, writeTokens: 4_000, freshTokens: 12_000, hitRate: 0.36 })
    expect(health.worstSessions.map(({ session, hitRate }) => [session, hitRate])).toEqual([
      ['bad', 0],
      ['good', 0.9],
    ])
    expect(cacheHealth([], 10).hitRate).toBeUndefined()
  })
})
