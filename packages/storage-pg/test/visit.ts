import { sampleEntry } from '@sluice/core/testing'
import pg from 'pg'
import { migrate, pgStore } from '../src/index.ts'

/** What a visit saw. */
export interface Visit {
  readonly rows: number
  readonly exchanges: number
  readonly isGranted: boolean
  readonly spent: string
  readonly secret: string
}

/** What any runtime must be able to do: every port once, on the database of this URL. */
export async function visit(url: string): Promise<Visit> {
  const pool = new pg.Pool({ connectionString: url, max: 4 })
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
  await store.close()
  await pool.end()
  return { rows: rows.length, exchanges: rows.reduce((sum, { exchanges }) => sum + exchanges, 0), isGranted, spent: String(balance?.spent), secret }
}
