import { describe, expect, it } from 'vitest'
import { bench, eventStream, messagesBody, replyFrames } from '../../test/gateway-bench.ts'
import { GatewayError } from '../errors.ts'
import { refuse } from '../exchange/reply.ts'
import { createGateway } from '../gateway.ts'
import type { Middleware } from '../middleware/middleware.ts'
import { clientRequest } from '../testing/client-request.ts'
import { swapCredential } from '../route/upstream-credential.ts'
import { collectingSink } from '../testing/collecting-sink.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { bytesSource } from '../wire/byte-stream.ts'
import { toBytes } from '../wire/bytes.ts'
import type { Gate } from './gate.ts'

const complete = { headers: eventStream, body: replyFrames }
const json = [['content-type', 'application/json']] as const
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const never = new Promise<never>(() => undefined)
const gated = (gate: Partial<Gate>): Middleware => ({
  name: 'guard',
  handle: (exchange, next) => {
    exchange.gate({ name: 'gate', onFrame: () => 'pass', onMessage: () => 'pass', ...gate })
    return next({})
  },
})
const errorEvents = (text: string): number => text.match(/^event: error$/gm)?.length ?? 0

describe('the end of a reply', () => {
  it('a compressed stream that this runtime cannot read ends as the upstream ended it', async () => {
    const { send } = bench([{ headers: [...eventStream, ['content-encoding', 'zstd']], body: ['xxxx'] }])
    const { sink, settlement } = await send()
    expect([sink.state, sink.text(), settlement.outcome.kind]).toEqual(['closed', 'xxxx', 'completed'])
  })

  it('an upstream that reports an error and then breaks is not answered with a second error', async () => {
    const error = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    const { send } = bench([{ headers: eventStream, body: [...replyFrames.slice(0, 3), error], breakWith: new Error('reset') }])
    const { sink, settlement } = await send()
    expect(errorEvents(sink.text())).toBe(1)
    expect(settlement).toMatchObject({ outcome: { kind: 'upstream-truncated', error: { origin: 'upstream', code: 'overloaded_error' } } })
    expect(settlement.proof.responseDigest).toBe(settlement.proof.upstreamResponseDigest)
  })

  it('leaves no timer behind when a stream ends within drainMillis', async () => {
    let finish: () => void = () => undefined
    const rest = new Promise<void>((resolve) => (finish = resolve))
    const { start, clock } = bench([{ headers: eventStream, body: [...replyFrames.slice(0, 4), () => rest, ...replyFrames.slice(4)] }], { drainMillis: 60_000 })
    const { request, settled } = start()
    await turn()
    request.leave()
    finish()
    expect(await settled).toMatchObject({ outcome: { kind: 'client-gone' }, usage: { source: 'final' } })
    expect(clock.pendingTimers).toBe(0)
  })

  it('a shutdown does not wait for what is read on after its client has left', async () => {
    const { gateway, start, clock } = bench([{ headers: eventStream, body: replyFrames.slice(0, 4), hang: 'after-body' }], { drainMillis: 600_000 })
    const { request, settled } = start()
    await turn()
    request.leave()
    const drained = gateway.drain(5_000)
    await clock.advanceAsync(5_000)
    expect(gateway.underWay).toBe(0)
    await drained
    expect(await settled).toMatchObject({ outcome: { kind: 'client-gone' }, usage: { source: 'partial' } })
  })
})

