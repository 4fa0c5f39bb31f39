import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nthGreatest } from './nth-greatest.ts'

test('the n-th greatest is that of the values sorted, in whatever order they come', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -50, max: 1_000 }), { maxLength: 600 }), fc.integer({ min: 1, max: 40 }), (values, n) => {
      expect(nthGreatest(values, n)).toBe(values.toSorted((left, right) => right - left)[n - 1] ?? -Infinity)
    }),
  )
})

test('for no values at all nothing is great enough', () => {
  for (const none of [0, -3, 0.5, NaN]) expect(nthGreatest([1, 2], none)).toBe(Infinity)
  for (const all of [3, Infinity]) expect(nthGreatest([1, 2], all)).toBe(-Infinity)
})
