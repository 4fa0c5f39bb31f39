import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { fleet, type Behaviour, type Fleet } from '../../test/fleet-bench.ts'
import { eventStream, replyFrames } from '../../test/gateway-bench.ts'
import { ConfigurationError } from '../errors.ts'
import { createGateway } from '../gateway.ts'
import { pricing } from '../meter/price.ts'
import { TransportError } from '../ports/runtime.ts'
import type { ScriptedReply } from '../testing/scripted-transport.ts'
import { toBytes } from '../wire/bytes.ts'
import { headHold, type HeadHold } from './first-content.ts'
import { upstreamHealth } from './upstream-health.ts'
import { swapCredential } from './upstream-credential.ts'

const whole = replyFrames.join('')
const [start = ''] = replyFrames
const ping = 'event: ping\ndata: {"type":"ping"}\n\n'
const reset = new TransportError('sent', 'reset')
const errorEvent = (type: string): string => `event: error\ndata: {"type":"error","error":{"type":"${type}","message":"not now"}}\n\n`
const count = (text: string, part: string): number => text.split(part).length - 1
const attempts = { firstContent: headHold() }

/** Two upstreams: the first is given, the second is well. */
const two = (first: Behaviour | ScriptedReply, options: Parameters<typeof fleet>[1] = { attempts }): Fleet => fleet({ a: () => first, b: 'ok' }, options)
const dies = (body: ScriptedReply['body'] = [], rest: Partial<ScriptedReply> = { breakWith: reset }): ScriptedReply => ({ headers: eventStream, body, ...rest })

describe('a stream that dies, by phase', () => {
  const beforeContent: readonly (readonly [string, Behaviour | ScriptedReply])[] = [
    ['when connecting', 'connect'],
    ['before its head', 'sent'],
    ['right after its head', dies()],
    ['right after its head, as if it had ended', dies([], {})],
    ['within its first frame', dies([start.slice(0, 40)])],
    ['after message_start', dies([start])],
    ['after message_start and pings', dies([start, ping, ping, ': still here\n\n'])],
    ['with an overloaded_error after message_start', dies([start, errorEvent('overloaded_error')], {})],
    ['with an api_error in place of anything else', dies([errorEvent('api_error')], {})],
  ]

  it.each(beforeContent)('%s is replaced by another, and the client sees one stream, byte for byte', async (_phase, first) => {
    const { send, asked, faults, clock } = two(first)
    const { sink, settlement } = await send(100)
    expect([asked(), sink.status, sink.text(), sink.state, sink.misuses]).toEqual([['a', 'b'], 200, whole, 'closed', []])
    expect(settlement).toMatchObject({ outcome: { kind: 'completed' }, status: 200 })
    expect(settlement.proof.responseDigest).toBe(settlement.proof.upstreamResponseDigest)
    expect([faults, clock.pendingTimers]).toEqual([[], 0])
  })

  it.each(replyFrames.slice(1, -1).map((_, index) => index + 2))(
    'B4, B5: after %i frames, content among them, stays the client’s: an error event, and nobody else is asked',
    async (frames) => {
      const { send, asked } = two(dies([replyFrames.slice(0, frames).join('')]))
      const { sink, settlement } = await send(100)
      expect(asked()).toEqual(['a'])
      expect(sink.text().startsWith(replyFrames.slice(0, frames).join(''))).toBe(true)
      expect([count(sink.text(), 'event: message_start'), count(sink.text(), 'event: error'), count(sink.text(), 'event: message_stop')]).toEqual([1, 1, 0])
      expect(settlement.outcome).toEqual({ kind: 'upstream-truncated', error: { origin: 'gateway', code: 'upstream-broke' } })
    },
  )

  it('is handed on as it died where every other target fails as well, and its usage counts once', async () => {
    const { send, asked } = fleet({ a: () => dies([start]), b: 'connect' }, { attempts })
    const { sink, settlement } = await send(100)
    expect([asked(), sink.status, count(sink.text(), 'event: message_start'), count(sink.text(), 'event: error')]).toEqual([['a', 'b'], 200, 1, 1])
    expect(sink.text().startsWith(start)).toBe(true)
    expect(settlement.usage.lines.map(({ role }) => role)).toEqual(['message'])
    expect(settlement.usage.flags).not.toContain('lost-attempt')
  })

  it('an error that is the request’s own is the answer', async () => {
    const { send, asked } = two(dies([start, errorEvent('invalid_request_error')], {}))
    const { sink } = await send(100)
    expect([asked(), sink.text()]).toEqual([['a'], start + errorEvent('invalid_request_error')])
  })

  it('after its request was taken is replaced at another upstream only', async () => {
    const targets = [{ upstream: 'a' }, { upstream: 'a', model: 'claude-haiku-4-5' }, { upstream: 'b' }] as const
    const { send, asked } = two(dies([start]), { attempts, plan: { targets } })
    await send(100)
    expect(asked()).toEqual(['a', 'b'])
  })

  it('F6: counts in the one budget of tries and the one deadline', async () => {
    const dead = dies([start])
    const few = fleet({ a: () => dead, b: () => dead, c: () => dead, d: 'ok' }, { attempts: { most: 2, firstContent: headHold() } })
    const { settlement, sink } = await few.send(100)
    expect([few.asked(), count(sink.text(), 'event: message_start')]).toEqual([['a', 'b'], 1])
    expect(settlement.attempts.map(({ failure }) => failure)).toEqual(['no-content', undefined])
  })
})

