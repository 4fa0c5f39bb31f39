import { newExchangeId, type LedgerEntry, type ReportDimension, type ReportQuery } from '@sluice/core'
import { entryDimensions } from '@sluice/core/ledger'
import { reportOracle, sampleEntries, sampleEntry } from '@sluice/core/testing'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { eachDatabase } from '../test/each-database.ts'
import { watchedPool } from '../test/watched-pool.ts'
import { pgLedger, type PgLedger } from './pg-ledger.ts'
import { pgStore } from './pg-store.ts'

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
const noon = Date.UTC(2026, 10, 24, 12)

/** Entries as a gateway makes them: the id carries the start. */
const ownEntries = (seed: number, count: number): readonly LedgerEntry[] =>
  sampleEntries(seed, count).map((entry) => ({ ...entry, exchangeId: newExchangeId(entry.startedAt) }))

const dimensions: readonly ReportDimension[] = [...entryDimensions, 'hour', 'day']
const instants = fc.oneof(
  fc.constantFrom(-Infinity, Infinity, 0, Date.UTC(2026, 10, 24, 12) + 0.5, Number.MAX_SAFE_INTEGER),
  fc.constantFrom(Date.UTC(2026, 9, 25, 1), Date.UTC(2026, 10, 24, 12, 30), Date.UTC(2026, 10, 25), Date.UTC(2026, 2, 8)),
  fc.integer({ min: Date.UTC(2026, 9, 24, 22), max: Date.UTC(2026, 9, 26, 4) }),
  fc.integer({ min: Date.UTC(2026, 10, 24), max: Date.UTC(2026, 10, 25, 6) }),
)
const queries: fc.Arbitrary<ReportQuery> = fc.record(
  {
    groupBy: fc.array(fc.constantFrom(...dimensions), { maxLength: 3 }),
    since: instants,
    until: instants,
    timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kolkata', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'America/New_York'),
    percentiles: fc.boolean(),
    limit: fc.constantFrom(0, 1, 5, 1_000),
    where: fc.record(
      {
        model: fc.constant('claude-opus-5-5'),
        kind: fc.constant('main'),
        session: fc.constant("o'brien; drop table entries; --"),
        developer: fc.constant('ada'),
        organisation: fc.constant('acme'),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ['groupBy'] },
)

eachDatabase((database) => {
  const fresh = async (): Promise<PgLedger> => pgLedger(database().pool, { schema: await database().freshSchema() })

  describe('reports', () => {
    const entries = [...ownEntries(3, 300), ...sampleEntries(4, 300)]
    let ledger: PgLedger
    beforeAll(async () => {
      ledger = await fresh()
      await Promise.all(entries.map((entry) => ledger.append(entry)))
    })

    test('any report equals the obvious, slow one, wherever it begins and ends', async () => {
      await fc.assert(
        fc.asyncProperty(queries, async (query) => {
          expect(await ledger.report(query)).toEqual(reportOracle(entries, query).slice(0, query.limit))
        }),
        { numRuns: 250 },
      )
    }, 60_000)
  })

  test('entries whose ids carry their time are kept once, whoever races, without a table of ids', async () => {
    const schema = await database().freshSchema()
    const ledgers = [1, 2, 3].map(() => pgLedger(database().pool, { schema }))
    const entries = ownEntries(7, 60)
    await Promise.all(ledgers.flatMap((ledger) => entries.map((entry) => ledger.append(entry))))
    expect((await ledgers[0]?.report({ groupBy: [] }))?.[0]).toEqual(reportOracle(entries, { groupBy: [] })[0])
    const { rows } = await database().pool.query(`select from ${schema}.foreign_ids`)
    expect(rows.length).toBe(0)
    // An id that says another day than the exchange started on is not believed, and is kept once all the same.
    const [odd] = [{ ...sampleEntry({ startedAt: noon }), exchangeId: newExchangeId(noon - 5 * day) }]
    await Promise.all(ledgers.map((ledger) => ledger.append(odd)))
    await ledgers[1]?.append({ ...odd, startedAt: noon - 5 * day })
    expect(await ledgers[2]?.exchanges({ id: odd.exchangeId })).toEqual([odd])
  })

  test('one id is one exchange, also when a second append says that it started on another day', async () => {
    const ledger = await fresh()
    const first = sampleEntry({ exchangeId: 'ex_days', startedAt: noon })
    await Promise.all([0, 1, 2, 3].map((days) => ledger.append({ ...first, startedAt: noon + days * day, endedAt: noon + days * day + 5 })))
    expect((await ledger.exchanges({ id: 'ex_days' })).length).toBe(1)
    expect((await ledger.report({ groupBy: [] }))[0]?.exchanges).toBe(1)
  })

  test('R23: an entry that the database refuses rejects alone, and the rest of its batch is kept', async () => {
    const ledger = await fresh()
    const noise = Array.from({ length: 9_000 }, (_, index) => String.fromCodePoint(0x4e00 + ((index * 7919) % 20_000))).join('')
    const poisoned = [sampleEntry({ exchangeId: `ex_${noise}` }), sampleEntry({ startedAt: -1 }), sampleEntry({ startedAt: Number.NaN })]
    const entries = Array.from({ length: 60 }, (_, index) =>
      sampleEntry({
        labels: { session: index % 9 === 0 ? `nul \0 and \ud800 ${noise}` : 's' },
        upstreamRequestId: `${index} ${noise}`,
        messageId: `\0${index}`,
      }),
    )
    const results = await Promise.allSettled([...entries.slice(0, 30), ...poisoned, ...entries.slice(30)].map((entry) => ledger.append(entry)))
    const refused = results.filter((result) => result.status === 'rejected')
    expect(refused.map(({ reason }: { reason: unknown }) => reason)).toEqual(
      [1, 2, 3].map(() => expect.objectContaining({ name: 'StoreError', code: 'rejected', isTransient: false })),
    )
    expect((await ledger.report({ groupBy: [] }))[0]?.exchanges).toBe(60)
    expect((await ledger.exchanges({ session: `nul \0 and \ud800 ${noise}` })).length).toBe(7)
    expect((await ledger.exchanges({ id: `5 ${noise}` })).length).toBe(1)
  })

  test('appends that come together are written together', async () => {
    const schema = await database().freshSchema()
    const watched = watchedPool(database().pool)
    const ledger = pgLedger(watched.pool, { schema })
    await ledger.append(sampleEntry())
    watched.texts.length = 0
    await Promise.all(Array.from({ length: 300 }, () => ledger.append(sampleEntry())))
    expect(watched.texts.filter((text) => text.includes('file_entries')).length).toBe(1)
    await ledger.close()
    await expect(ledger.append(sampleEntry())).rejects.toMatchObject({ code: 'closed' })
    expect((await ledger.report({ groupBy: [] }))[0]?.exchanges).toBe(301)
  })

  test('J2: no report reads single exchanges, unless for percentiles or where it begins or ends within a quarter of an hour', async () => {
    const schema = await database().freshSchema()
    const watched = watchedPool(database().pool)
    const ledger = pgLedger(watched.pool, { schema })
    const entries = ownEntries(9, 50)
    await Promise.all(entries.map((entry) => ledger.append(entry)))
    const readsEntries = async (query: ReportQuery): Promise<boolean> => {
      watched.texts.length = 0
      expect(await ledger.report(query)).toEqual(reportOracle(entries, query))
      return watched.texts.some((text) => /\.entries\b/.test(text))
    }
    for (const one of dimensions) {
      for (const two of dimensions) {
        expect(await readsEntries({ groupBy: [one, two], timeZone: 'Asia/Kathmandu', since: noon - day, until: noon + 15 * minute }), `${one}, ${two}`).toBe(
          false,
        )
      }
    }
    expect(await readsEntries({ groupBy: [], until: noon + 1 })).toBe(true)
    expect(await readsEntries({ groupBy: [], percentiles: true })).toBe(true)
  })

  test('what may take long goes through a pool of its own where there is one, and what exchanges wait for never does', async () => {
    const schema = await database().freshSchema()
    const [pool, reportPool] = [watchedPool(database().pool), watchedPool(database().pool)]
    const store = pgStore(pool.pool, { schema, reportPool: reportPool.pool })
    const entry = sampleEntry()
    await store.ledger.provisional.open(entry, 'owner')
    await store.ledger.append(entry)
    await store.budgets.balances([{ account: 'a', bucket: 0, firstBucket: 0 }])
    expect(reportPool.texts).toEqual([])
    pool.texts.length = 0
    expect((await store.ledger.report({ groupBy: [] })).length).toBe(1)
    expect((await store.ledger.exchanges({})).length).toBe(1)
    await store.maintain(noon)
    expect(pool.texts).toEqual([])
    expect(reportPool.texts.length).toBeGreaterThan(3)
  })

  describe('maintenance', () => {
    const partitions = async (schema: string): Promise<readonly string[]> => {
      const { rows } = await database().pool.query<{ name: string }>(
        `select c.relname as name from pg_class c join pg_inherits i on i.inhrelid = c.oid where c.relnamespace = '${schema}'::regnamespace and c.relkind = 'r' order by 1`,
      )
      return rows.map(({ name }) => name)
    }

    test('J1: days expire by dropping their table; their sums stay, and reports that end within one take the quarter that began before', async () => {
      const schema = await database().freshSchema()
      const store = pgStore(database().pool, { schema, retentionDays: 2 })
      const starts = [0, 1, 2, 3].flatMap((days) => [noon + days * day, noon + days * day + 20 * minute])
      const entries = starts.flatMap((startedAt) => [sampleEntry({ startedAt }), { ...sampleEntry({ startedAt }), exchangeId: newExchangeId(startedAt) }])
      await Promise.all(entries.map((entry) => store.ledger.append(entry)))
      const whole = await store.ledger.report({ groupBy: ['day', 'hour', 'developer'] })
      expect(await store.maintain(noon + 3 * day)).toEqual({ dropped: ['entries_20261124'], postponed: [] })
      expect(await store.maintain(noon + 3 * day)).toEqual({ dropped: [], postponed: [] })
      expect(await store.ledger.report({ groupBy: ['day', 'hour', 'developer'] })).toEqual(whole)
      expect((await store.ledger.exchanges({})).length).toBe(12)
      const count = async (query: Omit<ReportQuery, 'groupBy'>): Promise<number> => (await store.ledger.report({ groupBy: [], ...query }))[0]?.exchanges ?? 0
      expect([await count({ until: noon + 1 }), await count({ until: noon + 16 * minute }), await count({ since: noon + 1 })]).toEqual([2, 4, 14])
      expect([await count({ since: noon + day + 1 }), await count({ until: noon + day + 1 })]).toEqual([10, 6])
      const { rows } = await database().pool.query(`select from ${schema}.foreign_ids`)
      expect(rows.length).toBe(6)
    })

    test('sums expire by the month where that is asked for', async () => {
      const schema = await database().freshSchema()
      const store = pgStore(database().pool, { schema, retentionDays: 10, rollupRetentionDays: 40 })
      for (const startedAt of [Date.UTC(2026, 8, 30), Date.UTC(2026, 9, 20), noon]) await store.ledger.append(sampleEntry({ startedAt }))
      const { dropped } = await store.maintain(noon)
      expect(dropped.filter((name) => name.startsWith('spend'))).toEqual([
        'spend_days_202609',
        'spend_days_by_kind_202609',
        'spend_hours_202609',
        'spend_sessions_202609',
        'spend_threads_202609',
      ])
      expect((await store.ledger.report({ groupBy: ['day'] })).map(({ group }) => group.day)).toEqual(['2026-10-20', '2026-11-24'])
    })

    test('partitions are made ahead, by however many callers, and on demand where nobody did', async () => {
      const schema = await database().freshSchema()
      const store = pgStore(database().pool, { schema })
      const outcomes = await Promise.all(Array.from({ length: 10 }, () => store.maintain(Date.UTC(2026, 10, 29, 5))))
      expect(outcomes).toEqual(outcomes.map(() => ({ dropped: [], postponed: [] })))
      const ahead = ['20261129', '20261130', '20261201', '20261202'].map((suffix) => `entries_${suffix}`)
      const months = ['spend_days', 'spend_days_by_kind', 'spend_hours', 'spend_sessions', 'spend_threads'].flatMap((table) => [
        `${table}_202611`,
        `${table}_202612`,
      ])
      expect(await partitions(schema)).toEqual([...ahead, ...months])
      const ledgers = Array.from({ length: 5 }, () => pgLedger(database().pool, { schema }))
      await Promise.all(
        ledgers.flatMap((ledger, index) => [3, 1, 2, 0].map((days) => ledger.append(sampleEntry({ startedAt: noon + ((index + days) % 5) * 40 * day })))),
      )
      expect((await store.ledger.report({ groupBy: [] }))[0]?.exchanges).toBe(20)
    })

    test('a retention must be a positive whole number of days', () => {
      for (const retentionDays of [0, -1, 1.5, Number.NaN, Infinity])
        expect(() => pgStore(database().pool, { retentionDays })).toThrow(expect.objectContaining({ name: 'ConfigurationError', option: 'retentionDays' }))
      expect(() => pgStore(database().pool, { rollupRetentionDays: 0 })).toThrow(expect.objectContaining({ option: 'rollupRetentionDays' }))
    })
  })

  test('an entry recovered under an own id gives way to the truth in every sum', async () => {
    const ledger = await fresh()
    const entries = ownEntries(12, 20)
    await Promise.all(entries.map((entry) => ledger.provisional.open(entry, 'crashed')))
    expect((await ledger.provisional.recover(0, 100)).length).toBe(20)
    const truth = entries.map((entry) => sampleEntry({ exchangeId: entry.exchangeId, startedAt: entry.startedAt + hour, labels: { session: 'true' } }))
    await Promise.all([...truth, ...entries].map((entry) => ledger.append(entry)))
    for (const groupBy of [[], ['session', 'hour'], ['model', 'kind'], ['day', 'developer']] as const)
      expect(await ledger.report({ groupBy })).toEqual(reportOracle(truth, { groupBy }))
  })
})
