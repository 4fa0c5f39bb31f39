import { reportOracle } from '@sluice/core/testing'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openSqlite } from '../src/index.ts'
import { startChild, temporaryFolder } from './processes.ts'

const folder = await temporaryFolder()
const slot = { account: 'team', bucket: 0, firstBucket: 0 }

test(
  'J6: a process that is killed twenty times at random points loses nothing that it acknowledged, and leaves no stale lock',
  { timeout: 120_000 },
  async () => {
    const path = join(folder, 'killed.db')
    const acknowledged = {
      reserved: new Set<string>(),
      opened: new Set<string>(),
      appended: new Set<string>(),
      settled: new Set<string>(),
      audited: new Set<string>(),
    }
    for (let run = 0; run < 20; run += 1) {
      const child = startChild('write', path, `run${run}`)
      await child.said(2 + ((run * 7_919) % 600))
      await child.kill()
      expect(child.lines[0]).toMatch(/^open \d+$/)
      for (const line of child.lines.slice(1)) {
        const [what, id] = line.split(' ') as [keyof typeof acknowledged, string]
        acknowledged[what].add(id)
      }

      const store = await openSqlite(path)
      const entries = await store.ledger.exchanges({ limit: Infinity })
      const kept = new Set(entries.map(({ exchangeId }) => exchangeId))
      expect([...acknowledged.appended].filter((id) => !kept.has(id))).toEqual([])
      for (const groupBy of [[], ['session', 'day']] as const) expect(await store.ledger.report({ groupBy })).toEqual(reportOracle(entries, { groupBy }))

      const recovered = await store.ledger.provisional.recover(0, Infinity)
      for (const { exchangeId } of recovered) kept.add(exchangeId)
      expect([...acknowledged.opened].filter((id) => !kept.has(id))).toEqual([])

      const [before] = await store.budgets.balances([slot])
      const booked = await store.budgets.bookExpired(2, Infinity)
      expect(before?.held).toBe(10n * BigInt(booked.length))
      const [after] = await store.budgets.balances([slot])
      expect(after).toEqual({ spent: (before?.spent ?? 0n) + 10n * BigInt(booked.length), held: 0n })
      const held = await Promise.all([...acknowledged.settled].map((holdId) => store.budgets.draw({ holdId, expiresAt: 1, draws: [] })))
      expect(held).not.toContain(true)
      expect((before?.spent ?? 0n) >= 3n * BigInt(acknowledged.settled.size)).toBe(true)

      const audit = await store.audit.read({ limit: Infinity })
      expect(audit.map(({ sequence }) => sequence)).toEqual(audit.map((_record, index) => index + 1))
      const audited = new Set(audit.map(({ subject }) => subject))
      expect([...acknowledged.audited].filter((id) => !audited.has(id))).toEqual([])
      await store.close()
    }
    expect(acknowledged.settled.size).toBeGreaterThan(100)
  },
)
