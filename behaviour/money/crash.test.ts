import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { crashAndCompare, reservationNanoUsd } from './crash.ts'
import { withBudget } from './store.ts'

const folder = await mkdtemp(join(tmpdir(), 'sluice-crash-'))
afterAll(() => rm(folder, { recursive: true }))

/** A few dozen for every run; `SLUICE_KILLS=200` for the proof that the documentation names. */
const kills = Number(process.env['SLUICE_KILLS'] ?? 12)

/** The most that a lease takes of this budget. */
const leaseNanoUsd = 20_000_000_000n

test.each([{ isLeased: false }, { isLeased: true }])(
  `killed ${kills} times under load, a gateway on SQLite has exactly what its upstream billed (leased: $isLeased)`,
  async ({ isLeased }) => {
    const store = await withBudget(`sqlite:${join(folder, `leased-${isLeased}.db`)}`)
    const found = await crashAndCompare({ store, kills, isLeased, clients: 8 })
    console.log(found)
    expect(found.faults).toEqual([])
    expect(found.settled).toBeGreaterThan(kills)
    expect(found.booked).toBeGreaterThan(0)
    expect(found.heldNanoUsd).toBe(0n)
    // What was reserved when the process died is booked, also where it had not been sent yet; a lease may book more. Less only where it died between the two books: then the
    // budget has the true cost, and the ledger the estimate.
    expect(found.spentNanoUsd - found.ledgerNanoUsd).toBeGreaterThanOrEqual(-BigInt(kills) * 8n * reservationNanoUsd)
    const mostBookedAtOneKill = isLeased ? leaseNanoUsd + 8n * reservationNanoUsd : 8n * reservationNanoUsd
    expect(found.spentNanoUsd - found.ledgerNanoUsd).toBeLessThanOrEqual(BigInt(kills) * mostBookedAtOneKill)
  },
  600_000,
)
