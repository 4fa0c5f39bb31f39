import type { Clock } from '@sluice/core'
import {
  auditLogContract,
  budgetBookContract,
  keyRingContract,
  ledgerContract,
  policyShelfContract,
  provisionalContract,
  rateBookContract,
  scopeTreeContract,
  type Contract,
} from '@sluice/core/testing'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { openSqlite, type SqliteStore } from '../src/index.ts'

const folder = await mkdtemp(join(tmpdir(), 'storage-sqlite-'))
afterAll(() => rm(folder, { recursive: true }))

let files = 0

/** One port of a store in a file of its own, for a contract; the store it belongs to is found again by the port. */
function source<Port extends object>(port: (store: SqliteStore) => Port) {
  const stores = new WeakMap<Port, SqliteStore>()
  const opened = async (path: string, clock?: Clock): Promise<Port> => {
    const store = await openSqlite(path, clock && { clock })
    stores.set(port(store), store)
    return port(store)
  }
  const storeOf = (one: Port) => stores.get(one) as SqliteStore
  return {
    create: (clock?: Clock) => opened(join(folder, `${(files += 1)}.db`), clock),
    destroy: (one: Port) => storeOf(one).close(),
    reopen: async (one: Port) => {
      const { database, close } = storeOf(one)
      await close()
      return opened(database.path, database.clock)
    },
  }
}

const contracts: Readonly<Record<string, readonly Contract[]>> = {
  ledger: ledgerContract(source(({ ledger }) => ledger)),
  'ledger with provisional entries': provisionalContract(source(({ ledger }) => ledger)),
  'budget book': budgetBookContract(source(({ budgets }) => budgets)),
  'key ring': keyRingContract(source(({ keys }) => keys)),
  'scope tree': scopeTreeContract(source(({ scopes }) => scopes)),
  'audit log': auditLogContract(source(({ audit }) => audit)),
  'policy shelf': policyShelfContract(source(({ policies }) => policies)),
  'rate book': rateBookContract(source(({ rates }) => rates)),
}

describe.each(Object.entries(contracts))('the contract of a %s', (_name, cases) => {
  for (const { name, run } of cases) test(name, run)
})
