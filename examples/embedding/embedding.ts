import { nodeRuntime, serve } from '@sluice/adapters-node'
import { attribute, createGateway, swapCredential } from '@sluice/core'
import { memoryLedger } from '@sluice/storage-memory'

const { UPSTREAM_URL = 'https://api.anthropic.com', UPSTREAM_KEY = '', PORT = '8787' } = process.env

const gateway = createGateway({ runtime: nodeRuntime(), upstreams: [{ name: 'anthropic', baseUrl: UPSTREAM_URL, credential: swapCredential(UPSTREAM_KEY) }] })
  .use(attribute()) // which session, developer, repository
  .record(memoryLedger()) // what it cost

const { url } = await serve(gateway, { port: Number(PORT), stopOnSignals: true })
console.log(`listening on ${url}`)
