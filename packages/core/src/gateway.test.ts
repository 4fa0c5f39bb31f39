import { describe, expect, it } from 'vitest'
import { bench, eventStream, messagesBody, replyFrames } from '../test/gateway-bench.ts'
import { ConfigurationError, GatewayError } from './errors.ts'
import { createGateway, type GatewayOptions } from './gateway.ts'
import { authenticate, staticKeys } from './middleware/authenticate.ts'
import { pricing } from './meter/price.ts'
import type { Middleware } from './middleware/middleware.ts'
import { replaceTopLevelString } from './exchange/patch.ts'
import { refuse } from './exchange/reply.ts'
import { TransportError } from './ports/runtime.ts'
import { passthroughCredential, splitCredential, swapCredential } from './route/upstream-credential.ts'
import { scriptedTransport } from './testing/scripted-transport.ts'
import { clientRequest } from './testing/client-request.ts'
import { collectingSink } from './testing/collecting-sink.ts'
import { sampleEntry } from './testing/sample-entry.ts'
import { concatBytes, toBytes, toText } from './wire/bytes.ts'

const complete = { headers: eventStream, body: replyFrames }
const envelope = (text: string): { error: { type: string; message: string }; request_id: string } => JSON.parse(text) as never
const sentBody = (chunks: readonly Uint8Array[]): string =>
  toText(
    concatBytes(
      chunks,
      chunks.reduce((sum, { length }) => sum + length, 0),
    ),
  )

