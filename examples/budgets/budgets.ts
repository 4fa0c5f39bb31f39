/**
 * A gateway that holds a developer to a budget, in books that survive a crash: what is under way is written down before it is sent, and reserved in the budget.
 */
import { nodeRuntime, serve } from '@sluice/adapters-node'
import { attribute, authenticate, budget, checkBudget, createGateway, staticKeys, swapCredential, upkeep, usageRoute, type Fault } from '@sluice/core'
import { openSqlite } from '@sluice/storage-sqlite'

const { UPSTREAM_URL = 'https://api.anthropic.com', UPSTREAM_KEY = '', ADA_KEY = '', PORT = '8787', STORE = 'sluice.db', DAILY_USD = '20' } = process.env

const onFault = ({ code, message }: Fault): void => console.error(`${code}: ${message}`)
const store = await openSqlite(STORE)
const keys = staticKeys([{ developer: 'ada', secret: ADA_KEY }])

// One that is there already stays: its version does not follow.
await store.budgets.define(
  checkBudget({
    id: 'ada-daily',
    name: 'Ada, a day',
    subject: { key: 'static:ada' },
    unit: 'nano-usd',
    amount: BigInt(DAILY_USD) * 1_000_000_000n,
    window: { kind: 'day', timeZone: 'Europe/Berlin' },
    notice: 'Ask in #ai-budget.',
    createdAt: Date.now(),
  }),
)

// Books what a crash has left under way, at once and every half a minute.
const looksAfter = upkeep({ ledger: store.ledger, budgets: store.budgets, onFault })

const budgeting = budget(store.budgets, {
  onFault,
  onThreshold: ({ budget: { name }, percent }) => console.log(`${name} has passed ${percent} %`),
})
const gateway = createGateway({
  runtime: nodeRuntime(),
  upstreams: [{ name: 'anthropic', baseUrl: UPSTREAM_URL, credential: swapCredential(UPSTREAM_KEY) }],
  host: { onFault },
  routes: [usageRoute({ keys, book: store.budgets })],
})
  .use(authenticate(keys)) // who
  .use(attribute()) // which session, repository
  .use(budgeting) // whether there is money for it
  .record(store.ledger) // what it cost

const { url, stop } = await serve(gateway, { port: Number(PORT), isAuthenticated: true })
console.log(`listening on ${url}`)

process.once('SIGTERM', () => void close())
process.once('SIGINT', () => void close())

async function close(): Promise<void> {
  await stop()
  await budgeting.flush()
  await looksAfter.stop()
  await store.close()
}
