import type { LedgerEntry, ReportDimension, ReportQuery } from '@sluice/core'
import { entryDimensions, listEntries } from '@sluice/core/ledger'
import { reportOracle, sampleEntries, sampleEntry } from '@sluice/core/testing'
import fc from 'fast-check'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openSqlite } from './index.ts'

const dimensions: readonly ReportDimension[] = [...entryDimensions, 'hour', 'day']
const instant = fc.constantFrom(
  Date.UTC(2026, 2, 29),
  Date.UTC(2026, 9, 25, 1),
  Date.UTC(2026, 9, 25, 1, 0, 0, 1),
  Date.UTC(2026, 10, 24, 12, 37, 11, 5),
  Date.UTC(2026, 10, 24, 12, 40),
  Date.UTC(2026, 10, 24, 12, 45),
)
const queries: fc.Arbitrary<ReportQuery> = fc.record(
  {
    groupBy: fc.array(fc.constantFrom(...dimensions), { maxLength: 4 }),
    percentiles: fc.boolean(),
    since: instant,
    until: instant,
    timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'Asia/Kathmandu'),
    where: fc.record(
      {
        model: fc.constantFrom('claude-opus-5-5', 'in-house-1'),
        developer: fc.constantFrom('ada', '\u{1F6F6}'),
        outcome: fc.constant('completed'),
        costCentre: fc.constant('acme/cc_2'),
        repository: fc.constantFrom('', '100%_\\'),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ['groupBy'] },
)

test('any report equals the obvious, slow one, also where recovered entries gave way to others', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat({ max: 120 }), fc.array(queries, { minLength: 1, maxLength: 5 }), async (seed, count, asked) => {
      const entries = sampleEntries(seed, count)
      const { ledger, close } = await openSqlite(':memory:')
      const estimates = sampleEntries(seed + 1, count).map((entry, index): LedgerEntry => ({
        ...entry,
        exchangeId: (entries[index] as LedgerEntry).exchangeId,
      }))
      await Promise.all(estimates.slice(0, count / 2).map((entry) => ledger.provisional.open(entry, 'gone')))
      await ledger.provisional.recover(0, Infinity)
      await Promise.all(entries.map((entry) => ledger.append(entry)))
      for (const query of asked) expect(await ledger.report(query)).toEqual(reportOracle(entries, query))
      await close()
    }),
    { numRuns: 100 },
  )
})

test('any list equals the obvious, slow one', async () => {
  const entries = sampleEntries(9, 300)
  const { ledger, close } = await openSqlite(':memory:')
  await Promise.all(entries.map((entry) => ledger.append(entry)))
  const some = fc.constantFrom(...entries)
  const asked = fc.record(
    {
      since: some.map(({ startedAt }) => startedAt),
      until: some.map(({ startedAt }) => startedAt),
      id: some.chain(({ exchangeId, messageId, upstreamRequestId }) => fc.constantFrom(exchangeId, messageId ?? '', upstreamRequestId ?? 'none')),
      session: some.map(({ attribution }) => attribution.session?.value ?? ''),
      limit: fc.constantFrom(0, 1, 7, 2.5, -3, Infinity),
    },
    { requiredKeys: [] },
  )
  await fc.assert(
    fc.asyncProperty(asked, async (query) => {
      expect(await ledger.exchanges(query)).toEqual(listEntries(entries, query))
    }),
    { numRuns: 500 },
  )
  await close()
})

test('money beyond 2^63 nano-dollars in all is summed exactly', async () => {
  const { ledger, close } = await openSqlite(':memory:')
  const large = 2n ** 62n + 999_999_999n
  await Promise.all(Array.from({ length: 40 }, (_, index) => ledger.append(sampleEntry({ parts: [{ costNanoUsd: large + BigInt(index) }] }))))
  expect((await ledger.report({ groupBy: ['developer'] }))[0]?.costNanoUsd).toBe(large * 40n + 780n)
  await close()
})