describe('an exchange', () => {
  it('passes request and reply unchanged and proves it with digests of both sides', async () => {
    const { send, upstream } = bench([complete])
    const body = '{"model": "claude-opus-5-5",\t"n":12345678901234567890,"n":1.0, "x":"\\ud83d"}'
    const { settlement, sink } = await send({ target: '/v1/messages?beta=true', body, headers: [['content-type', 'application/json']] })
    expect(upstream.calls[0]?.request.path).toBe('/v1/messages?beta=true')
    expect(sentBody(upstream.calls[0]?.request.body ?? [])).toBe(body)
    expect(sink.text()).toBe(replyFrames.join(''))
    expect(sink.misuses).toEqual([])
    const { proof } = settlement
    expect(proof.requestDigest).toMatch(/^crc32:[0-9a-f]{8}$/)
    expect(proof).toEqual({
      requestDigest: proof.requestDigest,
      upstreamRequestDigest: proof.requestDigest,
      upstreamResponseDigest: proof.responseDigest,
      responseDigest: proof.responseDigest,
      patches: [],
    })
    expect(settlement).toMatchObject({
      outcome: { kind: 'completed' },
      status: 200,
      isStream: true,
      messageId: 'msg_01',
      stopReason: 'end_turn',
      usage: { source: 'final' },
      cost: { nanoUsd: 900_000n, state: 'priced' },
    })
  })

  it('without digests passes bytes unchanged all the same, and claims no proof', async () => {
    const { send, upstream } = bench([complete], { digest: 'none' })
    const body = '{"model": "claude-opus-5-5"}'
    const { settlement, sink } = await send({ body, headers: [['content-type', 'application/json']] })
    expect(sentBody(upstream.calls[0]?.request.body ?? [])).toBe(body)
    expect(sink.text()).toBe(replyFrames.join(''))
    expect(settlement.proof).toEqual({ patches: [] })
  })

  it('settles exactly once on every path, last registered first, and refuses a registration after that', async () => {
    const order: string[] = []
    const late: unknown[] = []
    const { gateway, send } = bench([
      complete,
      { failWith: new TransportError('connect', 'refused') },
      { status: 400, headers: [['content-type', 'application/json']], body: ['{}'] },
      { headers: eventStream, body: replyFrames.slice(0, 3), breakWith: new Error('reset') },
    ])
    gateway.use({
      name: 'register',
      handle: async (exchange, next) => {
        exchange.onSettled(() => void order.push('first'))
        exchange.onSettled(async () => {
          await Promise.resolve()
          order.push('second')
        })
        exchange.onSettled(() => {
          try {
            exchange.onSettled(() => undefined)
          } catch (error) {
            late.push(error)
          }
        })
        return next({})
      },
    })
    const kinds = []
    for (let turn = 0; turn < 4; turn += 1) kinds.push((await send()).settlement.outcome.kind)
    expect(kinds).toEqual(['completed', 'failed', 'failed', 'upstream-truncated'])
    expect(order).toEqual(['second', 'first', 'second', 'first', 'second', 'first', 'second', 'first'])
    expect(late).toHaveLength(4)
  })

  it('hands bytes on before observers run; a throwing, rejecting or stuck observer changes nothing and is reported', async () => {
    const seen: number[] = []
    const { gateway, send, clock, faults } = bench([complete])
    const sink = collectingSink()
    gateway.use({
      name: 'observe',
      handle: (exchange, next) => {
        exchange.observe({ name: 'counts', onFrame: () => void seen.push(sink.bytes().length) })
        exchange.observe({
          name: 'throws',
          onFrame: () => {
            throw new Error('boom')
          },
        })
        exchange.observe({ name: 'rejects', onHead: () => Promise.reject(new Error('late boom')) })
        exchange.observe({ name: 'sticks', onFrame: () => new Promise(() => undefined) })
        return next({})
      },
    })
    const { settlement } = await send(undefined, sink)
    let total = 0
    expect(seen).toEqual(replyFrames.map((frame) => (total += toBytes(frame).length)))
    expect(settlement.outcome.kind).toBe('completed')
    clock.advance(5_000)
    const told = faults.map(({ code, source }) => `${code} ${source}`)
    expect(told.filter((line) => line === 'observer-threw throws')).toHaveLength(replyFrames.length)
    expect(told).toContain('observer-threw rejects')
    expect(told).toContain('observer-stuck sticks')
  })

  it('client-gone cancels the upstream at once and bills what was seen', async () => {
    const { start, upstream } = bench([{ headers: eventStream, body: replyFrames.slice(0, 4), hang: 'after-body' }])
    const { request, settled, sink } = start()
    await new Promise((resolve) => setImmediate(resolve))
    request.leave('any value')
    const settlement = await settled
    expect(upstream.calls[0]?.cancelled?.reason).toBe('any value')
    expect(settlement).toMatchObject({ outcome: { kind: 'client-gone' }, usage: { source: 'partial', total: { freshInputTokens: 25 } } })
    expect(settlement?.cost.nanoUsd).toBeGreaterThan(100_000n)
    expect(sink.state).toBe('aborted')
  })

  it('client-gone with drainMillis reads on for exact usage, and no longer than that', async () => {
    let finish: () => void = () => undefined
    const rest = new Promise<void>((resolve) => {
      finish = resolve
    })
    const { start } = bench(
      [
        { headers: eventStream, body: [...replyFrames.slice(0, 4), () => rest, ...replyFrames.slice(4)] },
        { headers: eventStream, body: replyFrames.slice(0, 4), hang: 'after-body' },
      ],
      { drainMillis: 1_000 },
    )
    const first = start()
    await new Promise((resolve) => setImmediate(resolve))
    first.request.leave()
    finish()
    expect(await first.settled).toMatchObject({ outcome: { kind: 'client-gone' }, usage: { source: 'final', total: { outputTokens: 40 } } })
    expect(first.sink.text()).toBe(replyFrames.slice(0, 4).join(''))
  })

  it('client-gone before the head cancels the attempt, and the prompt that was sent is charged as estimated', async () => {
    const { start, upstream } = bench([{ hang: 'before-head' }])
    const { request, settled } = start()
    await new Promise((resolve) => setImmediate(resolve))
    request.leave()
    expect(await settled).toMatchObject({ outcome: { kind: 'client-gone' }, usage: { source: 'estimated', total: { outputTokens: 0 } } })
    expect(upstream.calls[0]?.cancelled).toBeDefined()
  })

  it('a middleware that throws after the upstream answered cancels the upstream body', async () => {
    const { gateway, send, upstream, faults } = bench([{ headers: eventStream, body: replyFrames, hang: 'after-body' }])
    gateway.use({
      name: 'late',
      handle: async (_exchange, next) => {
        await next({})
        throw new Error('secret detail')
      },
    })
    const { settlement, sink } = await send()
    expect(upstream.calls[0]?.cancelled).toBeDefined()
    expect(sink.status).toBe(500)
    expect(sink.text()).not.toContain('secret detail')
    expect(settlement.outcome).toEqual({ kind: 'failed', error: { origin: 'gateway', code: 'internal' } })
    expect(faults.map(({ code }) => code)).toEqual(['middleware-threw'])
  })

  it('B17: retries only a kept-alive connection that died unanswered, once, and records both tries', async () => {
    const stale = { failWith: new TransportError('stale-connection', 'reset') }
    const { send, upstream } = bench([stale, complete, stale, stale, { failWith: new TransportError('sent', 'reset') }])
    expect((await send()).settlement).toMatchObject({ outcome: { kind: 'completed' }, attempts: [{ failure: 'stale-connection' }, { status: 200 }] })
    expect((await send()).sink.status).toBe(502)
    expect((await send()).sink.status).toBe(502)
    expect(upstream.calls).toHaveLength(5)
  })

  it('R6, R8: a ping of its own appears between frames after the silence asked for, never to a client that is not reading, and never hides a dead upstream', async () => {
    let resume: () => void = () => undefined
    const rest = new Promise<void>((resolve) => {
      resume = resolve
    })
    const half = replyFrames[3] as string
    const body = [...replyFrames.slice(0, 3), half.slice(0, 30), () => rest, half.slice(30), ...replyFrames.slice(4)]
    const { start, clock } = bench(
      [
        { headers: eventStream, body },
        { headers: eventStream, body: replyFrames.slice(0, 3), hang: 'after-body' },
      ],
      { upstream: { heartbeatMillis: 15_000, deadlines: { idleMillis: 100_000 } } },
    )
    const first = start()
    await clock.advanceAsync(14_999)
    expect(first.sink.text()).toBe(replyFrames.slice(0, 3).join(''))
    await clock.advanceAsync(1)
    await clock.advanceAsync(15_000)
    const ping = 'event: ping\ndata: {"type": "ping"}\n\n'
    expect(first.sink.text()).toBe(replyFrames.slice(0, 3).join('') + ping + ping)
    first.sink.hold()
    resume()
    await clock.advanceAsync(60_000)
    expect(first.sink.text().match(/event: ping/g)).toHaveLength(3)
    first.sink.release()
    const settlement = await first.settled
    expect(first.sink.text()).toBe(replyFrames.slice(0, 3).join('') + ping + ping + replyFrames.slice(3).join(''))
    expect(settlement?.proof.upstreamResponseDigest).not.toBe(settlement?.proof.responseDigest)

    const second = start()
    await clock.advanceAsync(100_000)
    expect(await second.settled).toMatchObject({ outcome: { kind: 'upstream-truncated', error: { code: 'upstream-timeout' } } })
    expect(second.sink.text()).toMatch(/event: error\ndata: \{"type":"error","error":\{"type":"timeout_error"/)
  })

  it('R8: by default no ping is ever added, however long the silence', async () => {
    const { start, clock } = bench([{ headers: eventStream, body: replyFrames.slice(0, 3), hang: 'after-body' }])
    const { sink, request, settled } = start()
    await clock.advanceAsync(899_000)
    expect(sink.text()).toBe(replyFrames.slice(0, 3).join(''))
    request.leave()
    await settled
    expect(clock.pendingTimers).toBe(0)
  })

  it('answers 504 when no head comes in time', async () => {
    const { start, clock } = bench([{ hang: 'before-head' }])
    const { sink, settled } = start()
    await clock.advanceAsync(900_000)
    expect(await settled).toMatchObject({ outcome: { kind: 'failed', error: { code: 'upstream-timeout' } }, attempts: [{ failure: 'timeout' }] })
    expect([sink.status, envelope(sink.text()).error.type]).toEqual([504, 'timeout_error'])
  })

  it('a gate sees whole frames first and may cut the stream; the client gets a valid error', async () => {
    const { gateway, send } = bench([{ headers: eventStream, body: [replyFrames.join('')] }])
    gateway.use({
      name: 'guard',
      handle: (exchange, next) => {
        exchange.gate({
          name: 'no-text',
          onFrame: (frame) => (frame.event === 'content_block_delta' ? new GatewayError('refused', 'Stopped by policy.') : 'pass'),
          onMessage: () => 'pass',
        })
        return next({})
      },
    })
    const { settlement, sink } = await send()
    expect(settlement.outcome).toEqual({ kind: 'cut', error: { origin: 'gateway', code: 'refused' } })
    expect(sink.text().startsWith(replyFrames.slice(0, 3).join(''))).toBe(true)
    expect(sink.text()).not.toContain('日本語')
    expect(sink.text()).toMatch(/event: error\ndata: .*Stopped by policy\./)
  })

  it('L1: a gate sees a JSON reply before its head is sent; what it stops is a proper error, billed all the same', async () => {
    const message = (text: string): string =>
      JSON.stringify({
        id: 'msg_1',
        type: 'message',
        model: 'claude-opus-5-5',
        content: [{ type: 'text', text }],
        stop_reason: 'end_turn',
        usage: { input_tokens: 10, output_tokens: 20 },
      })
    const json = [['content-type', 'application/json']] as const
    const { gateway, send } = bench([
      { headers: json, body: [message('fine').slice(0, 30), message('fine').slice(30)] },
      { headers: json, body: [message('forbidden')] },
      { headers: json, body: [message('fine').slice(0, 30)], breakWith: new Error('reset') },
      { headers: [...json, ['content-encoding', 'gzip']], body: ['xxxx'] },
      { headers: json, body: ['not json'] },
      { status: 529, headers: json, body: ['{"type":"error","error":{"type":"overloaded_error"}}'] },
    ])
    gateway.use({
      name: 'guard',
      handle: (exchange, next) => {
        exchange.gate({
          name: 'words',
          onFrame: () => 'pass',
          onMessage: (value) => (JSON.stringify(value).includes('forbidden') ? new GatewayError('refused', 'Stopped by policy.') : 'pass'),
        })
        return next({})
      },
    })
    const passed = await send()
    expect([passed.sink.status, passed.sink.text(), passed.sink.misuses]).toEqual([200, message('fine'), []])
    const stopped = await send()
    expect([stopped.sink.status, envelope(stopped.sink.text()).error.message]).toEqual([403, 'Stopped by policy.'])
    expect(stopped.settlement).toMatchObject({ outcome: { kind: 'cut' }, status: 403, usage: { source: 'final' }, cost: { nanoUsd: 440_000n } })
    const broken = await send()
    expect([broken.sink.status, broken.settlement.outcome.kind]).toEqual([502, 'upstream-truncated'])
    for (const unreadable of [await send(), await send()]) expect([unreadable.sink.status, unreadable.settlement.outcome.kind]).toEqual([500, 'cut'])
    expect((await send()).sink.status).toBe(529)
  })

  it('B21: drain refuses new exchanges, lets those under way finish, then ends the rest with overloaded_error', async () => {
    const { gateway, start, send, clock } = bench((index) =>
      index === 0 ? { headers: eventStream, body: replyFrames.slice(0, 3), hang: 'after-body' } : complete,
    )
    const stuck = start()
    await clock.advanceAsync(1)
    const drained = gateway.drain(5_000)
    expect((await send()).sink.status).toBe(503)
    const ready = collectingSink()
    await gateway.handle(clientRequest({ method: 'GET', target: '/readyz' }), ready)
    expect(ready.status).toBe(503)
    await clock.advanceAsync(5_000)
    await drained
    expect((await stuck.settled)?.outcome).toEqual({ kind: 'cut', error: { origin: 'gateway', code: 'shutting-down' } })
    expect(stuck.sink.text()).toContain('"type":"overloaded_error"')
    expect(gateway.underWay).toBe(0)
  })

  it('a middleware that never answers does not hold up a shutdown, and what its upstream says later is let go', async () => {
    const { gateway, start, clock } = bench(() => complete)
    gateway.use({ name: 'hangs', handle: (_exchange, next) => next({}).then(() => new Promise<never>(() => undefined)) })
    const stuck = start()
    await clock.advanceAsync(1)
    const drained = gateway.drain(5_000)
    await clock.advanceAsync(5_000)
    await drained
    expect([stuck.sink.status, gateway.underWay]).toEqual([503, 0])
  })

  it('an exchange is cut by its middleware at any time: before the reply as a refusal, within a stream as its last event', async () => {
    const { gateway, start, clock } = bench((index) =>
      index === 0 ? { headers: eventStream, body: replyFrames.slice(0, 3), hang: 'after-body' } : { hang: 'before-head' },
    )
    const cuts: (() => void)[] = []
    gateway.use({
      name: 'cutter',
      handle: (exchange, next) => {
        cuts.push(() => exchange.cut(new GatewayError('invalid-credential', 'This key was withdrawn.')))
        return next({})
      },
    })
    const [streaming, waiting] = [start(), start()]
    await clock.advanceAsync(1)
    for (const cut of cuts) cut()
    for (const cut of cuts) cut()
    expect((await streaming.settled)?.outcome).toEqual({ kind: 'cut', error: { origin: 'gateway', code: 'invalid-credential' } })
    expect(streaming.sink.text()).toMatch(/event: error\ndata: .*This key was withdrawn\..*\n\n$/)
    expect((await waiting.settled)?.outcome).toEqual({ kind: 'refused', error: { origin: 'gateway', code: 'invalid-credential' } })
    expect(waiting.sink.status).toBe(401)
  })

  it('reply headers of a prefix are kept back where middleware speaks for itself, and a header set twice is sent once', async () => {
    const { gateway, send } = bench([{ headers: [...eventStream, ['x-limit-left', '1'], ['X-Limit-Reset', '2'], ['x-other', '3']], body: replyFrames }])
    gateway.use({
      name: 'limits',
      handle: async (exchange, next) => {
        exchange.dropReplyHeaders('x-limit-')
        exchange.setReplyHeader('x-limit-left', 'none')
        exchange.setReplyHeader('X-Limit-Left', 'some')
        return next({})
      },
    })
    const { headers } = (await send()).sink
    expect(headers.filter(([name]) => /^x-(?:limit|other)/i.test(name))).toEqual([
      ['x-other', '3'],
      ['X-Limit-Left', 'some'],
    ])
  })

  it('a ledger that fails is a fault, never the client’s problem', async () => {
    const { gateway, send, faults } = bench([complete])
    gateway.record({
      append: () => Promise.reject(new Error('disk full')),
      report: () => Promise.resolve([]),
      exchanges: () => Promise.resolve([sampleEntry({})]),
    })
    expect((await send()).sink.state).toBe('closed')
    expect(faults).toMatchObject([{ code: 'ledger-append-failed', source: 'ledger' }])
  })
})

describe('routing and patches', () => {
  it('a model chosen by the router is spliced into the bytes and noted', async () => {
    const { gateway, send, upstream } = bench([complete])
    gateway.route(() => ({ upstream: 'scripted', model: 'claude-haiku-5-5' }))
    const { settlement } = await send({ body: '{ "model" : "claude-opus-5-5" , "x":1.0}', headers: [['content-type', 'application/json']] })
    expect(sentBody(upstream.calls[0]?.request.body ?? [])).toBe('{ "model" : "claude-haiku-5-5" , "x":1.0}')
    expect(settlement).toMatchObject({
      requestedModel: 'claude-opus-5-5',
      resolvedModel: 'claude-haiku-5-5',
      proof: { patches: [{ name: 'replace model', start: 12, end: 29, insertedBytes: 18 }] },
    })
    expect(settlement.proof.requestDigest).not.toBe(settlement.proof.upstreamRequestDigest)
  })

  it('a patch declared too late throws', async () => {
    const { gateway, send } = bench([complete])
    const errors: unknown[] = []
    gateway.use({
      name: 'late',
      handle: async (exchange, next) => {
        const reply = await next({})
        try {
          exchange.patch(replaceTopLevelString('model', 'x'))
        } catch (error) {
          errors.push(error)
        }
        return reply
      },
    })
    await send()
    expect(String(errors[0])).toContain('declare it before next()')
  })

  it('R20: signed and redacted thinking reaches the client as the upstream wrote it, with observers, gates and a model change at work', async () => {
    const signature = 'EqQBCgIYAhIM'.repeat(40)
    const block = (data: object): string =>
      `event: content_block_start\ndata: ${JSON.stringify({ type: 'content_block_start', index: 0, content_block: data })}  \n\n`
    const delta = (data: object): string => `event: content_block_delta\ndata: ${JSON.stringify({ type: 'content_block_delta', index: 0, delta: data })}\n\n`
    const thinking = [
      block({ type: 'thinking', thinking: '', signature: '' }),
      delta({ type: 'thinking_delta', thinking: '' }),
      delta({ type: 'signature_delta', signature }),
      block({ type: 'redacted_thinking', data: signature }),
    ]
    const frames = [replyFrames[0] as string, ...thinking, ...replyFrames.slice(1)]
    const { gateway, send } = bench([{ headers: eventStream, body: frames }])
    gateway
      .use({
        name: 'watch',
        handle: (exchange, next) => {
          exchange.observe({ name: 'looks', onFrame: (frame) => void frame.json })
          exchange.gate({ name: 'passes', onFrame: () => 'pass', onMessage: () => 'pass' })
          return next({})
        },
      })
      .route(() => ({ upstream: 'scripted', model: 'claude-opus-4-8' }))
    const { sink, settlement } = await send()
    expect(sink.text()).toBe(frames.join(''))
    expect(settlement.proof.responseDigest).toBe(settlement.proof.upstreamResponseDigest)
  })

  it('next() twice names the middleware', async () => {
    const { gateway, send, faults } = bench([complete, complete])
    gateway.use({
      name: 'twice',
      handle: async (_exchange, next) => {
        await next({})
        return next({})
      },
    })
    expect((await send()).sink.status).toBe(500)
    expect(String(faults[0]?.cause)).toContain('"twice" called next() twice')
  })
})

describe('answers of its own', () => {
  it.each([
    ['bad-request-target', 400, { target: '/v1/../admin' }],
    ['bad-request-target', 400, { headers: [['host', 'a/v1/messages?x=']] as const }],
    [
      'bad-request-target',
      400,
      {
        headers: [
          ['host', 'a'],
          ['Host', 'b'],
        ] as const,
      },
    ],
    ['bad-request-target', 400, { headers: [['host', 'user@a']] as const }],
    ['bad-request-target', 400, { target: 'http://evil.test/v1/messages' }],
    ['unknown-route', 404, { target: '/v2/messages' }],
    ['malformed-body', 400, { body: '{"model":"x"', headers: [['content-type', 'application/json']] as const }],
    ['unsupported-content-type', 415, { body: 'a=b', headers: [['content-type', 'application/x-www-form-urlencoded']] as const }],
    ['unsupported-encoding', 415, { body: 'x', headers: [['content-encoding', 'gzip']] as const }],
    ['body-too-large', 413, { body: 'x'.repeat(1_001) }],
    ['body-too-large', 413, { body: 'x', headers: [['content-length', '5000']] as const }],
  ])('F4: %s is status %i in the Anthropic envelope, names itself, and reaches no upstream', async (code, status, parts) => {
    const { send, upstream } = bench([complete], { maxBodyBytes: 1_000 })
    const { settlement, sink } = await send(parts)
    expect(sink.status).toBe(status)
    expect(sink.headers).toContainEqual(['x-sluice-error-code', code])
    expect(envelope(sink.text())).toMatchObject({ type: 'error', request_id: settlement.exchangeId })
    expect(settlement.outcome).toEqual({ kind: 'refused', error: { origin: 'gateway', code } })
    expect(upstream.calls).toHaveLength(0)
  })

  it('C9: with unknown models denied, one is refused before it is sent; otherwise the operator is told once', async () => {
    const denied = bench([complete], { pricing: pricing({ unknownModel: 'deny' }) })
    const parts = { json: { ...messagesBody, model: 'claude-next' } }
    const { sink } = await denied.send(parts)
    expect([sink.status, envelope(sink.text()).error.type]).toEqual([403, 'permission_error'])
    expect(denied.upstream.calls).toHaveLength(0)
    const odd = replyFrames.map((frame) => frame.replace('claude-opus-5-5', 'claude-next'))
    const assumed = bench([
      { headers: eventStream, body: odd },
      { headers: eventStream, body: odd },
    ])
    await assumed.send(parts)
    expect((await assumed.send(parts)).settlement.cost).toMatchObject({ state: 'assumed' })
    expect(assumed.faults.map(({ code }) => code)).toEqual(['unknown-model-price'])
  })

  it('keeps what no middleware saw out of the ledger, so that scanners cannot fill it', async () => {
    const kept: string[] = []
    const { gateway, send } = bench([complete])
    gateway
      .use(authenticate(staticKeys([])))
      .record({ append: async ({ outcome }) => void kept.push(outcome.error?.code ?? ''), report: async () => [], exchanges: async () => [] })
    await send({ target: '/wp-admin' })
    await send({ headers: [['host', 'user@a']] })
    await send()
    expect(kept).toEqual(['missing-credential'])
  })

  it('forwards what it does not know under /v1/: any method, path and body', async () => {
    const { send, upstream } = bench([{ status: 207, body: ['made-up'] }])
    const { sink } = await send({ method: 'PATCH', target: '/v1/tomorrow%2fs/route?x=%20&y', body: 'not json', headers: [['content-type', 'text/odd']] })
    expect(upstream.calls[0]?.request).toMatchObject({ method: 'PATCH', path: '/v1/tomorrow%2fs/route?x=%20&y' })
    expect([sink.status, sink.text()]).toEqual([207, 'made-up'])
  })

  it('a refusal made by a middleware carries its headers and retry advice', async () => {
    const { gateway, send } = bench([complete])
    gateway.use({
      name: 'cap',
      handle: () =>
        Promise.resolve(
          refuse(
            new GatewayError('refused', 'spend limit reached', {
              status: 429,
              type: 'billing_error',
              retryAfterSeconds: 90,
              shouldRetry: false,
              headers: [['anthropic-ratelimit-unified-status', 'rejected']],
            }),
          ),
        ),
    })
    const { sink } = await send()
    expect(sink.status).toBe(429)
    for (const header of [
      ['retry-after', '90'],
      ['x-should-retry', 'false'],
      ['anthropic-ratelimit-unified-status', 'rejected'],
      ['x-sluice-error-origin', 'gateway'],
    ])
      expect(sink.headers).toContainEqual(header)
  })

  it('H5: answers health, hello and telemetry by itself, and no other method or neighbouring path', async () => {
    const { gateway, upstream } = bench([])
    const status = async (method: string, target: string): Promise<number | undefined> => {
      const sink = collectingSink()
      await gateway.handle(clientRequest({ method, target }), sink)
      return sink.status
    }
    for (const [method, target] of [
      ['GET', '/healthz'],
      ['GET', '/readyz'],
      ['HEAD', '/'],
      ['HEAD', '/api/hello'],
      ['POST', '/api/event_logging/batch'],
      ['POST', '/v1/metrics'],
    ] as const)
      expect([target, await status(method, target)]).toEqual([target, 200])
    for (const [method, target] of [
      ['GET', '/healthz/x'],
      ['POST', '/healthz'],
      ['GET', '/%68ealthz'],
    ] as const)
      expect([target, await status(method, target)]).toEqual([target, 404])
    expect(upstream.calls).toHaveLength(0)
  })
})

describe('credentials', () => {
  const keys = staticKeys([
    { developer: 'ada', secret: 'sluice-key-of-ada-01' },
    { developer: 'lin', secret: 'sluice-key-of-lin-02' },
  ])
  const messages = (headers: readonly (readonly [string, string])[]): object => ({ json: messagesBody, headers })

  it.each([
    ['x-api-key', [['x-api-key', 'sluice-key-of-ada-01']], 200],
    ['a bearer', [['authorization', 'Bearer sluice-key-of-ada-01']], 200],
    [
      'both, as an apiKeyHelper sends them',
      [
        ['x-api-key', 'sluice-key-of-ada-01'],
        ['authorization', 'Bearer sluice-key-of-ada-01'],
      ],
      200,
    ],
    [
      'a known key beside an unknown one',
      [
        ['x-api-key', 'sk-ant-old'],
        ['authorization', 'Bearer sluice-key-of-ada-01'],
      ],
      200,
    ],
    ['none', [], 401],
    ['an unknown one', [['x-api-key', 'sluice-key-of-ada-0']], 401],
    [
      'two of different owners',
      [
        ['x-api-key', 'sluice-key-of-lin-02'],
        ['authorization', 'Bearer sluice-key-of-ada-01'],
      ],
      401,
    ],
    ['a huge one', [['x-api-key', 'x'.repeat(10_000)]], 401],
    ['basic authorization', [['authorization', 'Basic c2x1aWNl']], 401],
  ] as const)('H6, R21: swap: %s', async (_name, headers, status) => {
    const { gateway, send, upstream } = bench([complete])
    gateway.use(authenticate(keys))
    const { sink, settlement } = await send(messages(headers))
    expect(sink.status).toBe(status)
    const sent = JSON.stringify(upstream.calls.map(({ request }) => request.headers))
    expect(sent).not.toContain('sluice-key')
    expect(sent.includes('sk-ant-canary-upstream')).toBe(status === 200)
    const told =
      sink.text() + JSON.stringify(sink.headers) + JSON.stringify(settlement, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
    expect(told).not.toMatch(/sk-ant-canary-upstream|sluice-key-of/)
  })

  it('H6: passthrough sends the client’s own credential, and no other, to the pinned host only', async () => {
    const credential = passthroughCredential({ keyHosts: ['upstream.test'] })
    const { send, upstream } = bench([complete], { upstream: { credential } })
    await send(
      messages([
        ['X-Api-Key', 'sk-ant-client'],
        ['cookie', 'a=b'],
      ]),
    )
    expect(upstream.calls[0]?.request.headers).toEqual([
      ['content-type', 'application/json'],
      ['accept-encoding', 'identity'],
      ['X-Api-Key', 'sk-ant-client'],
    ])
    expect((await send(messages([['authorization', 'Bearer sk-ant-oat01-client']]))).sink.status).toBe(403)
    expect((await send(messages([]))).sink.status).toBe(401)
    expect(upstream.calls).toHaveLength(1)
  })

  it('H6: split keeps the gateway’s key here and sends the client’s on', async () => {
    const { gateway, send, upstream } = bench([complete], { upstream: { credential: splitCredential({ oauthHosts: ['upstream.test'] }) } })
    gateway.use(authenticate(keys, { mode: 'split' }))
    const { settlement } = await send(
      messages([
        ['authorization', 'Bearer sk-ant-oat01-client'],
        ['x-sluice-key', 'sluice-key-of-ada-01'],
      ]),
    )
    expect(settlement.outcome.kind).toBe('completed')
    const sent = JSON.stringify(upstream.calls[0]?.request.headers)
    expect(sent).toContain('sk-ant-oat01-client')
    expect(sent).not.toContain('sluice-key')
    expect((await send(messages([['x-api-key', 'sluice-key-of-ada-01']]))).sink.status).toBe(401)
  })
})

describe('building a gateway', () => {
  const runtime = { transport: scriptedTransport([]) }
  const upstreams = [{ name: 'a', baseUrl: 'https://a.test', credential: swapCredential('k') }]
  it.each([
    [{ upstreams: [] }, 'upstreams'],
    [{ upstreams: [upstreams[0], upstreams[0]] }, 'upstreams[1].name'],
    [{ upstreams: [{ ...upstreams[0], baseUrl: 'api.anthropic.com' }] }, 'upstreams[0].baseUrl'],
    [{ upstreams: [{ ...upstreams[0], baseUrl: 'https://user:pw@a.test' }] }, 'upstreams[0].baseUrl'],
    [{ upstreams: [{ ...upstreams[0], baseUrl: 'ftp://a.test' }] }, 'upstreams[0].baseUrl'],
    [{ upstreams: [{ ...upstreams[0], heartbeatMillis: 5 }] }, 'upstreams[0].heartbeatMillis'],
    [{ upstreams: [{ ...upstreams[0], deadlines: { idleMillis: -1 } }] }, 'upstreams[0].deadlines.idleMillis'],
    [{ egressHosts: [] }, 'upstreams[0].baseUrl'],
    [{ egressHosts: ['b.test', '*.a.test', 'A.test'] }, 'upstreams[0].baseUrl'],
    [{ upstreams: [{ ...upstreams[0], baseUrl: 'https://eviltest' }], egressHosts: ['*.test'] }, 'upstreams[0].baseUrl'],
    [{ maxBodyBytes: 0 }, 'maxBodyBytes'],
    [{ digest: 'sha256' as const }, 'digest'],
  ])('refuses %j by naming the option', (options, option) => {
    const build = (): unknown => createGateway({ runtime, upstreams, ...options } as GatewayOptions)
    expect(build).toThrow(ConfigurationError)
    expect(build).toThrow(`${option}: `)
  })

  it('takes upstreams at hosts that egress is allowed to, alone or with all below a name', () => {
    for (const egressHosts of [['a.test'], ['*.test'], ['other.com', 'a.test']]) expect(() => createGateway({ runtime, upstreams, egressHosts })).not.toThrow()
  })

  it('refuses two middlewares that add the same context key, and changes after the first request', async () => {
    const adds = (name: string): Middleware<object, { readonly who: string }> => ({ name, adds: ['who'], handle: (_exchange, next) => next({ who: name }) })
    const gateway = createGateway({ runtime, upstreams }).use(adds('one'))
    expect(() => gateway.use(adds('two'))).toThrow('"two" and "one" both add "who"')
    const used = createGateway({ runtime, upstreams })
    await used.handle(clientRequest({ json: messagesBody }), collectingSink())
    expect(() => used.use(adds('late'))).toThrow('after the gateway had handled a request')
    expect(() =>
      createGateway({ runtime, upstreams })
        .route(() => ({ upstream: 'a' }))
        .route(() => ({ upstream: 'a' })),
    ).toThrow('called twice')
  })

  it('does not compile before what it needs, and a forgotten return does not compile', () => {
    const needs: Middleware<{ readonly principal: { readonly developer: string } }> = { name: 'needs', handle: (_exchange, next) => next({}) }
    // @ts-expect-error principal is added by nobody yet
    createGateway({ runtime, upstreams }).use(needs)
    createGateway({ runtime, upstreams })
      .use(authenticate(staticKeys([])))
      .use(needs)
    // @ts-expect-error the reply is not returned
    const forgets: Middleware = { name: 'forgets', handle: async (_exchange, next) => void (await next({})) }
    expect(forgets.name).toBe('forgets')
  })
})
