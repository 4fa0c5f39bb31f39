import { nodeRuntime, serve } from '@sluice/adapters-node'
import { attribute, authenticate, budget, checkBudget, createGateway, rateLimit, swapCredential, virtualKeys, type BudgetInput, type Fault } from '@sluice/core'
import { openSqlite } from '@sluice/storage-sqlite'
import { mkdtempSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reportUsage } from './child.ts'

/** Sluice with virtual keys, limits, three budgets and a durable ledger in a SQLite file. */
const [upstream] = process.argv.slice(2) as [string]
const onFault = (fault: Fault): void => console.error(fault)
const store = await openSqlite(join(mkdtempSync(join(tmpdir(), 'sluice-bench-')), 'bench.db'))
for (const [path, level] of [
  ['acme', 'organisation'],
  ['acme/web', 'business-unit'],
  ['acme/web/ada', 'developer'],
] as const)
  await store.scopes.add({ path, level, createdAt: Date.now() })
const keys = virtualKeys({ ring: store.keys, scopes: store.scopes, pepper: 'a pepper for the benchmark, long enough', onFault })
const issued = await keys.issue({ scope: 'acme/web/ada' })
if (issued.kind !== 'issued') throw new Error(issued.kind)
const define = (input: Pick<BudgetInput, 'id' | 'subject' | 'window'>): Promise<boolean> =>
  store.budgets.define(checkBudget({ ...input, unit: 'nano-usd', amount: 1_000_000_000_000_000n, createdAt: Date.now() }))
await define({ id: 'organisation', subject: { scope: 'acme' }, window: { kind: 'month', timeZone: 'UTC' } })
await define({ id: 'team', subject: { scope: 'acme/web' }, window: { kind: 'week', timeZone: 'Europe/Berlin' } })
await define({ id: 'developer', subject: { key: issued.record.id }, window: { kind: 'day', timeZone: 'UTC' } })
const gateway = createGateway({
  runtime: nodeRuntime(),
  upstreams: [{ name: 'bench', baseUrl: upstream, credential: swapCredential('sk-ant-bench-key') }],
  host: { onFault },
})
  .use(authenticate(keys))
  .use(attribute())
  .use(rateLimit({ book: store.rates, onFault }))
  .use(budget(store.budgets, { onFault }))
  .record(store.ledger)
const { server } = await serve(gateway, { port: 0 })
reportUsage((server.address() as AddressInfo).port, issued.key)
