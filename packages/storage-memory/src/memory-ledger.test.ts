import { ConfigurationError, type Ledger, type ReportDimension, type ReportQuery, type ReportRow } from '@sluice/core'
import { entryDimensions } from '@sluice/core/ledger'
import { ledgerContract, reportOracle, sampleEntries, sampleEntry } from '@sluice/core/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defaultMemoryLedgerOptions, memoryLedger } from './memory-ledger.ts'

describe('the ledger contract', () => {
  for (const { name, run } of ledgerContract({ create: async () => memoryLedger() })) test(name, run)
})

const dimensions: readonly ReportDimension[] = [...entryDimensions, 'hour', 'day']
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

test('nothing is mixed up when far more has come and gone than a block of columns or of text holds', { timeout: 60_000 }, async () => {
  const entries = sampleEntries(17, 14_000).filter(({ cost }) => cost.lines.length < 2)
  const ledger = memoryLedger({ maxEntries: 4_500 })
  await appendAll(ledger, entries)
  const kept = entries.slice(-4_500)
  const newest = kept.toSorted((left, right) => right.startedAt - left.startedAt || (left.exchangeId < right.exchangeId ? 1 : -1))
  expect(await ledger.exchanges({ limit: 10_000 })).toEqual(newest)
  expect(await ledger.exchanges({ limit: 7 })).toEqual(newest.slice(0, 7))
  expect(await ledger.exchanges({ session: '5f1c', limit: 50 })).toEqual(newest.filter(({ attribution }) => attribution.session?.value === '5f1c').slice(0, 50))
  expect(await ledger.exchanges({ id: entries[0]?.exchangeId as string })).toEqual([])
  for (const query of [{ groupBy: [] }, { groupBy: ['day', 'hour'], timeZone: 'Asia/Kathmandu' }] as const) {
    expect(withoutPercentiles(await ledger.report(query))).toEqual(withoutPercentiles(reportOracle(entries, query)))
  }
})

test('amounts beyond 2^53 and beyond 2^63 nano-dollars are exact, kept whole and folded', async () => {
  const costs = [2n ** 53n - 1n, 2n ** 53n + 1n, 2n ** 63n + 1n, -(2n ** 64n) - 1n, 1n, 2n ** 53n]
  const entries = costs.map((costNanoUsd) => sampleEntry({ parts: [{ costNanoUsd }] }))
  for (const maxEntries of [10, 3, 1]) {
    const ledger = memoryLedger({ maxEntries })
    await appendAll(ledger, entries)
    expect(await ledger.report({ groupBy: [] })).toMatchObject([{ exchanges: 6, costNanoUsd: costs.reduce((sum, cost) => sum + cost, 0n) }])
  }
})

test('a list by id finds what is far older than the newest, and nothing that only shares a hash', async () => {
  const ledger = memoryLedger()
  const start = Date.UTC(2026, 10, 24)
  await appendAll(
    ledger,
    Array.from({ length: 500 }, (_, index) => sampleEntry({ startedAt: start + index, upstreamRequestId: `req_${index}`, messageId: 'costarring' })),
  )
  expect(await ledger.exchanges({ id: 'req_3', limit: 1 })).toMatchObject([{ startedAt: start + 3 }])
  // These two have one FNV-1a hash.
  expect([await ledger.exchanges({ id: 'liquid' }), (await ledger.exchanges({ id: 'costarring' })).length]).toEqual([[], 100])
})

test('an id that has been evicted may come again', async () => {
  const ledger = memoryLedger({ maxEntries: 1 })
  await appendAll(
    ledger,
    ['a', 'b', 'b', 'a'].map((exchangeId) => sampleEntry({ exchangeId })),
  )
  expect(await ledger.report({ groupBy: [] })).toMatchObject([{ exchanges: 3 }])
})

test('what was folded is in the percentiles no more', async () => {
  const ledger = memoryLedger({ maxEntries: 1 })
  const startedAt = Date.UTC(2026, 10, 24)
  await appendAll(ledger, [sampleEntry({ startedAt, endedAt: startedAt + 1 }), sampleEntry({ startedAt, endedAt: startedAt + 9 })])
  expect(await ledger.report({ groupBy: [], percentiles: true })).toMatchObject([{ exchanges: 2, durationMillis: { p50: 9, p90: 9, p99: 9 } }])
})

test('a bound that is no bound is refused by name, and the default is the documented one', () => {
  for (const maxEntries of [0, -1, 1.5, NaN, Infinity]) expect(() => memoryLedger({ maxEntries })).toThrow(ConfigurationError)
  expect(() => memoryLedger({ maxEntries: 0 })).toThrow('memoryLedger.maxEntries: 0 is not a positive whole number.')
  expect(defaultMemoryLedgerOptions.maxEntries).toBe(100_000)
})
