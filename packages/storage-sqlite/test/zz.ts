import { openSqlite } from '../src/index.ts'
import { sampleEntry } from '@sluice/core/testing'
import { rmSync, statSync } from 'node:fs'
const path = '/tmp/sqb/big.db'
for (const s of ['', '-wal', '-holder']) rmSync(path + s, { force: true })
const store = await openSqlite(path)
const rnd = () => Math.random().toString(36).slice(2, 14)
const start = Date.UTC(2026, 9, 1)
const t0 = performance.now()
let n = 0
for (let day = 0; day < 30; day++) {
  const batch: Promise<void>[] = []
  for (let dev = 0; dev < 100; dev++)
    for (let x = 0; x < 100; x++) {
      const startedAt = start + day * 86400000 + 8 * 3600000 + Math.floor((x * 8 * 3600000) / 100 + Math.random() * 60000)
      const session = `s-${day}-${dev}-${Math.floor(x / 34)}`
      batch.push(
        store.ledger.append(
          sampleEntry({
            exchangeId: `ex_${startedAt}${rnd()}`,
            startedAt,
            firstByteAt: startedAt + 500,
            upstreamRequestId: 'req_' + rnd() + rnd(),
            messageId: 'msg_' + rnd() + rnd(),
            requestedModel: 'claude-opus-5-5',
            labels: {
              session,
              agent: x % 4 === 0 ? `${session}-a${Math.floor(x / 10)}` : (undefined as never),
              developer: `dev${dev}`,
              repository: `acme/r${dev % 17}`,
              kind: x % 9 === 0 ? 'title' : x % 4 === 0 ? 'sub-agent' : 'main',
            },
            principal: {
              keyId: `key${dev}`,
              developer: `dev${dev}`,
              scopes: [
                { path: 'acme', level: 'organisation' },
                { path: `acme/x/dev${dev}`, level: 'developer' },
              ],
            },
            parts: [{ model: x % 9 === 0 ? 'claude-haiku-5-5' : 'claude-opus-5-5', costNanoUsd: BigInt(Math.floor(Math.random() * 1e8)) }],
          }),
        ),
      )
      n++
    }
  await Promise.all(batch)
}
console.log(n, 'entries', (((performance.now() - t0) / n) * 1000).toFixed(1), 'us each;', (statSync(path).size / n).toFixed(0), 'bytes each')
for (const t of ['quarter_sums', 'facets']) console.log(t, store.database.prepare(`select count(*) c from ${t}`).get())
let longest = 0,
  last = performance.now()
const timer = setInterval(() => {
  longest = Math.max(longest, performance.now() - last - 1)
  last = performance.now()
}, 1)
for (const [name, q] of Object.entries({
  'developer+repo': { groupBy: ['developer', 'repository'] },
  all: { groupBy: [] },
  day: { groupBy: ['day'], timeZone: 'Europe/Berlin' },
  session: { groupBy: ['session'] },
  'dev of one': { groupBy: ['model'], where: { developer: 'dev7' } },
  'session of one': { groupBy: ['model'], where: { session: 's-3-7-0' } },
  'one day': { groupBy: ['developer'], since: start + 86400000 * 3, until: start + 86400000 * 4 },
  percentiles: { groupBy: ['model'], percentiles: true },
})) {
  for (let k = 0; k < 2; k++) {
    longest = 0
    const t = performance.now()
    const rows = await store.ledger.report(q as never)
    console.log(name, rows.length, 'rows', (performance.now() - t).toFixed(0), 'ms, longest stall', longest.toFixed(0))
  }
}
for (const q of [{}, { session: 's-3-7-0' }, { id: 'nothing' }]) {
  const t = performance.now()
  await store.ledger.exchanges(q)
  console.log(q, (performance.now() - t).toFixed(2))
}
clearInterval(timer)
await store.close()
