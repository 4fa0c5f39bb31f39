/**
 * A gateway inside a Hono application on Node. It is handed Hono's raw request, with its body unread.
 */
import { serve } from '@hono/node-server'
import { fetchHandler } from '@sluice/adapters-fetch'
import { nodeRuntime } from '@sluice/adapters-node'
import { attribute, createGateway, swapCredential } from '@sluice/core'
import { memoryLedger } from '@sluice/storage-memory'
import { Hono } from 'hono'

const { UPSTREAM_URL = 'https://api.anthropic.com', UPSTREAM_KEY = '', PORT = '8787' } = process.env

const ledger = memoryLedger()
// Node's own fetch gives up after five silent minutes: on Node, ask upstreams through nodeRuntime() also here.
const gateway = createGateway({ runtime: nodeRuntime(), upstreams: [{ name: 'anthropic', baseUrl: UPSTREAM_URL, credential: swapCredential(UPSTREAM_KEY) }] })
  .use(attribute())
  .record(ledger)
const handle = fetchHandler(gateway)

const app = new Hono()

app.get('/spend', async (context) => {
  const rows = await ledger.report({ groupBy: ['session'] })
  return context.json(rows.map(({ group, exchanges, costNanoUsd }) => ({ ...group, exchanges, costNanoUsd: String(costNanoUsd) })))
})

app.all('*', (context) => handle(context.req.raw))

const server = serve({ fetch: app.fetch, port: Number(PORT), hostname: '127.0.0.1' }, ({ port }) => console.log(`listening on http://127.0.0.1:${port}`))
process.once('SIGTERM', () => void gateway.drain(30_000).then(() => server.close()))
