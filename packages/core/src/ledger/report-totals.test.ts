import { fc, test as property } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import type { ReportDimension, ReportQuery } from '../ports/ledger.ts'
import { reportOracle } from '../testing/report-oracle.ts'
import { sampleEntries } from '../testing/sample-entries.ts'
import { sampleEntry } from '../testing/sample-entry.ts'
import { entryDimensions, ReportTotals, reportRows } from './report-totals.ts'

const dimensions: readonly ReportDimension[] = [...entryDimensions, 'hour', 'day']
const instant = fc.constantFrom(Date.UTC(2026, 2, 29), Date.UTC(2026, 9, 25, 1), Date.UTC(2026, 10, 24, 12, 30))

const queries: fc.Arbitrary<ReportQuery> = fc.record(
  {
    groupBy: fc.array(fc.constantFrom(...dimensions), { maxLength: 4 }),
    percentiles: fc.boolean(),
    since: instant,
    until: instant,
    timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'Asia/Kathmandu'),
    where: fc.record(
      { model: fc.constantFrom('claude-opus-5-5', 'in-house-1'), developer: fc.constantFrom('ada', '\u{1F6F6}'), outcome: fc.constant('completed') },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ['groupBy'] },
)

property.prop([fc.nat(), fc.nat({ max: 200 }), queries], { numRuns: 300 })('a report equals that of the obvious, slow implementation', (seed, count, query) => {
  const entries = sampleEntries(seed, count)
  expect(reportRows(entries, query)).toEqual(reportOracle(entries, query))
})

test('a report filtered by one model equals its row in a report by model', () => {
  const entries = sampleEntries(7, 500)
  for (const row of reportRows(entries, { groupBy: ['model'] })) {
    if (row.group.model === null) continue
    const [filtered] = reportRows(entries, { groupBy: [], where: { model: row.group.model as string } })
    expect(filtered).toEqual({ ...row, group: {} })
  }
})

test('an unknown dimension or time zone is refused even where it decides nothing', () => {
  expect(() => new ReportTotals({ groupBy: [], timeZone: 'Mars/Olympus' })).toThrow(RangeError)
  expect(() => new ReportTotals({ groupBy: ['shoe size' as ReportDimension] })).toThrow('"shoe size" is not a dimension')
  expect(() => new ReportTotals({ groupBy: [], where: { day: '2026-01-01' } as never })).toThrow(RangeError)
})

test('an exchange that failed without usage is found under the model it asked for', () => {
  const entry = sampleEntry({ parts: [], outcome: { kind: 'failed' }, requestedModel: 'claude-opus-5-5' })
  expect(reportRows([entry], { groupBy: ['model', 'outcome'] })).toMatchObject([
    { group: { model: 'claude-opus-5-5', outcome: 'failed' }, exchanges: 1, costNanoUsd: 0n, partialExchanges: 0 },
  ])
})
