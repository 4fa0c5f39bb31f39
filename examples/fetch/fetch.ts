/**
 * A gateway for runtimes that serve a default export with a `fetch` function: `bun fetch.ts`, `deno serve fetch.ts`.
 */
import { fetchHandler, fetchRuntime } from '@sluice/adapters-fetch'
import { attribute, createGateway, swapCredential } from '@sluice/core'
import { memoryLedger } from '@sluice/storage-memory'

const { UPSTREAM_URL = 'https://api.anthropic.com', UPSTREAM_KEY = '', PORT = '8787' } = process.env

const gateway = createGateway({ runtime: fetchRuntime(), upstreams: [{ name: 'anthropic', baseUrl: UPSTREAM_URL, credential: swapCredential(UPSTREAM_KEY) }] })
  .use(attribute())
  .record(memoryLedger())
const handle = fetchHandler(gateway)

export default {
  // Port, address and idleTimeout are Bun's; its own idleTimeout ends a stream that is silent for ten seconds. Deno takes port and address as flags.
  port: Number(PORT),
  hostname: '127.0.0.1',
  idleTimeout: 0,
  // A function of one parameter: what the runtime passes besides the request is not a context of ours.
  fetch: (request: Request): Promise<Response> => handle(request),
}