test('what is appended while a report is being made is in it whole or not at all', async () => {
  const { ledger, close } = await openSqlite(':memory:')
  const start = Date.UTC(2026, 0, 1)
  const entry = (index: number): LedgerEntry =>
    sampleEntry({ startedAt: start + index * 6 * 3_600_000, parts: [{ costNanoUsd: 5n }, { model: 'other', role: 'compaction', costNanoUsd: 7n }] })
  await Promise.all(Array.from({ length: 100 }, (_, index) => ledger.append(entry(index))))
  const [report] = await Promise.all([ledger.report({ groupBy: [] }), ...Array.from({ length: 100 }, (_, index) => ledger.append(entry(index)))])
  const row = report?.[0]
  expect(row?.exchanges).toBeGreaterThanOrEqual(100)
  expect(row?.costNanoUsd).toBe(12n * BigInt(row?.exchanges ?? 0))
  await close()
})

test('what an earlier process left open is recovered at once, whatever it had said; what this one says holds', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'storage-sqlite-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'left.db')
  const earlier = await openSqlite(path)
  const [left, mine] = sampleEntries(4, 2) as [LedgerEntry, LedgerEntry]
  await earlier.ledger.provisional.keepAlive('earlier', Infinity)
  await earlier.ledger.provisional.open(left, 'earlier')
  expect(await earlier.ledger.provisional.recover(1_000, 10)).toEqual([])
  await earlier.close()
  const { ledger, close } = await openSqlite(path)
  await ledger.provisional.keepAlive('present', 2_000)
  await ledger.provisional.open(mine, 'present')
  expect(await ledger.provisional.recover(1_000, 10)).toEqual([left])
  expect(await ledger.provisional.recover(2_000, 10)).toEqual([mine])
  await close()
})

test('rows of exchanges that are over serve the next ones, and bring nothing back when entries are forgotten or the process is a new one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'storage-sqlite-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'slots.db')
  const day = 86_400_000
  const entries = Array.from({ length: 40 }, (_, index) => sampleEntry({ exchangeId: `ex_${index}`, startedAt: index }))
  const first = await openSqlite(path, { retentionDays: 1 })
  for (let at = 0; at < 30; at += 5) {
    const some = entries.slice(at, at + 5)
    await Promise.all(some.map((entry) => first.ledger.provisional.open(entry, 'p1')))
    await Promise.all(some.map((entry) => first.ledger.append(entry)))
  }
  const rows = (store: typeof first): number => Number(store.database.prepare('select count(*) as rows from provisional_slots').get()?.['rows'])
  expect(rows(first)).toBe(5)
  await first.ledger.provisional.open(entries[30] as LedgerEntry, 'p1')
  await first.close()
  const second = await openSqlite(path, { retentionDays: 1 })
  await Promise.all(entries.slice(31, 35).map((entry) => second.ledger.provisional.open(entry, 'p2')))
  expect(rows(second)).toBe(5)
  await Promise.all(entries.slice(31, 35).map((entry) => second.ledger.append(entry)))
  expect((await second.maintain(10 * day)).forgottenEntries).toBe(34)
  expect((await second.ledger.provisional.recover(0, 100)).map(({ exchangeId }) => exchangeId)).toEqual(['ex_30'])
  await second.close()
})

test('holds that have ended stay ended when what is remembered of them is forgotten', async () => {
  const { budgets, database, close } = await openSqlite(':memory:', { clock: { now: () => 1_000, after: () => () => undefined } })
  const claim = { account: 'team', bucket: 0, firstBucket: 0, amount: 5n }
  for (let hold = 0; hold < 70; hold += 1) {
    await budgets.reserve({ holdId: `h${hold}`, claims: [claim], expiresAt: 2_000 })
    await budgets.settle([{ holdId: `h${hold}`, charges: [{ ...claim, amount: 1n }] }])
  }
  // The newest are still in both tables.
  expect(Number(database.prepare('select count(*) as rows from holds').get()?.['rows'])).toBe(6)
  expect(await budgets.bookExpired(5_000, 100)).toEqual([])
  await budgets.prune(5_000)
  expect(await budgets.bookExpired(5_000, 100)).toEqual([])
  expect(await budgets.balances([claim])).toEqual([{ spent: 70n, held: 0n }])
  await close()
})
