/**
 * A gateway with a policy and two upstreams in a server of one's own: titles and the like go to a small model, sessions stay where their cache is,
 * and where the first upstream is out the second one serves. A change of the policy is published while the gateway runs.
 */
import { nodeHandler, nodeRuntime } from '@sluice/adapters-node'
import { attribute, createGateway, swapCredential, upstreamHealth } from '@sluice/core'
import { policyRouter, publishPolicy, recallFromLedger, recommendedPolicy } from '@sluice/core/policy'
import { memoryLedger, memoryPolicyShelf } from '@sluice/storage-memory'
import { createServer } from 'node:http'

const { UPSTREAM_URL = 'https://api.anthropic.com', SECOND_URL = UPSTREAM_URL, UPSTREAM_KEY = '', SECOND_KEY = UPSTREAM_KEY, PORT = '8787' } = process.env

const runtime = nodeRuntime()
const ledger = memoryLedger()
const shelf = memoryPolicyShelf()
const onFault = ({ code, message }: { code: string; message: string }): void => console.error(`${code}: ${message}`)

// Checked, and in force at once: `expected` names the version that it replaces, and there is none yet.
const published = await publishPolicy({
  shelf,
  policy: {
    ...recommendedPolicy,
    upstreams: { first: { fallbacks: ['second'] } },
    rules: ['when input < 10k and no tools use claude-haiku-4-5', ...recommendedPolicy.rules],
  },
  upstreams: ['first', 'second'],
  expected: undefined,
  at: Date.now(),
  actor: 'example',
})

const policy = policyRouter({ upstream: 'first', upstreams: ['first', 'second'], shelf, recall: recallFromLedger(ledger), onFault })

const gateway = createGateway({
  runtime,
  upstreams: [
    { name: 'first', baseUrl: UPSTREAM_URL, credential: swapCredential(UPSTREAM_KEY), deadlines: { headMillis: 300_000 } },
    { name: 'second', baseUrl: SECOND_URL, credential: swapCredential(SECOND_KEY) },
  ],
  attempts: { most: 3, health: upstreamHealth() },
  host: { onFault },
})
  .use(attribute()) // which session, and what the request is for
  .route(policy) // where to
  .record(ledger) // what it cost, and why it went there

const server = createServer(nodeHandler(gateway)).listen(Number(PORT), '127.0.0.1', () => {
  const address = server.address()
  console.log(`listening on http://127.0.0.1:${typeof address === 'object' ? address?.port : PORT}, policy ${published.current?.version}`)
})

process.once('SIGTERM', () => void explain())
process.once('SIGINT', () => void explain())

/** Lets what is under way finish, then says of each exchange where it went, and why. */
async function explain(): Promise<void> {
  server.close()
  await gateway.drain(30_000)
  await runtime.close()
  for (const { requestedModel, resolvedModel, attempts, route } of await ledger.exchanges({ limit: 20 })) {
    const tried = attempts.map(({ upstream, status, failure }) => `${upstream} ${status ?? failure}`).join(', then ')
    console.log(`${requestedModel} -> ${resolvedModel} (${route?.rule ?? 'no rule'}): ${tried}`)
  }
}
