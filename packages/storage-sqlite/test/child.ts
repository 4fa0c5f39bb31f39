/**
 * A process that has a store, for tests that kill it. `node child.ts hold PATH` opens the store, says so and waits; `node child.ts write PATH RUN` works on it without end.
 * Each line on its standard output is something that the store has acknowledged.
 */
import { sampleEntry } from '@sluice/core/testing'
import { writeSync } from 'node:fs'
import { openSqlite, type SqliteStore } from '../src/index.ts'

const [mode = '', path = '', run = ''] = process.argv.slice(2)

/** Written before the next statement runs, so that a kill cannot lose it. */
function say(...words: readonly (string | number)[]): void {
  writeSync(1, `${words.join(' ')}\n`)
}

/** Four workers, so that kills also hit transactions that several share. */
async function work(store: SqliteStore, worker: number): Promise<never> {
  for (let index = 0; ; index += 1) {
    const id = `${run}.${worker}.${index}`
    const slot = { account: 'team', bucket: 0, firstBucket: 0 }
    const entry = sampleEntry({ exchangeId: id, startedAt: index * 7_919, labels: { session: `s${index % 5}` }, parts: [{ costNanoUsd: 1_000_000_007n }] })
    await store.budgets.reserve({ holdId: id, claims: [{ ...slot, amount: 10n }], expiresAt: 1 })
    say('reserved', id)
    await store.ledger.provisional.open(entry, run)
    say('opened', id)
    if (index % 3 === 0) continue
    await store.ledger.append(entry)
    say('appended', id)
    await store.budgets.settle([{ holdId: id, charges: [{ ...slot, amount: 3n }] }])
    say('settled', id)
    const last = await store.audit.last()
    const sequence = (last?.sequence ?? 0) + 1
    const hash = sequence.toString(16).padStart(64, '0')
    const record = { sequence, at: index, actor: run, action: 'test', subject: id, contentHash: hash, previousHash: last?.hash ?? '0'.repeat(64), hash }
    if (await store.audit.append(record)) say('audited', id)
  }
}

try {
  const store = await openSqlite(path)
  say('open', process.pid)
  if (mode === 'write') await Promise.all([0, 1, 2, 3].map((worker) => work(store, worker)))
  else setInterval(() => undefined, 60_000)
} catch (error) {
  say('failed', String(error))
}