describe('a client that does not read', () => {
  it('is let go of after the idle time', async () => {
    const { start, clock } = bench([complete])
    const { sink, settled } = start()
    sink.hold()
    await clock.advanceAsync(900_000)
    expect(await settled).toMatchObject({ outcome: { kind: 'client-gone' } })
    expect([sink.state, sink.misuses]).toEqual(['aborted', []])
  })

  it('does not hold up a source that waits for it when the reply is cut', async () => {
    // Such as a loop over a web stream, which cannot hear of a cancel while it waits for its writer.
    const body = bytesSource(...replyFrames.map((frame) => toBytes(frame)))
    const clock = manualClock()
    const gateway = createGateway({
      runtime: { transport: { send: async () => ({ status: 200, headers: eventStream, body }) } },
      upstreams: [{ name: 'waits', baseUrl: 'https://upstream.test', credential: swapCredential('k') }],
      host: { clock },
    })
    const sink = collectingSink()
    sink.hold()
    const settled = gateway.handle(clientRequest({ json: messagesBody }), sink)
    await turn()
    const drained = gateway.drain(1_000)
    await clock.advanceAsync(1_000)
    await drained
    expect(await settled).toMatchObject({ outcome: { kind: 'cut', error: { code: 'shutting-down' } } })
  })

  it('whose sink fails, here by a rejected promise under a ping, counts as gone; the operator is told, and the upstream is not blamed', async () => {
    const { gateway, clock, faults } = bench([{ headers: eventStream, body: replyFrames.slice(0, 3), hang: 'after-body' }], {
      upstream: { heartbeatMillis: 1_000, deadlines: { idleMillis: 5_000 } },
    })
    const inner = collectingSink()
    let writes = 0
    const sink = { ...inner, write: (chunk: Uint8Array) => ((writes += 1) > 3 ? Promise.reject(new Error('sink broke')) : inner.write(chunk)) }
    const settled = gateway.handle(clientRequest({ json: messagesBody }), sink)
    await clock.advanceAsync(5_000)
    expect(await settled).toMatchObject({ outcome: { kind: 'client-gone' }, usage: { source: 'partial' } })
    expect(faults.map(({ code }) => code)).toEqual(['sink-failed'])
  })
})

describe('a gate', () => {
  it('that never decides is the gateway’s fault and no client that left', async () => {
    const { gateway, start, clock } = bench([complete])
    gateway.use(gated({ onFrame: (frame) => (frame.event === 'content_block_delta' ? never : 'pass') }))
    const { sink, settled } = start()
    await clock.advanceAsync(900_000)
    expect(await settled).toMatchObject({ outcome: { kind: 'cut', error: { origin: 'gateway', code: 'internal' } } })
    expect([errorEvents(sink.text()), sink.state, sink.misuses]).toEqual([1, 'closed', []])
  })

  it('that decides after the reply was cut lets nothing through any more', async () => {
    let decide: (verdict: 'pass') => void = () => undefined
    const verdict = new Promise<'pass'>((resolve) => (decide = resolve))
    const { gateway, start, clock } = bench([complete])
    gateway.use(gated({ onFrame: (frame) => (frame.event === 'content_block_delta' ? verdict : 'pass') }))
    const { sink, settled } = start()
    await turn()
    const drained = gateway.drain(1_000)
    await clock.advanceAsync(1_000)
    await drained
    const settlement = await settled
    const before = sink.text()
    decide('pass')
    await turn()
    expect([sink.text(), sink.misuses]).toEqual([before, []])
    expect(settlement).toMatchObject({ outcome: { kind: 'cut' }, responseBytes: sink.bytes().length })
  })

  it('that holds a JSON reply holds up neither a client that leaves nor a shutdown', async () => {
    const body = ['{"type":"message","model":"claude-opus-5-5","usage":{"input_tokens":1,"output_tokens":2}}']
    const { gateway, start, clock } = bench([
      { headers: json, body },
      { headers: json, body },
    ])
    gateway.use(gated({ onMessage: () => never }))
    const left = start()
    await turn()
    left.request.leave()
    await turn()
    expect(left.sink.state).toBe('aborted')
    expect(await left.settled).toMatchObject({ outcome: { kind: 'client-gone' }, usage: { source: 'final' } })
    const stuck = start()
    await turn()
    const drained = gateway.drain(1_000)
    await clock.advanceAsync(1_000)
    await drained
    expect(await stuck.settled).toMatchObject({ outcome: { kind: 'cut' }, status: 503 })
    expect([stuck.sink.status, stuck.sink.misuses]).toEqual([503, []])
  })

  it('a frame too large for gates comes after those before it were passed, as a valid error', async () => {
    const huge = `event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"${'x'.repeat(2_000)}`
    const { gateway, send } = bench([{ headers: eventStream, body: [replyFrames.slice(0, 3).join('') + huge, 'x"}}\n\n'] }], { maxFrameBytes: 1_000 })
    gateway.use(gated({}))
    const { sink, settlement } = await send()
    expect(sink.text().startsWith(replyFrames.slice(0, 3).join(''))).toBe(true)
    expect([errorEvents(sink.text()), sink.text().includes('xxx'), sink.state, sink.misuses]).toEqual([1, false, 'closed', []])
    expect(settlement).toMatchObject({ outcome: { kind: 'cut' }, responseBytes: sink.bytes().length })
  })
})

