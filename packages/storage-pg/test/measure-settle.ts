import pg from 'pg'
import { migrate, pgBudgetBook } from '../src/index.ts'
import { postgresBinaries, startPostgres } from './postgres.ts'

/**
 * How many charges a second eight writers settle in batches on the real server, and whether any of them had to be given up for a deadlock.
 * Run: node --conditions=sluice-source packages/storage-pg/test/measure-settle.ts
 */
const binaries = postgresBinaries()
if (binaries === undefined) throw new Error('PostgreSQL is not installed here.')
const server = await startPostgres(binaries, ['log_min_messages=panic'])
const pool = new pg.Pool({ connectionString: await server.createDatabase(), max: 8 })
await migrate(pool)
const book = pgBudgetBook(pool)

const [writers, holdsPerBatch, seconds] = [8, 250, 10]
const expiresAt = Date.UTC(2100, 0)
const slot = (account: string) => ({ account, bucket: 0, firstBucket: 0 })
const accounts = (writer: number, hold: number) => ['acme', `unit-${hold % 4}`, `team-${(hold * 7 + writer) % 40}`, `developer-${(hold * 13 + writer) % 500}`]

for (const isReserved of [false, true]) {
  let charges = 0
  let settling = 0
  const cpuBefore = server.cpuMillis()
  const end = performance.now() + seconds * 1_000
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      for (let batch = 0; performance.now() < end; batch += 1) {
        const holds = Array.from({ length: holdsPerBatch }, (_unused, index) => ({
          holdId: `h-${isReserved}-${writer}-${batch}-${index}`,
          names: accounts(writer, index),
        }))
        if (isReserved) {
          await pool.query(
            `insert into sluice.budget_holds select unnest($1::text[]), 0, $2::bigint, $3::text[], array[0,0,0,0]::bigint[], array[0,0,0,0]::bigint[], array[5,5,5,5]::numeric[], array[0,0,0,0]::numeric[]`,
            [holds.map(({ holdId }) => holdId), String(expiresAt), holds[0]?.names],
          )
        }
        const started = performance.now()
        await book.settle(holds.map(({ holdId, names }) => ({ holdId, charges: names.map((name) => ({ ...slot(name), amount: 3n })) })))
        settling += performance.now() - started
        charges += holdsPerBatch * 4
      }
    }),
  )
  const { rows } = await pool.query('select deadlocks::text from pg_stat_database where datname = current_database()')
  const perSecond = isReserved ? charges / (settling / writers / 1_000) : charges / seconds
  console.log(
    `${isReserved ? 'holds that were reserved' : 'charges without a hold'}: ${Math.round(perSecond)} charges/s, ${Math.round(charges / ((server.cpuMillis() - cpuBefore) / 1_000))} charges per second of processor time of the server, deadlocks ${rows[0]?.deadlocks}`,
  )
}
pool.on('error', () => undefined)
await pool.end()
await server.stop()
