import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RateTable } from './rate-table.ts'
import { bucketAfter, bucketAnswer, bucketAt, bucketFullAt, bucketRemaining, type RateBucket } from './token-bucket.ts'

const start = Date.UTC(2026, 10, 24, 12)
const rates = fc.record({ capacity: fc.integer({ min: 1, max: 10 ** 12 }), perMillis: fc.integer({ min: 1, max: 86_400_000 }) })
const smallRates = fc.record({ capacity: fc.integer({ min: 1, max: 60 }), perMillis: fc.integer({ min: 1, max: 5_000 }) })

test('takes of one over any stretch let through no more than the capacity and what fills up in it', () => {
  fc.assert(
    fc.property(smallRates, fc.array(fc.nat({ max: 400 }), { minLength: 1, maxLength: 200 }), (rate, gaps) => {
      const table = new RateTable()
      const takenAt: number[] = []
      let at = start
      for (const gap of gaps) {
        at += gap
        if (table.take([{ bucket: 'b', amount: 1, ...rate }], at)[0]?.isAllowed === true) takenAt.push(at)
      }
      for (const [first, from] of takenAt.entries()) {
        for (let last = first; last < takenAt.length; last += 1) {
          const stretch = (takenAt[last] as number) - from
          expect(last - first + 1).toBeLessThanOrEqual(rate.capacity + (rate.capacity * stretch) / rate.perMillis)
        }
      }
    }),
    { numRuns: 60 },
  )
})

test('a bucket that is asked at every instant lets through all that fills up, to the last one', () => {
  fc.assert(
    fc.property(smallRates, fc.integer({ min: 1, max: 4_000 }), (rate, millis) => {
      const table = new RateTable()
      const take = (amount: number, at: number): boolean => table.take([{ bucket: 'b', amount, ...rate }], at)[0]?.isAllowed === true
      take(rate.capacity, start)
      let through = 0
      for (let at = start + 1; at <= start + millis; at += 1) while (take(1, at)) through += 1
      expect(through).toBe(Math.floor((rate.capacity * millis) / rate.perMillis))
    }),
    { numRuns: 40 },
  )
})

test('however often and whenever somebody looks, a bucket is where it would be if nobody had', () => {
  fc.assert(
    fc.property(rates, fc.nat({ max: 10 ** 12 }), fc.array(fc.nat({ max: 10_000 }), { maxLength: 30 }), (rate, taken, gaps) => {
      const first = bucketAfter(bucketAt(undefined, rate, start), taken)
      let looked: RateBucket = first
      let at = start
      for (const gap of gaps) {
        at += gap
        looked = bucketAt(looked, rate, at)
      }
      expect(looked.missing).toBe(bucketAt(first, rate, at).missing)
    }),
  )
})

test('a refusal says to the millisecond how long to wait', () => {
  fc.assert(
    fc.property(
      rates,
      fc.double({ min: 0, max: 20, noNaN: true }),
      fc.nat({ max: 10 ** 12 }),
      fc.integer({ min: -10_000, max: 100_000 }),
      (rate, share, wanted, shift) => {
        const bucket = bucketAfter(bucketAt(undefined, rate, start), Math.ceil(rate.capacity * share))
        const amount = Math.min(wanted, rate.capacity)
        const at = start + shift
        const { isAllowed, remaining, retryAfterMillis } = bucketAnswer(bucketAt(bucket, rate, at), amount, at)
        expect(isAllowed).toBe(amount <= remaining)
        if (isAllowed) return
        const later = (millis: number): boolean => bucketAnswer(bucketAt(bucket, rate, at + millis), amount, at + millis).isAllowed
        expect([later(retryAfterMillis - 1), later(retryAfterMillis)]).toEqual([false, true])
      },
    ),
  )
})

test('a bucket is full at the instant it says, and not before; forgetting it from then on changes nothing', () => {
  fc.assert(
    fc.property(rates, rates, fc.double({ min: 0, max: 20, noNaN: true }), fc.nat({ max: 10_000 }), (rate, changed, share, later) => {
      const bucket = bucketAfter(bucketAt(undefined, rate, start), Math.ceil(rate.capacity * share) + 1)
      const fullAt = bucketFullAt(bucket)
      expect(bucketRemaining(bucketAt(bucket, rate, fullAt))).toBe(rate.capacity)
      expect(bucketAt(bucket, rate, fullAt - 1).missing > 0n).toBe(true)
      expect(bucketAt(bucket, changed, fullAt + later)).toEqual(bucketAt(undefined, changed, fullAt + later))
    }),
  )
})
