import { ConfigurationError, type Ledger, type ReportDimension, type ReportQuery, type ReportRow } from '@sluice/core'
import { ledgerContract, reportOracle, sampleEntries, sampleEntry } from '@sluice/core/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defaultMemoryLedgerOptions, memoryLedger } from './memory-ledger.ts'

describe('the ledger contract', () => {
  for (const { name, run } of ledgerContract({ create: async () => memoryLedger() })) test(name, run)
})

const dimensions: readonly ReportDimension[] = ['session', 'developer', 'repository', 'model', 'agent', 'kind', 'outcome', 'hour', 'day']
const queries: fc.Arbitrary<ReportQuery> = fc.record(
  {
    groupBy: fc.array(fc.constantFrom(...dimensions), { maxLength: 3 }),
    since: fc.constantFrom(Date.UTC(2026, 9, 25, 1), Date.UTC(2026, 10, 24, 12, 30)),
    until: fc.constantFrom(Date.UTC(2026, 10, 1, 6), Date.UTC(2026, 10, 24, 12, 45)),
    timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kolkata', 'Asia/Kathmandu', 'Australia/Lord_Howe'),
    where: fc.record({ model: fc.constant('claude-opus-5-5'), kind: fc.constant('main') }, { requiredKeys: [] }),
  },
  { requiredKeys: ['groupBy'] },
)

const withoutPercentiles = (rows: readonly ReportRow[]) => rows.map(({ firstByteMillis: _first, durationMillis: _duration, ...sums }) => sums)

async function appendAll(ledger: Ledger, entries: ReturnType<typeof sampleEntries>): Promise<void> {
  for (const entry of entries) await ledger.append(entry)
}

test('any report equals the obvious, slow one', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat({ max: 150 }), queries, async (seed, count, query) => {
      const entries = sampleEntries(seed, count)
      const ledger = memoryLedger()
      await appendAll(ledger, entries)
      expect(await ledger.report(query)).toEqual(reportOracle(entries, query))
    }),
    { numRuns: 150 },
  )
})

test('sums stay exact by every dimension, hour and day in every time zone when entries have been folded', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.integer({ min: 60, max: 119 }), queries, async (seed, maxEntries, query) => {
      // One part an entry, and fewer folded than kept: there are rows of sums for all of them.
      const entries = sampleEntries(seed, 120).filter(({ cost }) => cost.lines.length < 2)
      const ledger = memoryLedger({ maxEntries })
      await appendAll(ledger, entries)
      expect(withoutPercentiles(await ledger.report(query))).toEqual(withoutPercentiles(reportOracle(entries, query)))
    }),
    { numRuns: 150 },
  )
})

test('exchanges on several models still count once in all, and once per model, when they have been folded', async () => {
  const entries = Array.from({ length: 40 }, (_, index) =>
    sampleEntry({
      exchangeId: `ex_${index}`,
      parts: [
        { model: 'sonnet', costNanoUsd: 3n },
        { model: 'opus', role: 'compaction', state: 'assumed', costNanoUsd: 5n },
      ],
    }),
  )
  const ledger = memoryLedger({ maxEntries: 10 })
  await appendAll(ledger, entries)
  expect([ledger.size, ledger.foldedRows]).toEqual([10, 2])
  for (const groupBy of [[], ['model']] as const)
    expect(withoutPercentiles(await ledger.report({ groupBy }))).toEqual(withoutPercentiles(reportOracle(entries, { groupBy })))
  expect(await ledger.exchanges({ limit: 100 })).toEqual(entries.slice(30).toReversed())
})

test('memory is bounded: beyond the bound sums keep their time, and at last only their time', async () => {
  const ledger = memoryLedger({ maxEntries: 100 })
  const start = Date.UTC(2026, 10, 24)
  for (let index = 0; index < 5_000; index += 1) {
    await ledger.append(
      sampleEntry({ startedAt: start + index * 1_000, labels: { session: `s${index}` }, parts: [{ costNanoUsd: 1n }, { model: 'opus', costNanoUsd: 1n }] }),
    )
  }
  expect(ledger.size).toBe(100)
  expect(ledger.foldedRows).toBeLessThanOrEqual(100 + 6)
  const [all] = await ledger.report({ groupBy: [] })
  expect([all?.exchanges, all?.costNanoUsd]).toEqual([5_000, 10_000n])
  expect((await ledger.report({ groupBy: ['hour'] })).map(({ group, exchanges }) => [group.hour, exchanges])).toEqual([
    ['2026-11-24T00', 3_600],
    ['2026-11-24T01', 1_400],
  ])
  const bySession = await ledger.report({ groupBy: ['session'] })
  expect(bySession[0]).toMatchObject({ group: { session: null }, exchanges: 4_850 })
})

test('what was folded is in the percentiles no more', async () => {
  const ledger = memoryLedger({ maxEntries: 1 })
  const startedAt = Date.UTC(2026, 10, 24)
  await appendAll(ledger, [sampleEntry({ startedAt, endedAt: startedAt + 1 }), sampleEntry({ startedAt, endedAt: startedAt + 9 })])
  expect(await ledger.report({ groupBy: [] })).toMatchObject([{ exchanges: 2, durationMillis: { p50: 9, p90: 9, p99: 9 } }])
})

test('a bound that is no bound is refused by name, and the default is the documented one', () => {
  for (const maxEntries of [0, -1, 1.5, NaN, Infinity]) expect(() => memoryLedger({ maxEntries })).toThrow(ConfigurationError)
  expect(() => memoryLedger({ maxEntries: 0 })).toThrow('memoryLedger.maxEntries: 0 is not a positive whole number.')
  expect(defaultMemoryLedgerOptions.maxEntries).toBe(100_000)
})
