import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RateBook } from '../ports/rate-book.ts'
import { LeasedBuckets } from './leased-buckets.ts'
import { RateTable } from './rate-table.ts'

const start = Date.UTC(2026, 10, 24, 12)

interface Asking {
  readonly replica: number
  readonly gap: number
  readonly count: number
}

const rates = fc.record({ capacity: fc.integer({ min: 1, max: 120 }), perMillis: fc.integer({ min: 100, max: 20_000 }) })
const askings: fc.Arbitrary<readonly Asking[]> = fc.array(
  fc.record({
    replica: fc.nat({ max: 3 }),
    gap: fc.oneof(fc.constant(0), fc.nat({ max: 20 }), fc.nat({ max: 3_000 })),
    count: fc.integer({ min: 1, max: 15 }),
  }),
  { minLength: 1, maxLength: 80 },
)

function sharedBook(): Pick<RateBook, 'take' | 'charge'> & { readonly takes: () => number } {
  const table = new RateTable()
  let takes = 0
  return {
    take: async (claims, at) => {
      takes += 1
      return table.take(claims, at)
    },
    charge: async (claims, at) => table.charge(claims, at),
    takes: () => takes,
  }
}

test('G4: over any stretch, however the replicas are asked, leased portions let through no more than the limit', async () => {
  await fc.assert(
    fc.asyncProperty(rates, askings, async (rate, asked) => {
      const book = sharedBook()
      const replicas = Array.from({ length: 4 }, () => new LeasedBuckets(book))
      const takenAt: number[] = []
      let at = start
      for (const { replica, gap, count } of asked) {
        at += gap
        const asking = replicas[replica] as LeasedBuckets
        const answers = await Promise.all(Array.from({ length: count }, () => asking.take([{ bucket: 'b', amount: 1, ...rate }], at)))
        for (const answer of answers) if (answer[0]?.isAllowed === true) takenAt.push(at)
      }
      for (const [first, from] of takenAt.entries()) {
        for (let last = first; last < takenAt.length; last += 1) {
          expect(last - first + 1).toBeLessThanOrEqual(rate.capacity + (rate.capacity * ((takenAt[last] as number) - from)) / rate.perMillis)
        }
      }
    }),
    { numRuns: 150 },
  )
})

test('G4: what replicas have left of their portions is gone before it could come on top of a full bucket', async () => {
  const rate = { capacity: 120, perMillis: 60_000 }
  for (const later of [5_999, 6_000, 20_000, 59_999, 60_000]) {
    const book = sharedBook()
    const replicas = Array.from({ length: 4 }, () => new LeasedBuckets(book))
    const burst = async (count: number, at: number): Promise<number> => {
      const answers = await Promise.all(
        replicas.flatMap((replica) => Array.from({ length: count }, () => replica.take([{ bucket: 'b', amount: 1, ...rate }], at))),
      )
      return answers.filter(([answer]) => answer?.isAllowed === true).length
    }
    expect(await burst(7, start)).toBe(28)
    for (const replica of replicas) expect((await replica.take([{ bucket: 'b', amount: 1, ...rate }], start))[0]?.isAllowed).toBe(true)
    const second = await burst(60, start + later)
    expect(second).toBeGreaterThanOrEqual(60)
    expect(second).toBeLessThanOrEqual(120)
    expect(second + 32).toBeLessThanOrEqual(120 + (120 * later) / 60_000)
  }
})

test('a refusal of a leased bucket says how long to wait for one, and waiting so long suffices where nobody else comes', async () => {
  await fc.assert(
    fc.asyncProperty(rates, fc.nat({ max: 200 }), async (rate, before) => {
      const book = sharedBook()
      const [mine, other] = [new LeasedBuckets(book), new LeasedBuckets(book)]
      const claims = [{ bucket: 'b', amount: 1, ...rate }]
      for (let count = 0; count < before; count += 1) await other.take(claims, start)
      for (let count = 0; count < 200; count += 1) await mine.take(claims, start)
      const wait = (await mine.take(claims, start))[0]?.retryAfterMillis ?? 0
      expect(wait).toBeGreaterThan(0)
      expect((await mine.take(claims, start + wait - 1))[0]?.isAllowed).toBe(false)
      expect((await mine.take(claims, start + wait))[0]?.isAllowed).toBe(true)
    }),
    { numRuns: 60 },
  )
})

test('what one limit leases is given back where another refuses, and failures of the book lose nothing that is here', async () => {
  const table = new RateTable()
  let isOut = false
  const leases = new LeasedBuckets({
    take: (claims, at) => (isOut ? Promise.reject(new Error('out')) : Promise.resolve(table.take(claims, at))),
    charge: async (claims, at) => table.charge(claims, at),
  })
  const wide = { bucket: 'wide', amount: 1, capacity: 1_000, perMillis: 60_000 }
  const narrow = { bucket: 'narrow', amount: 1, capacity: 1, perMillis: 60_000 }
  await Promise.all(Array.from({ length: 50 }, () => leases.take([wide], start)))
  await leases.take([narrow], start)
  await leases.take([wide], start)
  const before = (await leases.take([wide], start))[0]?.remaining ?? 0
  expect(before).toBeGreaterThan(2)
  expect((await leases.take([wide, narrow], start)).map(({ isAllowed }) => isAllowed)).toEqual([true, false])
  isOut = true
  await expect(leases.take([narrow, wide], start)).rejects.toThrow('out')
  expect((await leases.take([wide], start))[0]?.remaining).toBe(before - 1)
})

test('a charge is paid from the portion first, the rest from the book; what is given back stays here while the portion lasts', async () => {
  const table = new RateTable()
  const charges: number[] = []
  const leases = new LeasedBuckets({
    take: async (claims, at) => table.take(claims, at),
    charge: async (claims, at) => {
      for (const { amount } of claims) charges.push(amount)
      table.charge(claims, at)
    },
  })
  const claim = { bucket: 'tokens', amount: 1, capacity: 1_000, perMillis: 60_000 }
  await Promise.all(Array.from({ length: 40 }, () => leases.take([claim], start)))
  await leases.take([claim], start)
  const left = (await leases.take([claim], start))[0]?.remaining ?? 0
  await leases.charge([{ ...claim, amount: left - 5 }], start)
  expect(charges).toEqual([])
  await leases.charge([{ ...claim, amount: 25 }], start)
  expect(charges).toEqual([20])
  await leases.charge([{ ...claim, amount: -1 }], start)
  await leases.take([claim], start)
  expect(charges).toEqual([20])
  await leases.charge([{ ...claim, amount: 7 }], start + 6_000)
  expect(charges).toEqual([20, 7])
})
