/**
 * How long the event loop is held by requests of 2 MB, with a policy and budgets that ask for estimates: `node --conditions=sluice-source packages/core/test/event-loop-stall.ts`.
 * Prints, for bodies of several shapes, the longest delay, the most processor time that one turn of the loop took, and the processor time of an exchange. Delays mean something on an
 * idle machine only; the processor time of a turn is what it would hold the loop for there.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { memoryBudgetBook } from '../../storage-memory/src/index.ts'
import { checkBudget } from '../src/budget/check-budget.ts'
import { createGateway } from '../src/gateway.ts'
import { attribute } from '../src/middleware/attribute.ts'
import { budget } from '../src/middleware/budget.ts'
import { policyRouter } from '../src/policy/policy-router.ts'
import { swapCredential } from '../src/route/upstream-credential.ts'
import { clientRequest } from '../src/testing/client-request.ts'
import { collectingSink } from '../src/testing/collecting-sink.ts'
import { scriptedTransport } from '../src/testing/scripted-transport.ts'

const megabytes = 2
const chunkBytes = 64 * 1024
const exchanges = 20
const prose = 'The quick brown fox; const answer = compute({ value: 42 }) // "done"\n    and so on. '

const shapes: Readonly<Record<string, (number: number) => object>> = {
  'many messages': (number) => ({
    messages: Array.from({ length: 200 }, (_, at) => ({ role: at % 2 ? 'assistant' : 'user', content: `${number} ${prose.repeat(122)}` })),
  }),
  'one message': (number) => ({ messages: [{ role: 'user', content: `${number} ${prose.repeat(24_400)}` }] }),
  pictures: (number) => ({
    messages: [
      {
        role: 'user',
        content: Array.from({ length: 4 }, () => ({
          type: 'image',
          source: { type: 'base64', media_type: 'image/png', data: `iVBORw0KGgo${number}${'A'.repeat(500_000)}` },
        })),
      },
    ],
  }),
  'one letter': (number) => ({ messages: [{ role: 'user', content: `${number} ${'a'.repeat(megabytes * 1_000_000)}` }] }),
}

const usage = { input_tokens: 10, output_tokens: 10 }
const transport = scriptedTransport(() => ({
  headers: [['content-type', 'application/json']],
  body: [JSON.stringify({ type: 'message', model: 'claude-opus-5-5', stop_reason: 'end_turn', usage })],
}))
const book = memoryBudgetBook()
await book.define(
  checkBudget({
    id: 'all',
    subject: { model: 'claude-*' },
    unit: 'nano-usd',
    amount: 10n ** 15n,
    window: { kind: 'day', timeZone: 'UTC' },
    createdAt: 0,
    isStrict: process.argv.includes('--strict'),
  }),
)
const gateway = createGateway({ runtime: { transport }, upstreams: [{ name: 'a', baseUrl: 'https://a.test', credential: swapCredential('sk') }] })
  .use(attribute())
  .use(budget(book))
  .route(
    policyRouter({
      upstream: 'a',
      upstreams: ['a'],
      document: { version: 1, rules: [{ when: { inputTokens: { below: 100 } }, do: { target: { model: 'claude-haiku-5-5' } } }] },
    }),
  )

/** Processor time of this thread, in milliseconds. */
const cpuMillis = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

/** Watches what each turn of the loop takes, until it is stopped. */
function turnWatch(): () => number {
  let most = 0
  let isOn = true
  let last = cpuMillis()
  const tick = (): void => {
    const now = cpuMillis()
    most = Math.max(most, now - last)
    last = now
    if (isOn) setImmediate(tick)
  }
  setImmediate(tick)
  return () => {
    isOn = false
    return most
  }
}

for (const [name, shape] of Object.entries(shapes)) {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  let millis = 0
  let most = 0
  for (let number = -3; number < exchanges; number += 1) {
    const bytes = new TextEncoder().encode(JSON.stringify({ model: 'claude-opus-5-5', max_tokens: 1_000, ...shape(number) }))
    const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, at) => bytes.subarray(at * chunkBytes, (at + 1) * chunkBytes))
    await new Promise((resolve) => void setTimeout(resolve, 20))
    const before = cpuMillis()
    const stopped = turnWatch()
    if (number >= 0) delay.enable()
    await gateway.handle(clientRequest({ headers: [['content-type', 'application/json']], body: chunks }), collectingSink())
    await new Promise((resolve) => void setImmediate(resolve))
    delay.disable()
    const turn = stopped()
    if (number < 0) continue
    millis += cpuMillis() - before
    most = Math.max(most, turn)
  }
  console.info(
    `${name.padEnd(14)} longest delay ${(delay.max / 1e6).toFixed(1)} ms, longest turn ${most.toFixed(1)} ms CPU, ${(millis / exchanges).toFixed(1)} ms CPU an exchange`,
  )
}
