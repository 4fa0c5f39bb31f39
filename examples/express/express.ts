/**
 * A gateway inside an Express application (4 or 5). Routes of the application come first, with their own body parsers; the gateway takes the rest.
 * A parser for every route, `app.use(express.json())`, would read the bodies that the gateway must pass on byte for byte.
 */
import { nodeHandler, nodeRuntime } from '@sluice/adapters-node'
import { attribute, createGateway, swapCredential } from '@sluice/core'
import { memoryLedger } from '@sluice/storage-memory'
import express from 'express'
import type { AddressInfo } from 'node:net'

const { UPSTREAM_URL = 'https://api.anthropic.com', UPSTREAM_KEY = '', PORT = '8787' } = process.env

const ledger = memoryLedger()
const gateway = createGateway({ runtime: nodeRuntime(), upstreams: [{ name: 'anthropic', baseUrl: UPSTREAM_URL, credential: swapCredential(UPSTREAM_KEY) }] })
  .use(attribute())
  .record(ledger)

const app = express()

app.post('/echo', express.json(), (request, response) => {
  response.json(request.body)
})

app.get('/spend', async (_request, response) => {
  const rows = await ledger.report({ groupBy: ['session'] })
  response.json(rows.map(({ group, exchanges, costNanoUsd }) => ({ ...group, exchanges, costNanoUsd: String(costNanoUsd) })))
})

// Last. A path here would have to be part of the clients' base URL: Express cuts it off before the gateway sees it.
app.use(nodeHandler(gateway))

const server = app.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`))
process.once('SIGTERM', () => {
  server.close()
  void gateway.drain(30_000).then(() => server.closeAllConnections())
})
