import type { BudgetBook, Ledger } from '@sluice/core'
import { migrate, pgStore } from '@sluice/storage-pg'
import { openSqlite } from '@sluice/storage-sqlite'
import pg from 'pg'

/** What a proof needs of a store. */
export interface ProofStore {
  readonly ledger: Ledger
  readonly budgets: BudgetBook
  readonly close: () => Promise<void>
}

/** Opens `sqlite:PATH` or `postgres://…`. */
export async function openStore(url: string): Promise<ProofStore> {
  if (url.startsWith('sqlite:')) return openSqlite(url.slice('sqlite:'.length))
  const pool = new pg.Pool({ connectionString: url, max: 8 })
  pool.on('error', () => undefined)
  await migrate(pool)
  const store = pgStore(pool)
  return {
    ledger: store.ledger,
    budgets: store.budgets,
    close: async () => {
      await store.close()
      await pool.end()
    },
  }
}
