import { describe, expect, test } from 'vitest'
import { rateBench, testRateBook, type RateBench } from '../../test/rate-bench.ts'
import type { RateConsistency } from '../ports/rate-book.ts'
import type { RateLimitInput } from '../rates/check-limit.ts'

const amount = 100
const portion = amount / 10
const instances = 4

const limit = (consistency: RateConsistency, parts: Partial<RateLimitInput> = {}): RateLimitInput => ({
  id: 'requests',
  subject: { model: '*' },
  unit: 'requests',
  amount,
  consistency,
  ...parts,
})

const benchOf = (consistency: RateConsistency): RateBench & { readonly asked: readonly string[] } => {
  const book = testRateBook()
  return { ...rateBench({ book, instances, limits: [limit(consistency)] }), asked: book.asked }
}

/** Sends to all instances in turn, that many each, all at once. */
async function burst({ start, reached }: RateBench, each: number): Promise<number> {
  const before = reached.length
  await Promise.all(Array.from({ length: each * instances }, (_, index) => start({ instance: index % instances }).settled))
  return reached.length - before
}

describe('G4: four instances over one book, one limit of a hundred a minute', () => {
  test('local: each counts for itself, so four times as much is let through, as declared', async () => {
    const bench = benchOf('local')
    expect(await burst(bench, 200)).toBe(instances * amount)
    await bench.clock.advanceAsync(30_000)
    expect(await burst(bench, 200)).toBe((instances * amount) / 2)
    expect(bench.asked.filter((verb) => verb === 'take')).toEqual([])
  })

  test('shared: exactly the limit, together', async () => {
    const bench = benchOf('shared')
    expect(await burst(bench, 200)).toBe(amount)
    await bench.clock.advanceAsync(30_000)
    expect(await burst(bench, 200)).toBe(amount / 2)
    await bench.clock.advanceAsync(3_600_000)
    expect(await burst(bench, 200)).toBe(amount)
  })

  test('leased: never more than the limit, and at once no less than a portion for the whole and one for each instance', async () => {
    const bench = benchOf('leased')
    const first = await burst(bench, 200)
    expect(first).toBeLessThanOrEqual(amount)
    expect(first).toBeGreaterThanOrEqual(amount - portion - instances * portion)
    await bench.clock.advanceAsync(30_000)
    const second = await burst(bench, 200)
    expect(first + second).toBeLessThanOrEqual(amount + amount / 2)
    expect(second).toBeGreaterThanOrEqual(amount / 2 - instances * portion)
  })

  test('leased: with one busy instance nothing but the portion for the whole is missing, most takes need no round trip, and idle ones hold nothing', async () => {
    const bench = benchOf('leased')
    const { start, send, clock, reached, asked } = bench
    for (const instance of [1, 2, 3]) expect((await send({ instance })).status).toBe(200)
    await clock.advanceAsync(60_000)
    await Promise.all(Array.from({ length: 200 }, () => start({ instance: 0 }).settled))
    expect(reached).toHaveLength(3 + amount - portion)
    const before = asked.length
    await clock.advanceAsync(60_000)
    for (let count = 0; count < amount - portion; count += 1) expect((await send({ instance: 0 })).status).toBe(200)
    expect(asked.length - before).toBeLessThanOrEqual(30)
  })

  test('leased: over any stretch of random traffic no more than the limit, and in the long run not much less', async () => {
    for (const seed of [1, 2]) {
      const { send, clock } = benchOf('leased')
      const random = randomOf(seed)
      const startedAt = clock.now()
      const takenAt: number[] = []
      while (clock.now() - startedAt < 120_000) {
        await clock.advanceAsync(Math.floor(random() * (random() < 0.1 ? 4_000 : 200)))
        const count = random() < 0.2 ? 12 : 1
        const instance = Math.floor(random() * instances)
        for (let index = 0; index < count; index += 1) if ((await send({ instance })).status === 200) takenAt.push(clock.now())
      }
      for (const [first, from] of takenAt.entries()) {
        for (let last = first; last < takenAt.length; last += 1) {
          expect(last - first + 1).toBeLessThanOrEqual(amount + (amount * ((takenAt[last] as number) - from)) / 60_000)
        }
      }
      expect(takenAt.length).toBeGreaterThan(0.75 * 2 * amount)
    }
  }, 60_000)

  test.each(['shared', 'leased'] as const)('%s: places are exact', async (consistency) => {
    const { start, clock, reached } = rateBench({
      book: testRateBook(),
      instances,
      isHeld: true,
      limits: [limit(consistency, { unit: 'concurrency', amount: 5 })],
    })
    for (let index = 0; index < 40; index += 1) start({ instance: index % instances })
    await clock.advanceAsync(0)
    expect(reached).toHaveLength(5)
  })

  test('leased: tokens are charged here first, and what exceeds the portion goes to the book at once', async () => {
    const book = testRateBook()
    const { send, clock } = rateBench({ book, instances, limits: [limit('leased', { unit: 'output-tokens', amount: 1_000 })] })
    // Each reply has 40 output tokens.
    let through = 0
    for (let count = 0; count < 60; count += 1) if ((await send({ instance: count % instances })).status === 200) through += 1
    expect(through * 40).toBeGreaterThanOrEqual(900)
    expect(through * 40).toBeLessThanOrEqual(1_000 + instances * 40)
    await clock.advanceAsync(60_000)
    expect((await send()).status).toBe(200)
  })
})

/** A small generator for tests that must repeat: linear congruence. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
