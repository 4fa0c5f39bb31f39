import { ledgerContract, provisionalContract } from '@sluice/core/testing'
import { describe, test } from 'vitest'
import { eachDatabase } from '../test/each-database.ts'
import { pgLedger, type PgLedger } from './pg-ledger.ts'

eachDatabase((database) => {
  const schemas = new WeakMap<PgLedger, string>()
  const open = (schema: string): PgLedger => {
    const ledger = pgLedger(database().pool, { schema })
    schemas.set(ledger, schema)
    return ledger
  }
  const source = {
    create: async () => open(await database().freshSchema()),
    destroy: async (ledger: PgLedger) => {
      await ledger.close()
      database().release(schemas.get(ledger) as string)
    },
    reopen: async (ledger: PgLedger) => {
      await ledger.close()
      return open(schemas.get(ledger) as string)
    },
  }
  describe('the ledger contract', () => {
    for (const { name, run } of ledgerContract(source)) test(name, run)
  })
  describe('the contract of provisional entries', () => {
    for (const { name, run } of provisionalContract(source)) test(name, run)
  })
})
