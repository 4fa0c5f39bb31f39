/** A gateway with budgets and a durable store, in a process of its own, to be killed at any moment. Says its port once it listens. */
import { attribute, authenticate, budget, createGateway, leasedBudgetBook, staticKeys, swapCredential, systemClock, upkeep, type Fault } from '@sluice/core'
import { nodeRuntime, serve } from '@sluice/adapters-node'
import { openStore } from '../store.ts'

interface Settings {
  readonly store: string
  readonly upstream: string
  readonly isLeased: boolean
  readonly holdMillis: number
}

const settings = JSON.parse(process.env['SETTINGS'] as string) as Settings
const onFault = ({ code, message, cause }: Fault): void => console.error(code, message, cause instanceof Error ? cause.message : '')
const store = await openStore(settings.store)
const books = upkeep({ ledger: store.ledger, budgets: store.budgets, everyMillis: 500, onFault })
await books.run()
const leased = settings.isLeased ? leasedBudgetBook({ book: store.budgets, clock: systemClock, owner: `process-${process.pid}-${Date.now()}` }) : undefined
const guard = budget(leased ?? store.budgets, { onFault, holdMillis: settings.holdMillis, refreshMillis: 200 })
const gateway = createGateway({
  runtime: nodeRuntime(),
  upstreams: [{ name: 'upstream', baseUrl: settings.upstream, credential: swapCredential('sk-ant-upstream') }],
  host: { onFault },
})
  .use(authenticate(staticKeys([{ developer: 'ada', secret: 'a-secret-of-ada-0001' }])))
  .use(attribute())
  .use(guard)
  .record(store.ledger)
const served = await serve(gateway, { port: 0 })
console.log(JSON.stringify({ port: Number(new URL(served.url).port) }))

process.once('SIGTERM', () => {
  void served
    .stop()
    .then(() => guard.flush())
    .then(() => leased?.stop())
    .then(() => books.stop())
    .then(() => store.close())
    .then(() => process.exit(0))
})
