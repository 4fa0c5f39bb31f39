import { fc, test as property } from '@fast-check/vitest'
import { expect } from 'vitest'
import { sampleEntries } from '../testing/sample-entries.ts'
import { listEntries } from './list-entries.ts'

property.prop([fc.nat(), fc.nat({ max: 600 }), fc.nat({ max: 120 })], { numRuns: 100 })(
  'a short list of a long ledger is the head of the whole, sorted',
  (seed, count, limit) => {
    const entries = sampleEntries(seed, count)
    const sorted = entries.toSorted((left, right) => right.startedAt - left.startedAt || (left.exchangeId < right.exchangeId ? 1 : -1))
    expect(listEntries(entries, { limit })).toEqual(sorted.slice(0, limit))
  },
)