describe('an exchange that the gateway ends by itself', () => {
  it('settles, and tells its operator, when an answer has a header that no adapter can send', async () => {
    const { gateway, faults } = bench([complete])
    gateway.use({ name: 'bad', handle: () => Promise.resolve(refuse(new GatewayError('refused', 'no', { headers: [['x-note', 'a\nb']] }))) })
    const inner = collectingSink()
    const sink = {
      ...inner,
      head: () => {
        throw new TypeError('Invalid character in header content')
      },
    }
    const settlement = await gateway.handle(clientRequest({ json: messagesBody }), sink)
    expect(settlement).toMatchObject({ outcome: { kind: 'refused' } })
    expect(settlement?.status).toBeUndefined()
    expect(inner.state).toBe('aborted')
    expect(faults.map(({ code }) => code)).toEqual(['sink-failed'])
    expect(gateway.underWay).toBe(0)
  })

  it('a middleware that returns no reply is a fault, and is answered', async () => {
    const { gateway, send, faults } = bench([complete])
    gateway.use({ name: 'forgets', handle: (async () => undefined) as never })
    expect((await send()).sink.status).toBe(500)
    expect(faults.map(({ code }) => code)).toEqual(['middleware-threw'])
    expect(gateway.underWay).toBe(0)
  })

  it('an ear for faults that throws harms nobody', async () => {
    const { gateway, send } = bench([complete], {
      host: {
        onFault: () => {
          throw new Error('no disk for the log')
        },
      },
    })
    gateway.record({ append: () => Promise.reject(new Error('full')), report: async () => [], exchanges: async () => [] })
    expect((await send()).settlement.outcome.kind).toBe('completed')
    expect(gateway.underWay).toBe(0)
  })

  it('a reply header set after next() is sent', async () => {
    const { gateway, send } = bench([complete])
    gateway.use({
      name: 'tags',
      handle: async (exchange, next) => {
        const reply = await next({})
        exchange.setReplyHeader('x-status-was', String(reply.status))
        return reply
      },
    })
    expect((await send()).sink.headers).toContainEqual(['x-status-was', '200'])
  })

  it('an answer that a middleware gives up is billed as an estimate, never as nothing', async () => {
    const { gateway, send } = bench([{ headers: eventStream, body: replyFrames, hang: 'after-body' }])
    gateway.use({ name: 'late', handle: async (_exchange, next) => (await next({}), refuse(new GatewayError('refused', 'no'))) })
    const { settlement } = await send()
    expect(settlement).toMatchObject({ outcome: { kind: 'refused' }, usage: { source: 'estimated' }, cost: { state: 'priced' } })
    expect(settlement.cost.nanoUsd).toBeGreaterThan(0n)
  })

  it('a client that stops within its request body holds up neither its own exchange nor a shutdown', async () => {
    const { gateway, clock } = bench([complete, complete])
    const stalled = { pump: () => never, cancel: () => undefined }
    const leaving = clientRequest({ body: stalled })
    const left = gateway.handle(leaving, collectingSink())
    await turn()
    leaving.leave()
    expect(await left).toMatchObject({ outcome: { kind: 'client-gone' } })
    const sink = collectingSink()
    const settled = gateway.handle(clientRequest({ body: stalled }), sink)
    await turn()
    const drained = gateway.drain(1_000)
    await clock.advanceAsync(1_000)
    await drained
    expect(await settled).toMatchObject({ outcome: { error: { code: 'shutting-down' } }, status: 503 })
  })
})