describe('what a stream cost that nobody was given', () => {
  it('stands in the record beside the reply, and is charged', async () => {
    const { send } = two(dies([start]), { attempts, plan: { targets: [{ upstream: 'a', model: 'claude-haiku-4-5' }, { upstream: 'b' }] } })
    const { settlement } = await send(100)
    const [alone, both] = [await fleet({ b: 'ok' }).send(), settlement]
    const [, lost] = both.usage.lines
    expect(both.usage.lines.map(({ role }) => role)).toEqual(['message', 'lost-attempt'])
    expect(both.usage).toMatchObject({ source: 'final', total: alone.settlement.usage.total, flags: ['lost-attempt'] })
    expect(lost?.freshInputTokens).toBeGreaterThan(0)
    expect(both.cost.nanoUsd).toBe(
      alone.settlement.cost.nanoUsd + pricing().cost({ ...both.usage, lines: lost === undefined ? [] : [lost] }, both.startedAt).nanoUsd,
    )
    expect(both.billedModel).toBe(alone.settlement.billedModel)
    expect(both.attempts).toMatchObject([
      { upstream: 'a', status: 200, failure: 'no-content' },
      { upstream: 'b', status: 200 },
    ])
  })

  it('counts also where the answer in its place is an error that costs nothing', async () => {
    const { send } = fleet({ a: () => dies([start]), b: 400 }, { attempts })
    const { settlement } = await send(100)
    expect(settlement).toMatchObject({ status: 400, usage: { source: 'partial', lines: [{ role: 'lost-attempt' }] } })
    expect(settlement.billedModel).toBeUndefined()
    expect(settlement.cost.nanoUsd).toBeGreaterThan(0n)
  })
})

