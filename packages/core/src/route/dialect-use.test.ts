import { describe, expect, it } from 'vitest'
import { bench, eventStream, messagesBody, replyFrames } from '../../test/gateway-bench.ts'
import { ConfigurationError, GatewayError } from '../errors.ts'
import { replaceTopLevelString } from '../exchange/patch.ts'
import { TransportError } from '../ports/runtime.ts'
import type { DialectFacts, UpstreamDialect } from '../ports/upstream-dialect.ts'
import { concatBytes, toBytes, toText } from '../wire/bytes.ts'
import { checksumDigests, digestOf } from '../wire/digest.ts'
import { headerValue, headerValues } from '../wire/header-list.ts'
import { dialectCredential, swapCredential } from './upstream-credential.ts'

const sentText = (chunks: readonly Uint8Array[]): string =>
  toText(
    concatBytes(
      chunks,
      chunks.reduce((sum, { length }) => sum + length, 0),
    ),
  )
const sum = (text: string): string | undefined => digestOf(checksumDigests(), [toBytes(text)])

/** Puts a byte before the body, an extra header on it, and turns replies to upper case and back. */
function markingDialect(seen: { facts?: DialectFacts; calls: number } = { calls: 0 }): UpstreamDialect {
  return {
    name: 'marking',
    prepare: (request, facts) => {
      seen.calls += 1
      seen.facts = facts
      return Promise.resolve({
        path: `/marked${request.path}`,
        headers: [...request.headers, ['x-mark', String(seen.calls)]],
        body: [toBytes(' '), ...request.body],
        patches: [{ name: 'marking:space', start: 0, end: 0, insertedBytes: 1 }],
        replyHeaders: [['x-sluice-marked', 'yes']],
      })
    },
    adapt: (reply) => ({
      ...reply,
      headers: [...reply.headers, ['content-type', 'text/event-stream']],
      body: { ...reply.body, pump: (write) => reply.body.pump((chunk) => write(toBytes(toText(chunk).replaceAll('|', '\n')))) },
    }),
  }
}

const wireFrames = replyFrames.map((frame) => frame.replaceAll('\n', '|'))

