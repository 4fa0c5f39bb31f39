import { describe, expect, it } from 'vitest'
import { bench, eventStream, messagesBody, replyFrames } from '../test/gateway-bench.ts'
import { pricing } from './meter/price.ts'
import { passthroughCredential, splitCredential } from './route/upstream-credential.ts'
import { maxKeptLength } from './wire/kept-text.ts'

const json = [['content-type', 'application/json']] as const
const complete = { headers: eventStream, body: replyFrames }
const answered = { headers: json, body: ['{}'] }
const requestWith = (model: string): string => `{${model},"max_tokens":1,"messages":[]}`

describe('I3: one request, one reading of its route', () => {
  it.each([
    '/v1/%6dessages',
    '/v1/messages%2Fcount_tokens',
    '/v1//messages',
    '/v1/messages/',
    '/v1/Messages',
    '/v1/messages;v=1',
    '/v1/messages%3Fbeta',
    '/v1/messages%2f',
    '/v1/messages/count_tokens/',
    '/v1/x%2f..%2fmessages',
    '/v1/..%5cadmin',
    '/v1/..;/admin',
  ])('%s is no way around metering, gates and prices: it is refused', async (target) => {
    const { send, upstream } = bench([answered])
    const { sink, settlement } = await send({ target, body: requestWith('"model":"anything"'), headers: json })
    expect([sink.status, settlement.outcome.error?.code, upstream.calls.length]).toEqual([400, 'bad-request-target', 0])
  })

  it.each([
    '/v1/models/us.anthropic.claude-opus-5-5-v1%3A0',
    '/v1/models/arn%3Aaws%3Abedrock%2Fclaude',
    '/v1/messages/batches',
    '/v1/messages?beta=true',
    '/v1/files/a%20b?x=%6d//',
  ])('%s passes as it came', async (target) => {
    const { send, upstream } = bench([answered])
    await send({ target, method: 'GET' })
    expect(upstream.calls[0]?.request.path).toBe(target)
  })

  it('a method by which an upstream would show its credential is refused', async () => {
    const { send, upstream } = bench([answered])
    const { sink } = await send({ method: 'TRACE', target: '/v1/models' })
    expect([sink.status, upstream.calls.length]).toEqual([405, 0])
  })

  it('more than 100 header fields are refused', async () => {
    const { send, upstream } = bench([answered, answered])
    const fields = (count: number) => Array.from({ length: count }, (_, index) => [`x-${index}`, ''] as const)
    expect((await send({ method: 'GET', target: '/v1/models', headers: fields(99) })).sink.status).toBe(200)
    expect((await send({ method: 'GET', target: '/v1/models', headers: fields(100) })).sink.status).toBe(431)
    expect(upstream.calls).toHaveLength(1)
  })
})

describe('a model that is denied', () => {
  it.each([
    '"model":"nobodys","model":"claude-opus-5-5"',
    '"model":"claude-opus-5-5","model":"nobodys"',
    '"mod\\u0065l":"nobodys","model":"claude-opus-5-5"',
    '"model":["nobodys"],"model":"claude-opus-5-5"',
  ])('is found in %s, whichever of two an upstream reads', async (model) => {
    const { send, upstream } = bench([complete], { pricing: pricing({ unknownModel: 'deny' }) })
    const { settlement } = await send({ body: requestWith(model), headers: json })
    expect([settlement.outcome.error?.code, upstream.calls.length]).toEqual(['unknown-model', 0])
  })
})

describe("H6: the gateway's key does not leave it", () => {
  const upstream = { credential: splitCredential({ keyHosts: ['upstream.test'], oauthHosts: [] }) }
  it.each([
    ['x-api-key', 'gateway-canary-key'],
    ['Authorization', 'Bearer gateway-canary-key'],
  ] as const)('where a client sends it as %s too', async (name, value) => {
    const { send, upstream: transport } = bench([complete], { upstream })
    const { sink } = await send({
      json: messagesBody,
      headers: [
        ['X-Sluice-Key', 'gateway-canary-key'],
        [name, value],
      ],
    })
    expect([sink.status, transport.calls.length]).toEqual([401, 0])
    expect(sink.text()).not.toContain('gateway-canary-key')
  })

  it('an Authorization that no host was checked for stays here', async () => {
    const { send, upstream: transport } = bench([complete], {
      upstream: { credential: passthroughCredential({ keyHosts: ['upstream.test'], oauthHosts: [] }) },
    })
    await send({
      json: messagesBody,
      headers: [
        ['x-api-key', 'sk-ant-api-1'],
        ['authorization', 'Bearer sk-ant-oat01-canary x'],
      ],
    })
    expect(JSON.stringify(transport.calls[0]?.request.headers)).toContain('sk-ant-api-1')
    expect(JSON.stringify(transport.calls[0]?.request.headers)).not.toContain('canary')
  })
})

