import type { LedgerEntry } from '@sluice/core'
import { sampleEntry } from '@sluice/core/testing'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrate, pgStore, StoreError, type PgStore } from '../src/index.ts'
import { postgresBinaries, startPostgres, type TestServer } from './postgres.ts'

const binaries = postgresBinaries()

describe.skipIf(binaries === undefined)('a server that is killed under load and started again', () => {
  let server: TestServer
  let pool: pg.Pool
  let store: PgStore
  const lost: Error[] = []
  beforeAll(async () => {
    server = await startPostgres(binaries as string)
    pool = new pg.Pool({ connectionString: await server.createDatabase(), max: 8, connectionTimeoutMillis: 2_000 })
    await migrate(pool)
    store = pgStore(pool, { onConnectionLost: (error) => void lost.push(error) })
  }, 30_000)
  afterAll(async () => {
    await store.close()
    await pool.end()
    await server.stop()
  })

  const slot = { account: 'team', bucket: 0, firstBucket: 0 }
  const appended = async (entry: LedgerEntry): Promise<boolean> =>
    store.ledger.append(entry).then(
      () => true,
      () => false,
    )

  test('R23: everything that was acknowledged is there, once; it works again by itself within seconds; what was not acknowledged may be sent again', async () => {
    const tried: LedgerEntry[] = []
    const acknowledged = new Set<string>()
    const errors: unknown[] = []
    const held = new Set<string>()
    const over = new AbortController()
    const load = Array.from({ length: 16 }, async (_, caller) => {
      for (let index = 0; !over.signal.aborted; index += 1) {
        const entry = sampleEntry({ exchangeId: `ex_${caller}_${index}`, labels: { session: `s${caller}` }, parts: [{ costNanoUsd: 1n }] })
        tried.push(entry)
        try {
          held.add(entry.exchangeId)
          await store.budgets.reserve({ holdId: entry.exchangeId, claims: [{ ...slot, amount: 5n }], expiresAt: Date.UTC(2100, 0) })
          await store.ledger.append(entry)
          acknowledged.add(entry.exchangeId)
          await store.budgets.settle([{ holdId: entry.exchangeId, charges: [{ ...slot, amount: 1n }] }])
        } catch (error) {
          errors.push(error)
          await sleep(20)
        }
      }
    })
    while (acknowledged.size < 300) await sleep(10)
    await server.kill()
    const before = acknowledged.size
    await sleep(700)
    await server.start()
    const restartedAt = performance.now()
    while (!(await appended(sampleEntry({ exchangeId: `ex_probe_${tried.length}`, parts: [{ costNanoUsd: 0n }] }))))
      expect(performance.now() - restartedAt).toBeLessThan(5_000)
    while (acknowledged.size < before + 300) await sleep(10)
    over.abort()
    await Promise.all(load)

    const listed = (await store.ledger.exchanges({ limit: 1_000_000 })).map(({ exchangeId }) => exchangeId)
    expect(new Set(listed).size).toBe(listed.length)
    expect([...acknowledged].filter((id) => !listed.includes(id))).toEqual([])
    expect((await store.ledger.report({ groupBy: [] }))[0]?.exchanges).toBe(listed.length)
    expect(errors.length).toBeGreaterThan(0)
    expect(errors.filter((error) => !(error instanceof StoreError && error.isTransient))).toEqual([])

    for (const entry of tried) await store.ledger.append(entry)
    await store.budgets.settle(tried.map(({ exchangeId }) => ({ holdId: exchangeId, charges: [{ ...slot, amount: 1n }] })))
    const [row] = await store.ledger.report({ groupBy: [], where: { model: 'claude-opus-5-5' } })
    expect(row?.costNanoUsd).toBe(BigInt(tried.length))
    expect(await store.budgets.balances([slot])).toEqual([{ spent: BigInt(tried.length), held: 0n }])
  }, 60_000)

  test('while the server is away every verb rejects with an error that says it may pass', async () => {
    await server.kill()
    const calls: readonly Promise<unknown>[] = [
      store.ledger.append(sampleEntry()),
      store.ledger.report({ groupBy: [] }),
      store.keys.find('abcdefgh'),
      store.scopes.list({}),
      store.budgets.claimThreshold('team', 0, 80),
      store.rates.take([{ bucket: 'b', amount: 1, capacity: 1, perMillis: 1 }], 0),
      store.audit.last(),
      store.time.now(),
    ]
    const outcomes = await Promise.allSettled(calls)
    expect(outcomes.map((outcome) => (outcome.status === 'rejected' ? (outcome.reason as StoreError).code : outcome.value))).toEqual(
      calls.map(() => 'unreachable'),
    )
    await server.start()
    expect(await store.keys.find('abcdefgh')).toBeUndefined()
    expect(Math.abs((await store.time.now()) - Date.now())).toBeLessThan(60_000)
    expect(lost.length).toBeGreaterThan(0)
  }, 60_000)
})
