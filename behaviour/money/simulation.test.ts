import { expect, test } from 'vitest'
import { playHistory } from './simulation.ts'

/** `SLUICE_HISTORIES=100000` for a long night, `SLUICE_SEED=n` for one history again. */
const histories = Number(process.env['SLUICE_HISTORIES'] ?? 3_000)
const first = Number(process.env['SLUICE_SEED'] ?? 1)
const last = process.env['SLUICE_SEED'] === undefined ? histories : first

test('C10, G1, R16, R23: whatever fails and dies, each request that was sent is in the ledger once, nothing stays held, and budgets hold what the ledger has', async () => {
  let [billed, crashes, recovered] = [0, 0, 0]
  const wrong: string[] = []
  for (let seed = first; seed <= last && wrong.length < 10; seed += 1) {
    const found = await playHistory(seed)
    for (const sentence of found.wrong) wrong.push(`seed ${seed}: ${sentence}`)
    billed += found.billed
    crashes += found.crashes
    recovered += found.recovered
  }
  expect(wrong).toEqual([])
  if (last > first + 100) expect([billed > 2 * histories, crashes > histories / 4, recovered > histories / 10]).toEqual([true, true, true])
}, 600_000)
