import fc from 'fast-check'
import { expect, test } from 'vitest'
import { quarterMillis } from './entry-document.ts'
import { reportRange, stretchesOf, type SumTable } from './report-range.ts'

const tables: readonly SumTable[] = [
  { name: 'days', quarters: 96 },
  { name: 'hours', quarters: 4 },
  { name: 'quarters', quarters: 1 },
]
const instants = fc.integer({ min: -3 * 96 * quarterMillis, max: 3 * 96 * quarterMillis })

test('whole quarters and edges cover a range once, and nothing else', () => {
  fc.assert(
    fc.property(fc.option(instants, { nil: undefined }), fc.option(instants, { nil: undefined }), instants, (since, until, instant) => {
      const range = reportRange({ ...(since !== undefined && { since }), ...(until !== undefined && { until }) }, -Infinity)
      const quarter = Math.floor(instant / quarterMillis)
      const { quarters, edges } = range
      const inQuarters = quarters !== undefined && quarter >= (quarters.from ?? -Infinity) && quarter < (quarters.to ?? Infinity)
      const inEdges = edges.filter(({ from, to }) => instant >= from && instant < to).length
      expect(Number(inQuarters) + inEdges).toBe(instant >= (since ?? -Infinity) && instant < (until ?? Infinity) ? 1 : 0)
    }),
    { numRuns: 2_000 },
  )
})

test('of what is no longer kept whole, a quarter counts where its start does', () => {
  fc.assert(
    fc.property(instants, instants, instants, (since, until, instant) => {
      const start = Math.floor(instant / quarterMillis) * quarterMillis
      const { quarters, edges } = reportRange({ since, until }, Infinity)
      expect(edges).toEqual([])
      const quarter = start / quarterMillis
      const isCounted = quarters !== undefined && quarter >= (quarters.from ?? -Infinity) && quarter < (quarters.to ?? Infinity)
      expect(isCounted).toBe(start >= since && start < until)
    }),
    { numRuns: 2_000 },
  )
})

const bounds = fc.option(fc.integer({ min: -300, max: 300 }), { nil: undefined })

test('stretches cover a span of quarters once, by the coarsest tables', () => {
  fc.assert(
    fc.property(bounds, bounds, fc.integer({ min: -600, max: 600 }), (from, to, quarter) => {
      const stretches = stretchesOf({ from, to }, tables)
      const covering = stretches.filter(({ table, periods }) => {
        const period = Math.floor(quarter / table.quarters)
        return period >= (periods.from ?? -Infinity) && period < (periods.to ?? Infinity)
      })
      expect(covering.length).toBe(quarter >= (from ?? -Infinity) && quarter < (to ?? Infinity) ? 1 : 0)
      for (const { table, periods } of stretches) {
        const count = (periods.to ?? Infinity) - (periods.from ?? -Infinity)
        if (table.name === 'hours') expect(count).toBeLessThan(48)
        if (table.name === 'quarters') expect(count).toBeLessThan(8)
      }
    }),
    { numRuns: 2_000 },
  )
})

test('stretches take nothing from a table that does not have it yet, and cover the span all the same', () => {
  fc.assert(
    fc.property(bounds, bounds, fc.integer({ min: -4, max: 4 }), fc.integer({ min: -600, max: 600 }), (from, to, since, quarter) => {
      const stretches = stretchesOf({ from, to }, [{ name: 'days', quarters: 96, since }, ...tables.slice(2)])
      const covering = stretches.filter(({ table, periods }) => {
        const period = Math.floor(quarter / table.quarters)
        return period >= (periods.from ?? -Infinity) && period < (periods.to ?? Infinity)
      })
      expect(covering.length).toBe(quarter >= (from ?? -Infinity) && quarter < (to ?? Infinity) ? 1 : 0)
      for (const { table, periods } of stretches) if (table.name === 'days') expect(periods.from).toBeGreaterThanOrEqual(since)
    }),
    { numRuns: 2_000 },
  )
})
