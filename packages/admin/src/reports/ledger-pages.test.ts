import { fc, test as property } from '@fast-check/vitest'
import { sampleEntry } from '@sluice/core/testing'
import { memoryLedger } from '@sluice/storage-memory'
import { expect } from 'vitest'
import { newestEntries } from './ledger-pages.ts'

const instants = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 0, maxLength: 12 })

property.prop([instants, fc.integer({ min: 1, max: 3_000 })], { numRuns: 20, examples: [[[4, 2, 3, 5, 5, 3, 3], 3_000]] })(
  'every entry is read once, newest first, however many share an instant and wherever pages end; a bound cuts the oldest',
  async (groups, most) => {
    const ledger = memoryLedger()
    let count = 0
    for (const [at, size] of groups.entries())
      for (let one = 0; one < size * 120; one += 1)
        await ledger.append(sampleEntry({ exchangeId: `ex_${String((count += 1)).padStart(6, '0')}`, startedAt: 1_000 + at, endedAt: 2_000 }))
    const { entries, isWhole } = await newestEntries(ledger, {}, most, () => Promise.resolve())
    const all = Array.from({ length: count }, (_, at) => `ex_${String(count - at).padStart(6, '0')}`)
    expect(entries.map(({ exchangeId }) => exchangeId)).toEqual(all.slice(0, most))
    expect(isWhole).toBe(count <= most)
  },
)