describe('the bounds', () => {
  it('a stream that says nothing is let go when its time is over, and is not tried elsewhere', async () => {
    const gate = Promise.withResolvers<void>()
    const {
      start: begin,
      clock,
      asked,
    } = two(dies([start, () => gate.promise, ...replyFrames.slice(1)], {}), { attempts: { firstContent: headHold({ millis: 500 }) } })
    const { sink, settled } = begin()
    await clock.advanceAsync(499)
    expect([sink.status, sink.text()]).toEqual([undefined, ''])
    await clock.advanceAsync(1)
    expect([sink.status, sink.text()]).toEqual([200, start])
    gate.resolve()
    expect((await settled)?.outcome.kind).toBe('completed')
    expect([sink.text(), asked()]).toEqual([whole, ['a']])
  })

  it('no stream is held beyond the deadline that all targets share', async () => {
    const { start: begin, clock } = two(dies([start], { hang: 'after-body' }), {
      attempts: { firstContent: headHold({ millis: 60_000 }) },
      plan: { targets: [{ upstream: 'a' }, { upstream: 'b' }] },
      upstream: { a: { deadlines: { headMillis: 1_000 } } },
    })
    const { sink, request, settled } = begin()
    await clock.advanceAsync(1_000)
    expect([sink.status, sink.text()]).toEqual([200, start])
    request.leave()
    await settled
  })

  it('a flood without content is let go at its size, and its source waits until somebody takes it', async () => {
    const comment = `: ${'x'.repeat(400)}\n\n`
    const { send, transport } = two(dies([start, ...Array.from({ length: 50 }, () => comment), ...replyFrames.slice(1)], {}), {
      attempts: { firstContent: headHold({ bytes: 2_000 }) },
    })
    const { sink } = await send(100)
    expect(sink.text()).toBe(start + comment.repeat(50) + replyFrames.slice(1).join(''))
    expect(transport.calls).toHaveLength(1)
  })

  it('nothing is held where nobody else could be asked, by default, or of what is no plain stream', async () => {
    const gate = Promise.withResolvers<void>()
    const slow = dies([start, () => gate.promise, ...replyFrames.slice(1)], {})
    const benches = [
      fleet({ a: () => slow }, { attempts }),
      two(slow, {}),
      two(slow, { attempts: { most: 1, firstContent: headHold() } }),
      two({ ...slow, headers: [...eventStream, ['content-encoding', 'gzip']] }),
    ]
    for (const { start: begin, clock } of benches) {
      const { sink, request, settled } = begin()
      await clock.advanceAsync(10)
      expect([sink.status, sink.text()]).toEqual([200, start])
      request.leave()
      await settled
    }
  })

  it('are checked when they are given, and what is no hold is refused with what to pass', () => {
    for (const options of [{ millis: 0 }, { bytes: -1 }, { millis: 1.5 }]) expect(() => headHold(options)).toThrow(ConfigurationError)
    const upstreams = [{ name: 'a', baseUrl: 'https://a.test', credential: swapCredential('k') }]
    const runtime = { transport: { send: () => Promise.reject(new Error('unused')) } }
    const firstContent = {} as unknown as HeadHold
    expect(() => createGateway({ runtime, upstreams, attempts: { firstContent } })).toThrow(/headHold\(/)
  })
})

it('a client that leaves while a stream is held ends it, and is charged what it had begun to cost', async () => {
  const { start: begin, clock, transport, asked } = two(dies([start], { hang: 'after-body' }))
  const { sink, request, settled } = begin()
  await clock.advanceAsync(10)
  request.leave()
  const settlement = await settled
  expect([settlement?.outcome.kind, sink.text(), asked()]).toEqual(['client-gone', '', ['a']])
  expect(settlement?.usage).toMatchObject({ source: 'partial', lines: [{ role: 'message' }] })
  expect(transport.calls[0]?.cancelled).toBeDefined()
  expect(clock.pendingTimers).toBe(0)
})

it('F8: a stream that dies before its content is a fault of its upstream, and one that is overloaded is load', async () => {
  for (const [first, state] of [
    [dies([start]), { state: 'closed', faults: 1 }],
    [dies([start, errorEvent('overloaded_error')], {}), { state: 'closed', faults: 0, busyUntil: expect.any(Number) as number }],
  ] as const) {
    const bench = fleet({ a: () => first, b: 'ok' })
    const health = upstreamHealth({ clock: bench.clock })
    await fleet({ a: () => first, b: 'ok' }, { attempts: { health, firstContent: headHold() }, clock: bench.clock }).send(10)
    expect(health.snapshot()).toMatchObject([{ upstream: 'a', ...state }])
  }
})

property.prop([fc.array(fc.nat({ max: whole.length }), { maxLength: 12 }), fc.boolean()])(
  'however a stream is cut into chunks, held or not, the client gets exactly its bytes',
  async (cuts, isHeld) => {
    const bytes = toBytes(whole)
    const places = [0, ...cuts.toSorted((left, right) => left - right), bytes.length]
    const chunks = places.slice(1).map((place, index) => bytes.subarray(places[index], place))
    const { send } = two(
      dies(
        chunks.filter(({ length }) => length > 0),
        {},
      ),
      isHeld ? { attempts } : {},
    )
    const { sink, settlement } = await send(10)
    expect([sink.text(), settlement.outcome.kind, settlement.usage.source]).toEqual([whole, 'completed', 'final'])
  },
)
