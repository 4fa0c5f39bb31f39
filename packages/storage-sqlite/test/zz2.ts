import { openSqlite } from '../src/index.ts'
import { rmSync } from 'node:fs'
const path = '/tmp/sqb/m.db'
for (const s of ['', '-wal', '-holder']) rmSync(path + s, { force: true })
const store = await openSqlite(path)
const db = store.database
async function measure(name: string, count: number, f: (i: number) => Promise<unknown>) {
  const c = process.cpuUsage()
  for (let i = 0; i < count; i++) await f(i)
  const u = process.cpuUsage(c)
  console.log(name.padEnd(42), ((u.user + u.system) / count).toFixed(1), 'us cpu (user', (u.user / count).toFixed(1) + ')')
}
const N = 20000
await measure('empty', N, () => db.write(() => undefined))
const up = db.prepare("insert into pots values ('a','held',0,?) on conflict do update set amount = excluded.amount")
const up2 = db.prepare("insert into ended_holds values (?,?,null)")
const get = db.prepare("select amount from pots where account = ? and kind = 'held'")
await measure('one upsert, 1 page', N, (i) => db.write(() => up.run(String(i))))
await measure('20 reads', N, () => db.write(() => { for (let k = 0; k < 20; k++) get.get('a') }))
await measure('ended insert, 2 pages', N, (i) => db.write(() => up2.run('ex_0123456789_' + i, i)))
const slot = { account: 't', bucket: 0, firstBucket: 0 }
await measure('reserve', N, (i) => store.budgets.reserve({ holdId: 'ex_0123456789_r' + i, claims: [{ ...slot, amount: 5n }], expiresAt: 5 }))
await measure('settle', N, (i) => store.budgets.settle([{ holdId: 'ex_0123456789_r' + i, charges: [{ ...slot, amount: 5n }] }]))
await store.close()