describe('an upstream with a dialect', () => {
  it('sends what the dialect prepares, relays what it adapts, and proves all four sides', async () => {
    const seen: { facts?: DialectFacts; calls: number } = { calls: 0 }
    const upstream = { baseUrl: 'https://upstream.test/base', credential: dialectCredential(), dialect: markingDialect(seen) }
    const { send, upstream: transport } = bench([{ headers: [['x-binary', '1']], body: wireFrames }], { upstream })
    const body = JSON.stringify(messagesBody)
    const headers = [
      ['content-type', 'application/json'],
      ['x-api-key', 'sk-client-canary'],
      ['authorization', 'Bearer client-canary'],
    ] as const
    const { settlement, sink } = await send({ target: '/v1/messages?beta=true', body, headers })
    const { request } = transport.calls[0] as (typeof transport.calls)[number]
    expect(request.path).toBe('/base/marked/v1/messages?beta=true')
    expect(sentText(request.body)).toBe(` ${body}`)
    expect(headerValue(request.headers, 'x-mark')).toBe('1')
    expect(JSON.stringify(request.headers)).not.toContain('canary')
    expect(seen.facts).toMatchObject({ method: 'POST', path: '/v1/messages', basePath: '/base', model: 'claude-opus-5-5', isStream: true })
    expect(sink.text()).toBe(replyFrames.join(''))
    expect(headerValues(sink.headers ?? [], 'x-sluice-marked')).toEqual(['yes'])
    expect(settlement).toMatchObject({ outcome: { kind: 'completed' }, resolvedModel: 'claude-opus-5-5', usage: { source: 'final' } })
    expect(settlement.proof).toEqual({
      requestDigest: sum(body),
      upstreamRequestDigest: sum(` ${body}`),
      upstreamResponseDigest: sum(wireFrames.join('')),
      responseDigest: sum(replyFrames.join('')),
      patches: [{ name: 'marking:space', start: 0, end: 0, insertedBytes: 1 }],
    })
  })

  it('is asked anew for each try, so that no signature is sent twice', async () => {
    const stale = { failWith: new TransportError('stale-connection', 'closed while idle') }
    const { send, upstream } = bench([stale, { headers: [], body: wireFrames }], { upstream: { credential: dialectCredential(), dialect: markingDialect() } })
    const { settlement } = await send()
    expect(upstream.calls.map(({ request }) => headerValue(request.headers, 'x-mark'))).toEqual(['1', '2'])
    expect(settlement.outcome.kind).toBe('completed')
  })

  it('gets the body after the patches of the middleware, and its own notes come after theirs', async () => {
    const seen: { facts?: DialectFacts; calls: number } = { calls: 0 }
    const { gateway, send } = bench([{ headers: [], body: wireFrames }], { upstream: { credential: dialectCredential(), dialect: markingDialect(seen) } })
    gateway.use({
      name: 'rename',
      handle: (exchange, next) => {
        exchange.patch(replaceTopLevelString('model', 'claude-sonnet-5-5'))
        return next({})
      },
    })
    const { settlement } = await send()
    expect(seen.facts?.model).toBe('claude-sonnet-5-5')
    expect(settlement.resolvedModel).toBe('claude-sonnet-5-5')
    expect(settlement.proof.patches.map(({ name }) => name)).toEqual(['replace model', 'marking:space'])
    expect(settlement.proof.upstreamRequestDigest).toBe(sum(` ${JSON.stringify({ ...messagesBody, model: 'claude-sonnet-5-5' })}`))
  })

  it('that sends the very body leaves one digest for both sides, and its replies byte for byte where it does not adapt', async () => {
    const dialect: UpstreamDialect = { name: 'plain', prepare: ({ path, headers, body }) => Promise.resolve({ path, headers, body, patches: [] }) }
    const { send } = bench([{ headers: eventStream, body: replyFrames }], { upstream: { dialect } })
    const { settlement } = await send()
    expect(settlement.proof.upstreamRequestDigest).toBe(settlement.proof.requestDigest)
    expect(settlement.proof.upstreamResponseDigest).toBe(settlement.proof.responseDigest)
  })

  it('that refuses answers the client in its own words; nothing is sent, and no digest claims it', async () => {
    const refusal = new GatewayError('unknown-model', 'This upstream has no such model.', { status: 404, type: 'not_found_error' })
    const { send, upstream, faults } = bench([], { upstream: { dialect: { name: 'picky', prepare: () => Promise.reject(refusal) } } })
    const { settlement, sink } = await send()
    expect(sink.status).toBe(404)
    expect(sink.text()).toContain('no such model')
    expect(upstream.calls).toEqual([])
    expect(faults).toEqual([])
    expect(settlement).toMatchObject({ outcome: { kind: 'refused' }, attempts: [{ failure: 'not-prepared' }] })
    expect(settlement.proof.upstreamRequestDigest).toBeUndefined()
  })

  it('that throws is a fault: the operator sees the cause, the client does not', async () => {
    const { send, faults } = bench([], { upstream: { dialect: { name: 'broken', prepare: () => Promise.reject(new Error('secret-canary')) } } })
    const { sink } = await send()
    expect(sink.status).toBe(500)
    expect(sink.text()).not.toContain('secret-canary')
    expect(faults.map(({ cause }) => (cause as Error).message)).toEqual(['secret-canary'])
  })

  it('that throws while it adapts cancels the upstream', async () => {
    const dialect: UpstreamDialect = {
      ...markingDialect(),
      adapt: () => {
        throw new Error('cannot read this')
      },
    }
    const { send, upstream } = bench([{ headers: [], body: wireFrames, hang: 'after-body' }], { upstream: { dialect } })
    const { sink } = await send()
    expect(sink.status).toBe(500)
    expect(upstream.calls[0]?.cancelled).toBeDefined()
  })

  it('that never answers ends with the head deadline, or with its client', async () => {
    const hanging: UpstreamDialect = { name: 'hanging', prepare: () => new Promise(() => undefined) }
    const { start, clock } = bench([], { upstream: { dialect: hanging, deadlines: { headMillis: 5_000 } } })
    const waiting = start()
    await new Promise((resolve) => setTimeout(resolve, 0))
    clock.advance(5_000)
    expect((await waiting.settled)?.outcome).toMatchObject({ kind: 'failed', error: { code: 'upstream-timeout' } })
    expect(waiting.sink.status).toBe(504)
  })

  it('is needed where the credential is left to it', () => {
    expect(() => bench([], { upstream: { credential: dialectCredential() } })).toThrow(ConfigurationError)
    expect(() => bench([], { upstream: { credential: swapCredential('key'), dialect: markingDialect() } })).not.toThrow()
  })
})
