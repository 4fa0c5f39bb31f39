import { checkBudget, type BudgetBook, type BudgetInput, type Ledger } from '@sluice/core'
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
  // A server that says nothing is given up on, and so is a connection that it does not answer on.
  const pool = new pg.Pool({ connectionString: url, max: 8, connectionTimeoutMillis: 2_000, query_timeout: 5_000 })
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

/** Puts one budget on the proofs' only key into the store at `url`; so large that it refuses nothing, unless told otherwise. Returns `url`. */
export async function withBudget(url: string, more: Partial<BudgetInput> = {}): Promise<string> {
  const store = await openStore(url)
  await store.budgets.define(
    checkBudget({
      id: 'all',
      subject: { key: 'static:ada' },
      unit: 'nano-usd',
      amount: 1_000_000_000_000n,
      window: { kind: 'total' },
      createdAt: Date.now(),
      ...more,
    }),
  )
  await store.close()
  return url
}
