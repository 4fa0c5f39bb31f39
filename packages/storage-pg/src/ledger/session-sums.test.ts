import { newExchangeId, type LedgerEntry, type ReportQuery } from '@sluice/core'
import { reportOracle, sampleEntries, sampleEntry } from '@sluice/core/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eachDatabase } from '../../test/each-database.ts'
import { watchedPool } from '../../test/watched-pool.ts'
import { migrate } from '../migrate.ts'
import { migrations } from '../migrations/index.ts'
import { pgLedger, type PgLedger } from '../pg-ledger.ts'
import { pgStore } from '../pg-store.ts'
import { toEntryDocument } from './entry-document.ts'

const day = 86_400_000
const noon = Date.UTC(2026, 10, 24, 12)

/** What reads sums by day and session, and the same beside finer sums. */
const queries: readonly ReportQuery[] = [
  { groupBy: ['session'] },
  { groupBy: ['session', 'developer', 'repository'], limit: 7 },
  { groupBy: ['session'], limit: 4, percentiles: true },
  { groupBy: ['model', 'session', 'day'] },
  { groupBy: ['session'], where: { developer: 'ada' }, since: noon - 20 * day, until: noon + 2 * day },
  { groupBy: ['session', 'organisation'], since: Date.UTC(2026, 9, 25, 1), until: Date.UTC(2026, 10, 24, 13), limit: 10 },
]

eachDatabase((database) => {
  let schemas = 0
  const ledgerOfVersion = async (version: number, entries: readonly LedgerEntry[]): Promise<string> => {
    const schema = `sessions_${(schemas += 1)}`
    await migrate(database().pool, { schema, migrations: migrations.slice(0, version) })
    await database().pool.query(`select ${schema}.file_entries($1::jsonb, false)`, [`[${entries.map((entry) => toEntryDocument(entry).json).join(',')}]`])
    return schema
  }

  test('J2: a report of months by session reads no quarters but those at its ends, and never single exchanges', async () => {
    const watched = watchedPool(database().pool)
    const schema = await database().freshSchema()
    const ledger = pgLedger(watched.pool, { schema })
    const entries = sampleEntries(5, 200)
    await Promise.all(entries.map((entry) => ledger.append(entry)))
    const whole: ReportQuery = { groupBy: ['session', 'developer'], since: Date.UTC(2026, 0), until: Date.UTC(2027, 0) }
    for (const query of [{ groupBy: ['session'] }, { groupBy: ['session', 'day'] }, whole] as const) {
      watched.texts.length = 0
      expect(await ledger.report(query)).toEqual(reportOracle(entries, query))
      expect(watched.texts.filter((text) => /\.(entries|spend_threads)\b/.test(text))).toEqual([])
    }
  })

  test('R24: a ledger that is older than its sums by session answers exactly, before, while and after they are filled, whoever appends meanwhile', async () => {
    const entries = sampleEntries(21, 240)
    const [old, late] = [entries.slice(0, 120), entries.slice(120)]
    const schema = await ledgerOfVersion(7, old)
    await migrate(database().pool, { schema })
    const [first, ...others] = [1, 2, 3].map(() => pgLedger(database().pool, { schema })) as [PgLedger, PgLedger, PgLedger]
    const ledgers = [first, ...others]
    const isFilled = async (): Promise<boolean> => (await database().pool.query(`select from ${schema}.sessions_since`)).rows.length === 0
    expect(await isFilled()).toBe(false)
    let appended = 0
    while (!(await isFilled())) {
      const more = late.slice(appended, appended + 10)
      appended += more.length
      await Promise.all([
        ...more.map((entry, index) => (ledgers[index % 3] as PgLedger).append(entry)),
        ...ledgers.map(() => database().pool.query(`select ${schema}.fill_sessions()`)),
      ])
      for (const query of queries)
        expect(await first.report(query), JSON.stringify(query)).toEqual(reportOracle([...old, ...late.slice(0, appended)], query).slice(0, query.limit))
    }
    await Promise.all(late.slice(appended).map((entry) => first.append(entry)))
    for (const query of queries) expect(await others[1].report(query)).toEqual(reportOracle(entries, query).slice(0, query.limit))
  })

  test('R24: maintenance fills a month of days a call, and what was recovered gives way in days that it has filled', async () => {
    const starts = Array.from({ length: 40 }, (_, index) => noon - index * day)
    const old = starts.map((startedAt, index) => sampleEntry({ startedAt, exchangeId: newExchangeId(startedAt), labels: { session: `s${index % 7}` } }))
    const schema = await ledgerOfVersion(7, old)
    await migrate(database().pool, { schema })
    const store = pgStore(database().pool, { schema })
    const since = async (): Promise<unknown> =>
      (await database().pool.query<{ day: number }>(`select first_day as day from ${schema}.sessions_since`)).rows[0]?.day
    const today = Math.floor(noon / day)
    expect(await since()).toBe(today + 1)
    await store.maintain(noon)
    expect(await since()).toBe(today - 30)
    const lost = starts.map((startedAt) => sampleEntry({ startedAt, exchangeId: newExchangeId(startedAt), labels: { session: 'lost' } }))
    for (const entry of lost) await store.ledger.provisional?.open(entry, 'crashed')
    await store.ledger.provisional?.recover(0, 100)
    await store.maintain(noon)
    expect(await since()).toBeUndefined()
    const truth = lost.map((entry, index) => sampleEntry({ ...entry, labels: { session: `s${index % 3}` } }))
    for (const entry of truth) await store.ledger.append(entry)
    for (const query of queries) expect(await store.ledger.report(query)).toEqual(reportOracle([...old, ...truth], query).slice(0, query.limit))
  })

  test('any report by session is the same from the coarser sums as from the finer', async () => {
    const schema = await database().freshSchema()
    const ledger = pgLedger(database().pool, { schema })
    const entries = sampleEntries(33, 300)
    await Promise.all(entries.map((entry) => ledger.append(entry)))
    const days = entries.map(({ startedAt }) => Math.floor(startedAt / day))
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...queries),
        fc.constantFrom(...days),
        fc.constantFrom(...days),
        fc.nat(day),
        fc.option(fc.constantFrom(...days), { nil: undefined }),
        async (query, from, to, offset, since) => {
          await database().pool.query(`delete from ${schema}.sessions_since`)
          if (since !== undefined) await database().pool.query(`insert into ${schema}.sessions_since (first_day) values ($1)`, [since])
          const asked = { ...query, since: Math.min(from, to) * day + offset, until: (Math.max(from, to) + 1) * day }
          expect(await ledger.report(asked)).toEqual(reportOracle(entries, asked).slice(0, asked.limit))
        },
      ),
      { numRuns: 100 },
    )
  }, 60_000)
})
