import type { ReportQuery } from '@sluice/core'
import { reportOracle, sampleEntries, sampleEntry } from '@sluice/core/testing'
import { expect, test } from 'vitest'
import { openSqlite } from './index.ts'

const minute = 60_000
const day = 86_400_000
const noon = Date.UTC(2026, 10, 24, 12)

test('J1: days expire in lots; their sums stay, by session too, and reports that end within one take the quarter that began before', async () => {
  const { ledger, maintain, close } = await openSqlite(':memory:', { retentionDays: 2 })
  const starts = [0, 1, 2, 3].flatMap((days) => [noon + days * day, noon + days * day + 20 * minute])
  await Promise.all(
    starts.flatMap((startedAt) => ['s1', 's2'].map((session) => ledger.append(sampleEntry({ startedAt, labels: { session, developer: 'ada' } })))),
  )
  const queries: readonly ReportQuery[] = [
    { groupBy: ['day', 'hour', 'developer'] },
    { groupBy: ['session', 'day'] },
    { groupBy: ['hour'], where: { session: 's1' } },
    { groupBy: [], since: noon + 15 * minute, until: noon + day + 15 * minute },
    { groupBy: ['day'], timeZone: 'Asia/Kathmandu', until: noon + 3 * day },
  ]
  const whole = await Promise.all(queries.map((query) => ledger.report(query)))
  expect(await maintain(noon + 3 * day)).toEqual({ forgottenEntries: 4, forgottenSums: 0, isMoreLeft: false })
  expect(await maintain(noon + 3 * day)).toEqual({ forgottenEntries: 0, forgottenSums: 0, isMoreLeft: false })
  expect(await Promise.all(queries.map((query) => ledger.report(query)))).toEqual(whole)
  expect((await ledger.exchanges({})).length).toBe(12)
  const count = async (query: Omit<ReportQuery, 'groupBy'>): Promise<number> => (await ledger.report({ groupBy: [], ...query }))[0]?.exchanges ?? 0
  expect([await count({ until: noon + 1 }), await count({ until: noon + 16 * minute }), await count({ since: noon + 1 })]).toEqual([2, 4, 14])
  expect([await count({ since: noon + day + 1 }), await count({ until: noon + day + 1 }), await count({ since: noon + 2, until: noon + 1 })]).toEqual([
    10, 6, 0,
  ])
  expect(await count({ percentiles: true })).toBe(16)
  const [row] = await ledger.report({ groupBy: [], percentiles: true, until: noon + day })
  expect([row?.exchanges, row?.durationMillis]).toEqual([4, undefined])
  await close()
})

test('J1: what comes late for a day that has expired is in the sums, once, and no day comes back', async () => {
  const { ledger, maintain, close } = await openSqlite(':memory:', { retentionDays: 1 })
  await maintain(noon + 5 * day)
  const entries = sampleEntries(5, 60).map((entry) => ({ ...entry, startedAt: noon + 10 * minute, endedAt: noon + 11 * minute }))
  await Promise.all(entries.map((entry) => ledger.append(entry)))
  // A clock that went back.
  await maintain(noon - 30 * day)
  for (const groupBy of [[], ['session', 'model'], ['hour', 'kind']] as const)
    expect(await ledger.report({ groupBy })).toEqual(reportOracle(entries, { groupBy }))
  expect((await maintain(noon + 5 * day)).forgottenEntries).toBe(60)
  for (const groupBy of [[], ['session', 'model'], ['hour', 'kind']] as const)
    expect(await ledger.report({ groupBy })).toEqual(reportOracle(entries, { groupBy }))
  await close()
})

test('J1: a report that is being made while its days expire misses none of them', async () => {
  const { ledger, maintain, close } = await openSqlite(':memory:', { retentionDays: 1 })
  const entries = Array.from({ length: 3_000 }, (_, index) => sampleEntry({ startedAt: noon + index * minute }))
  await Promise.all(entries.map((entry) => ledger.append(entry)))
  const asked = ledger.report({ groupBy: ['day'], percentiles: true })
  const { forgottenEntries } = await maintain(noon + 40 * day)
  expect(forgottenEntries).toBe(3_000)
  expect((await asked).reduce((sum, { exchanges }) => sum + exchanges, 0)).toBe(3_000)
  await close()
})

test('what begins to expire in a large store is forgotten over several calls, and others get their turn', async () => {
  const { database, ledger, maintain, close } = await openSqlite(':memory:', { retentionDays: 1 })
  await database.write(() =>
    database
      .prepare(
        `insert into entries (exchange_id, started_at, is_recovered, json)
         with recursive numbers (number) as (select 1 union all select number + 1 from numbers where number < 20500) select 'ex_' || number, number, 0, '{}' from numbers`,
      )
      .run(),
  )
  let appended = 0
  const first = maintain(noon)
  while (appended < 5) {
    await ledger.append(sampleEntry({ startedAt: noon }))
    appended += 1
  }
  expect(await first).toEqual({ forgottenEntries: 20_000, forgottenSums: 0, isMoreLeft: true })
  expect(await maintain(noon)).toEqual({ forgottenEntries: 500, forgottenSums: 0, isMoreLeft: false })
  expect(await ledger.exchanges({})).toHaveLength(5)
  await close()
})

test('sums expire where that is asked for', async () => {
  const { ledger, maintain, close } = await openSqlite(':memory:', { retentionDays: 10, rollupRetentionDays: 40 })
  for (const startedAt of [noon - 41 * day, noon - 40 * day, noon - 20 * day, noon]) await ledger.append(sampleEntry({ startedAt }))
  expect(await maintain(noon)).toEqual({ forgottenEntries: 3, forgottenSums: 2, isMoreLeft: false })
  expect((await ledger.report({ groupBy: ['day'] })).map(({ group }) => group.day)).toEqual(['2026-10-15', '2026-11-04', '2026-11-24'])
  expect((await ledger.report({ groupBy: [] }))[0]?.exchanges).toBe(3)
  await close()
})

test('a retention must be a positive whole number of days', async () => {
  for (const retentionDays of [0, -1, 1.5, Number.NaN, Infinity])
    await expect(openSqlite(':memory:', { retentionDays })).rejects.toMatchObject({ name: 'ConfigurationError', option: 'retentionDays' })
  await expect(openSqlite(':memory:', { rollupRetentionDays: 0 })).rejects.toMatchObject({ option: 'rollupRetentionDays' })
})
