import { sampleEntry } from '@sluice/core/testing'
import pg from 'pg'
import { migrate, pgStore } from '../src/index.ts'

/** What any runtime must be able to do: every port once, on the database whose URL is the last argument. Prints what it saw. */
const pool = new pg.Pool({ connectionString: process.argv.at(-1) ?? '', max: 4 })
await migrate(pool)
const store = pgStore(pool)
await store.maintain(await store.time.now())
await Promise.all(
  Array.from({ length: 20 }, (_, index) =>
    store.ledger.append(sampleEntry({ exchangeId: `ex_visit_${index}`, labels: { developer: `developer ${index % 3}` } })),
  ),
)
const rows = await store.ledger.report({ groupBy: ['developer'], percentiles: true })
const slot = { account: 'visit', bucket: 0, firstBucket: 0 }
const { isGranted } = await store.budgets.reserve({ holdId: 'visit', claims: [{ ...slot, amount: 5n, cap: 5n }], expiresAt: 1 })
const [[balance] = []] = await store.budgets.settle([{ holdId: 'visit', charges: [{ ...slot, amount: 3n }] }])
await store.scopes.add({ path: 'acme', level: 'organisation', createdAt: 1 })
const secret = await store.secret('visit', () => 'made')
console.log(
  JSON.stringify({ rows: rows.length, exchanges: rows.reduce((sum, { exchanges }) => sum + exchanges, 0), isGranted, spent: String(balance?.spent), secret }),
)
await store.close()
await pool.end()
