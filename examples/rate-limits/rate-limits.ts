/**
 * A gateway with rate limits: so many requests of a key at a time, the others in line; output tokens for everybody together; and how many sessions a developer may have open.
 * These are counted in this process. With a store (`book`) they are counted across all.
 */
import { nodeRuntime, serve } from '@sluice/adapters-node'
import { attribute, authenticate, createGateway, rateLimit, staticKeys, swapCredential } from '@sluice/core'

const { UPSTREAM_URL = 'https://api.anthropic.com', UPSTREAM_KEY = '', ADA_KEY = '', PORT = '8787' } = process.env

const limits = rateLimit({
  limits: [
    {
      id: 'at-a-time',
      name: 'Requests of a key',
      subject: { model: '*' },
      each: 'key',
      unit: 'concurrency',
      amount: 5,
      queueMillis: 30_000,
      consistency: 'local',
    },
    { id: 'opus-output', name: 'Output of Opus', subject: { model: 'claude-opus-*' }, unit: 'output-tokens', amount: 400_000, consistency: 'local' },
    { id: 'sessions', name: 'Sessions', subject: { model: '*' }, each: 'developer', unit: 'sessions', amount: 3, perMillis: 600_000, consistency: 'local' },
  ],
})

const gateway = createGateway({ runtime: nodeRuntime(), upstreams: [{ name: 'anthropic', baseUrl: UPSTREAM_URL, credential: swapCredential(UPSTREAM_KEY) }] })
  .use(authenticate(staticKeys([{ developer: 'ada', secret: ADA_KEY }]))) // who
  .use(attribute()) // which session
  .use(limits) // whether it is its turn

const { url } = await serve(gateway, { port: Number(PORT), isAuthenticated: true, stopOnSignals: true })
console.log(`listening on ${url}`)
