import { expect, test } from 'vitest'
import { GatewayError } from '../errors.ts'
import { createGateway } from '../gateway.ts'
import type { Middleware } from '../middleware/middleware.ts'
import { swapCredential } from '../route/upstream-credential.ts'
import { clientRequest } from '../testing/client-request.ts'
import { collectingSink } from '../testing/collecting-sink.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { scriptedTransport } from '../testing/scripted-transport.ts'
import type { SseFrame } from '../wire/sse-frames.ts'

const frame = (type: string, fields: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
const message = { id: 'msg_1', model: 'claude-opus-5-5', usage: { input_tokens: 900_000, output_tokens: 1 } }
const parts = [
  frame('message_start', { message }),
  frame('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'a few letters' } }),
  frame('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 60_000 } }),
  frame('message_stop', {}),
]

async function gated(onFrame: (frame: SseFrame) => 'pass' | GatewayError | Promise<'pass'>, body: readonly string[] = parts) {
  const gate: Middleware = {
    name: 'gate',
    handle: (exchange, next) => {
      exchange.gate({ name: 'test', onFrame, onMessage: () => 'pass' })
      return next({})
    },
  }
  const gateway = createGateway({
    runtime: { transport: scriptedTransport([{ headers: [['content-type', 'text/event-stream']], body }]) },
    upstreams: [{ name: 'anthropic', baseUrl: 'https://api.anthropic.com', credential: swapCredential('sk-upstream') }],
    host: { clock: manualClock() },
  }).use(gate)
  const request = clientRequest({ json: { model: 'claude-opus-5-5', max_tokens: 100_000, stream: true, messages: [] } })
  const sink = collectingSink()
  return { request, sink, settled: gateway.handle(request, sink) }
}

const refusal = new GatewayError('refused', 'no')

test.each([
  ['the first frame', 'message_start', 1],
  ['the frame that reports it', 'message_delta', 60_000],
])('R15: usage that the upstream has reported counts in full where a gate stops %s', async (_, event, outputTokens) => {
  const { sink, settled } = await gated((one) => (one.event === event ? refusal : 'pass'))
  const settlement = await settled
  expect(settlement?.outcome.kind).toBe('cut')
  expect(settlement?.usage.total).toMatchObject({ freshInputTokens: 900_000 })
  expect(settlement?.usage.total.outputTokens).toBeGreaterThanOrEqual(outputTokens)
  expect(sink.text()).not.toContain(event === 'message_start' ? 'a few letters' : '60000')
  expect(sink.text()).toMatch(/event: error\n.*\n\n$/)
})

test('R15: usage that came in one piece counts in full where the client leaves while a gate is asked', async () => {
  const asked = Promise.withResolvers<void>()
  const { request, settled } = await gated(() => {
    asked.resolve()
    return new Promise(() => undefined)
  }, [parts.join('')])
  await asked.promise
  request.leave()
  expect((await settled)?.usage.total).toMatchObject({ freshInputTokens: 900_000, outputTokens: 60_000 })
  expect((await settled)?.outcome.kind).toBe('client-gone')
})
