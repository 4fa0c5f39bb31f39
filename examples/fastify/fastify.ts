/**
 * A gateway as a Fastify plugin. Within the plugin no body is parsed and no hook sees the reply; routes of the application keep both.
 */
import { fastifyGateway, nodeRuntime } from '@sluice/adapters-node'
import { attribute, createGateway, swapCredential } from '@sluice/core'
import { memoryLedger } from '@sluice/storage-memory'
import { fastify } from 'fastify'

const { UPSTREAM_URL = 'https://api.anthropic.com', UPSTREAM_KEY = '', PORT = '8787' } = process.env

const ledger = memoryLedger()
const gateway = createGateway({ runtime: nodeRuntime(), upstreams: [{ name: 'anthropic', baseUrl: UPSTREAM_URL, credential: swapCredential(UPSTREAM_KEY) }] })
  .use(attribute())
  .record(ledger)

const app = fastify()

app.get('/spend', async () => {
  const rows = await ledger.report({ groupBy: ['session'] })
  return rows.map(({ group, exchanges, costNanoUsd }) => ({ ...group, exchanges, costNanoUsd: String(costNanoUsd) }))
})

await app.register(fastifyGateway, { gateway })

const url = await app.listen({ port: Number(PORT), host: '127.0.0.1' })
console.log(`listening on ${url}`)
process.once('SIGTERM', () => void gateway.drain(30_000).then(() => app.close()))
