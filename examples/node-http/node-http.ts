/**
 * A gateway on a server of its own: it knows its developers by their keys, books every exchange to them, and prints what was spent when it is stopped.
 */
import { nodeRuntime, serve } from '@sluice/adapters-node'
import { attribute, authenticate, createGateway, staticKeys, swapCredential } from '@sluice/core'
import { memoryLedger } from '@sluice/storage-memory'

const { UPSTREAM_URL = 'https://api.anthropic.com', UPSTREAM_KEY = '', ADA_KEY = '', LINUS_KEY = '', PORT = '8787' } = process.env

const runtime = nodeRuntime()
const ledger = memoryLedger()
const keys = staticKeys([
  { developer: 'ada', secret: ADA_KEY },
  { developer: 'linus', secret: LINUS_KEY },
])

const gateway = createGateway({
  runtime,
  upstreams: [{ name: 'anthropic', baseUrl: UPSTREAM_URL, credential: swapCredential(UPSTREAM_KEY) }],
  host: { onFault: ({ code, message }) => console.error(`${code}: ${message}`) },
})
  .use(authenticate(keys)) // who
  .use(attribute()) // which session, repository, kind of request
  .record(ledger) // what it cost

const { url, stop } = await serve(gateway, { port: Number(PORT), isAuthenticated: true })
console.log(`listening on ${url}`)

process.once('SIGTERM', () => void report())
process.once('SIGINT', () => void report())

/** Lets what is under way finish, then sums up. */
async function report(): Promise<void> {
  await stop()
  await runtime.close()
  for (const { group, exchanges, outputTokens, costNanoUsd } of await ledger.report({ groupBy: ['developer', 'model'] })) {
    const { developer, model } = group
    console.log(`${developer ?? '(unknown)'}, ${model ?? '(no model)'}: ${exchanges} exchanges, ${outputTokens} output tokens, ${toUsd(costNanoUsd)} USD`)
  }
}

/** Money is an integer of nano-USD until it is shown. */
function toUsd(nanoUsd: bigint): string {
  return (Number(nanoUsd / 1000n) / 1_000_000).toFixed(6)
}
