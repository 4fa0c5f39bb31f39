import { ConfigurationError } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { asFrame, messagesBody, streamEvents, textOf, upstreamBench } from '../test/upstream-bench.ts'
import { foundry } from './foundry.ts'
import { messagesCompatible } from './messages-compatible.ts'

const streamed = { headers: [['content-type', 'text/event-stream']] as const, body: streamEvents.map(asFrame) }
const credentialsOf = (headers: readonly (readonly [string, string])[] = []): readonly (readonly [string, string])[] =>
  headers.filter(([name]) => ['authorization', 'x-api-key', 'api-key'].includes(name.toLowerCase()))

describe('foundry', () => {
  it('sends the key of the resource, and the deployment’s name, and nothing else of its own', async () => {
    const { send } = upstreamBench(foundry({ resource: 'my-resource', apiKey: 'azure-key', models: { [messagesBody.model]: 'team-sonnet' } }), streamed)
    const { request, sink } = await send({
      headers: [
        ['api-key', 'theirs'],
        ['x-ms-region', 'theirs'],
      ],
    })
    expect(`${request?.origin}${request?.path}`).toBe('https://my-resource.services.ai.azure.com/anthropic/v1/messages?beta=true')
    expect(credentialsOf(request?.headers)).toEqual([['x-api-key', 'azure-key']])
    expect(JSON.stringify(request?.headers)).not.toContain('theirs')
    expect(textOf(request?.body ?? [])).toBe(JSON.stringify({ ...messagesBody, model: 'team-sonnet' }))
    expect(sink.text()).toBe(streamed.body.join(''))
  })

  it('asks for a token before each attempt', async () => {
    let calls = 0
    const { send } = upstreamBench(
      foundry({ baseUrl: 'https://x.services.ai.azure.com/anthropic/', token: () => Promise.resolve(`entra-${(calls += 1)}`) }),
      streamed,
    )
    expect(credentialsOf((await send()).request?.headers)).toEqual([['authorization', 'Bearer entra-1']])
    const { request, settlement } = await send()
    expect(credentialsOf(request?.headers)).toEqual([['authorization', 'Bearer entra-2']])
    expect(request?.path).toBe('/anthropic/v1/messages?beta=true')
    expect(settlement.proof.upstreamRequestDigest).toBe(settlement.proof.requestDigest)
  })

  it.each(['{"error":{"code":"429","message":"Slow down"}}', '{"statusCode":429,"message":"Slow down"}'])(
    "says Azure's own errors in the envelope: %s",
    async (body) => {
      const { send } = upstreamBench(foundry({ resource: 'r', apiKey: 'k' }), {
        status: 429,
        headers: [
          ['content-type', 'application/json'],
          ['apim-request-id', 'r-7'],
          ['retry-after', '2'],
        ],
        body: [body],
      })
      const { sink } = await send()
      expect(JSON.parse(sink.text())).toEqual({ type: 'error', error: { type: 'rate_limit_error', message: 'Slow down' }, request_id: 'r-7' })
      expect(Object.fromEntries(sink.headers)).toMatchObject({ 'retry-after': '2' })
    },
  )

  it.each([
    {},
    { resource: 'r' },
    { resource: 'r', baseUrl: 'https://x.example', apiKey: 'k' },
    { resource: 'r.evil.example/', apiKey: 'k' },
    { resource: 'r', apiKey: 'k', token: 't' },
  ])('is refused at build with %o', (options) => expect(() => foundry(options)).toThrow(ConfigurationError))
})

describe('messagesCompatible', () => {
  it('passes errors and replies byte for byte, a token or a key for its own', async () => {
    const error = '{"detail":"whatever arn:aws:iam::123456789012:role/x"}'
    const { send } = upstreamBench(messagesCompatible({ baseUrl: 'https://models.example.com/team/', token: 't-1' }), {
      status: 418,
      headers: [['content-type', 'application/json']],
      body: [error],
    })
    const { request, sink } = await send()
    expect(request?.path).toBe('/team/v1/messages?beta=true')
    expect(credentialsOf(request?.headers)).toEqual([['authorization', 'Bearer t-1']])
    expect(sink.text()).toBe(error)
    const keyed = upstreamBench(messagesCompatible({ baseUrl: 'https://models.example.com', apiKey: 'k-1' }), streamed)
    expect(credentialsOf((await keyed.send()).request?.headers)).toEqual([['x-api-key', 'k-1']])
  })

  it('never sends the client’s credential, where the server asks for none either', async () => {
    const { send } = upstreamBench(messagesCompatible({ baseUrl: 'http://10.0.0.7:8000', privateHosts: ['10.0.0.7'], withoutCredential: true }), streamed)
    expect(credentialsOf((await send()).request?.headers)).toEqual([])
  })

  it.each([
    { baseUrl: 'http://10.0.0.7:8000', withoutCredential: true as const },
    { baseUrl: 'https://models.example.com' },
    { baseUrl: 'https://models.example.com', apiKey: 'k', token: 't' },
    { baseUrl: 'https://user:pass@models.example.com?x=1', apiKey: 'k', privateHosts: ['x'] },
  ])('is refused with %o', (options) => {
    expect(() => upstreamBench(messagesCompatible(options), streamed)).toThrow(ConfigurationError)
  })
})