describe('R21: secrets and logs', () => {
  it('a model with control characters reaches no fault as such', async () => {
    const { send, faults } = bench([
      { headers: json, body: [JSON.stringify({ type: 'message', model: 'a\u001b[2J\r\nfault: forged\u009b', usage: { input_tokens: 5, output_tokens: 9 } })] },
    ])
    await send()
    expect(faults.map(({ message }) => message)).toEqual([expect.stringMatching(/^the price of "a\?\[2J\?\?fault: forged\?" is not known/)])
  })
})

describe('B20: memory that a stranger may fill is bounded', () => {
  it('a body of very many members, or with a very long key, is refused', async () => {
    const { send, upstream } = bench([])
    const many = await send({ body: `{${'"":0,'.repeat(5000)}"model":"m"}`, headers: json })
    const long = await send({ body: `{"${'k'.repeat(20_000)}":0}`, headers: json })
    expect([many.sink.status, long.sink.status, upstream.calls.length]).toEqual([400, 400, 0])
    expect(many.sink.text()).toContain('more than 4096 members')
    expect(long.sink.text()).toContain('a key is longer than')
  })

  it('records keep the start of a text that is too long to be a name', async () => {
    const long = 'm'.repeat(100_000)
    const { send } = bench([
      {
        headers: [...json, ['request-id', long]],
        body: [JSON.stringify({ type: 'message', id: long, model: long, stop_reason: long, usage: { input_tokens: 5, speed: long } })],
      },
      { status: 400, headers: json, body: [JSON.stringify({ type: 'error', error: { type: long } })] },
    ])
    const { settlement } = await send({ target: `/v1/messages`, body: requestWith(`"model":"${long}"`), headers: json })
    const kept = (text: string | undefined): unknown => [text?.slice(0, 3), text?.length]
    for (const text of [
      settlement.requestedModel,
      settlement.resolvedModel,
      settlement.billedModel,
      settlement.messageId,
      settlement.stopReason,
      settlement.upstreamRequestId,
    ]) {
      expect(kept(text)).toEqual(['mmm', maxKeptLength])
    }
    const failed = await send({ target: `/v1/${long}`, body: '{}', headers: json })
    expect([kept(failed.settlement.path), kept(failed.settlement.outcome.error?.code)]).toEqual([
      ['/v1', maxKeptLength],
      ['mmm', maxKeptLength],
    ])
  })

  it('a reply that claims very many iterations is kept in few lines', async () => {
    const iterations = Array.from({ length: 20_000 }, (_, index) => ({ type: 'compaction', model: `m${index}`, input_tokens: 1, output_tokens: 1 }))
    const { send } = bench([
      { headers: json, body: [JSON.stringify({ type: 'message', model: 'claude-opus-5-5', usage: { input_tokens: 5, output_tokens: 9, iterations } })] },
    ])
    const { usage } = (await send()).settlement
    expect(usage.lines.length).toBeLessThan(300)
    expect(usage.lines.reduce((sum, line) => sum + line.freshInputTokens, 0)).toBe(20_005)
    expect(usage.total).toMatchObject({ freshInputTokens: 5, outputTokens: 9 })
  })

  it('a stream of very many messages keeps every token in few lines', async () => {
    const start =
      'event: message_start\ndata: {"type":"message_start","message":{"id":"m","model":"claude-opus-5-5","usage":{"input_tokens":3,"output_tokens":2}}}\n\n'
    const { send } = bench([{ headers: eventStream, body: [start.repeat(20_000), replyFrames.at(-1) as string] }])
    const { usage } = (await send()).settlement
    expect(usage.lines.length).toBeLessThan(300)
    expect(usage.total).toMatchObject({ freshInputTokens: 60_000, outputTokens: 40_000 })
  })
})

it('what fails where nothing should ends its exchange and nothing else', async () => {
  const boom = {
    ...pricing(),
    cost: () => {
      throw new Error('boom')
    },
  }
  const { gateway, start, faults } = bench([complete, complete], { pricing: boom })
  const { settled } = start()
  expect(await settled).toBeUndefined()
  expect([gateway.underWay, faults.map(({ code }) => code)]).toEqual([0, ['middleware-threw']])
  await gateway.drain(1)
})
