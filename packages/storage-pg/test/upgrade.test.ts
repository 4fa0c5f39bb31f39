import { newExchangeId } from '@sluice/core'
import { sampleEntry } from '@sluice/core/testing'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrate, migrations, pgStore } from '../src/index.ts'
import { toEntryDocument } from '../src/ledger/entry-document.ts'
import { createDatabase, hasPostgres } from './databases.ts'

/** `SLUICE_UPGRADE_ROWS=1000000` for the proof with a ledger of that size. */
const rows = Number(process.env['SLUICE_UPGRADE_ROWS'] ?? 5_000)
/** The version that is in use before: the newest whose statements the ones after it must leave alone. */
const before = 5
const seededAt = Date.UTC(2026, 10, 24, 12)

describe.skipIf(!hasPostgres)('an upgrade under live traffic', () => {
  let pool: pg.Pool
  beforeAll(async () => {
    pool = new pg.Pool({ connectionString: await createDatabase(), max: 12 })
    await migrate(pool, { migrations: migrations.slice(0, before) })
  })
  afterAll(() => pool.end())

  const file = (entry: Parameters<typeof toEntryDocument>[0]) =>
    pool.query('select sluice.file_entries($1::jsonb, false)', [`[${toEntryDocument(entry).json}]`])

  test(
    `R24: with ${rows} rows, replicas of the version before work on while the schema changes under them, no call fails, and nothing is lost or counted twice`,
    { timeout: 900_000 },
    async () => {
      await file(sampleEntry({ exchangeId: newExchangeId(seededAt), startedAt: seededAt }))
      await pool.query(
        `insert into sluice.entries select e.day, e.exchange_id || n, e.started_at, e.session, e.agent, e.upstream_request_id, e.message_id, e.first_byte_millis, e.duration_millis, e.labels, e.entry
         from sluice.entries e, generate_series(2, $1::integer) n`,
        [rows],
      )
      for (const table of ['spend_days', 'spend_hours', 'spend_days_by_kind', 'spend_threads'])
        await pool.query(`update sluice.${table} set exchanges = $1::bigint, leading_exchanges = $1::bigint`, [rows])

      const done = { appended: 0, settled: 0, longestMillis: 0, isOver: false }
      /** Statements of the version before, word for word. */
      const replica = async (name: number): Promise<void> => {
        for (let turn = 0; !done.isOver; turn += 1) {
          const startedAt = performance.now()
          await file(sampleEntry({ exchangeId: newExchangeId(seededAt + turn), startedAt: seededAt + turn }))
          done.appended += 1
          const holdId = `${name}-${turn}`
          await pool.query(
            `select sluice.reserve_hold($1, $2::bigint, array['team', $3], array[0, 0]::bigint[], array[0, 0]::bigint[], array[5, 5]::numeric[], array[null, null]::numeric[])`,
            [holdId, Date.UTC(2100, 0), `replica-${name}`],
          )
          await pool.query(
            `select sluice.settle_holds(array[$1], array['team', $2], array[0, 0]::bigint[], array[0, 0]::bigint[], array[1, 1], array[1, 2], array[3, 3]::numeric[])`,
            [holdId, `replica-${name}`],
          )
          done.settled += 1
          done.longestMillis = Math.max(done.longestMillis, performance.now() - startedAt)
        }
      }
      const replicas = Promise.all([1, 2, 3, 4].map(replica))
      const reached = async (settled: number): Promise<void> => {
        while (done.settled < settled && !done.isOver) await Promise.race([replicas, new Promise((resolve) => setTimeout(resolve, 20))])
      }
      try {
        await reached(40)
        const startedAt = performance.now()
        const { applied } = await migrate(pool)
        console.log(
          `migrated ${rows} rows in ${Math.round(performance.now() - startedAt)} ms; the longest turn of a replica took ${Math.round(done.longestMillis)} ms`,
        )
        expect(applied).toEqual(migrations.slice(before).map(({ version }) => version))
        // A replica of the new version joins those of the old one.
        const store = pgStore(pool)
        await store.checkSchema()
        const slot = { account: 'team', bucket: 0, firstBucket: 0 }
        await reached(done.settled + 20)
        for (let turn = 0; turn < 20; turn += 1) {
          await store.ledger.append(sampleEntry({ exchangeId: newExchangeId(seededAt + turn), startedAt: seededAt + turn }))
          await store.budgets.settle([{ holdId: `new-${turn}`, charges: [{ ...slot, amount: 3n }] }])
        }
        // Sums that the version before did not have are filled while its replicas add to that very day.
        await store.maintain(seededAt)
        await reached(done.settled + 20)
        done.isOver = true
        await replicas
        const { rows: unfilled } = await pool.query('select from sluice.sessions_since')
        expect(unfilled).toEqual([])
        for (const groupBy of [[], ['session']] as const) {
          const [row] = await store.ledger.report({ groupBy })
          expect(row?.exchanges).toBe(rows + done.appended + 20)
        }
        const { rows: counted } = await pool.query<{ count: string }>('select count(*)::text as count from sluice.entries')
        expect(Number(counted[0]?.count)).toBe(rows + done.appended + 20)
        expect(await store.budgets.balances([slot])).toEqual([{ spent: 3n * BigInt(done.settled + 20), held: 0n }])
        const { rows: waits } = await pool.query<{ deadlocks: string }>('select deadlocks::text from pg_stat_database where datname = current_database()')
        expect(waits[0]?.deadlocks).toBe('0')
        await store.close()
      } finally {
        done.isOver = true
        await replicas.catch(() => undefined)
      }
    },
  )
})
