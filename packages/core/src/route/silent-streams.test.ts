import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { errorBody, fleet, type Behaviour, type Fleet } from '../../test/fleet-bench.ts'
import { eventStream, replyFrames } from '../../test/gateway-bench.ts'
import { ConfigurationError, GatewayError } from '../errors.ts'
import { pricing } from '../meter/price.ts'
import { TransportError } from '../ports/runtime.ts'
import type { ScriptedReply } from '../testing/scripted-transport.ts'
import { headHold } from './first-content.ts'
import type { Router } from './router.ts'
import { upstreamHealth } from './upstream-health.ts'

const whole = replyFrames.join('')
const [start = ''] = replyFrames
const ping = 'event: ping\ndata: {"type":"ping"}\n\n'
const attempts = { firstContent: headHold({ millis: 500, whenSilent: 'ask-next' }) } as const
const count = (text: string, part: string): number => text.split(part).length - 1

/** A stream that begins, and says nothing more. */
const silent = (begins: string = start + ping): ScriptedReply => ({ headers: eventStream, body: [begins], hang: 'after-body' })

const among = (behaviours: Record<string, Behaviour | (() => Behaviour | ScriptedReply)>, options: Parameters<typeof fleet>[1] = {}): Fleet =>
  fleet(behaviours, { attempts, ...options })

describe('a stream without content whose time is over', () => {
  it.each(['', start, start + ping, ': waiting\n\n'])(
    'is cancelled once another has answered, and the client sees one stream, byte for byte: %j',
    async (begins) => {
      const { send, asked, transport, clock, faults } = among({ a: () => silent(begins), b: 'ok' })
      const began = clock.now()
      const { sink, settlement } = await send(500)
      expect([asked(), sink.status, sink.text(), sink.misuses]).toEqual([['a', 'b'], 200, whole, []])
      expect(transport.calls[0]?.cancelled).toBeDefined()
      expect(settlement).toMatchObject({ outcome: { kind: 'completed' }, headAt: began + 500 })
      expect(settlement.attempts).toMatchObject([
        { upstream: 'a', status: 200, failure: 'no-content' },
        { upstream: 'b', status: 200 },
      ])
      expect([faults, clock.pendingTimers]).toEqual([[], 0])
    },
  )

  it('is charged for what it had begun to cost, beside the reply', async () => {
    const alone = (await fleet({ b: 'ok' }).send()).settlement
    const { settlement } = await among({ a: () => silent(), b: 'ok' }).send(500)
    const [, lost] = settlement.usage.lines
    expect(settlement.usage.lines.map(({ role }) => role)).toEqual(['message', 'lost-attempt'])
    expect(lost?.freshInputTokens).toBeGreaterThan(0)
    expect(settlement.usage).toMatchObject({ source: 'final', total: alone.usage.total, flags: ['lost-attempt'] })
    expect(settlement.cost.nanoUsd).toBe(
      alone.cost.nanoUsd + pricing().cost({ ...settlement.usage, lines: lost === undefined ? [] : [lost] }, settlement.startedAt).nanoUsd,
    )
  })

  it('is not waited for longer than the time, nor given up before', async () => {
    const { start: begin, clock, asked } = among({ a: () => silent(), b: 'ok' })
    const { settled } = begin()
    await clock.advanceAsync(499)
    expect(asked()).toEqual(['a'])
    await clock.advanceAsync(1)
    await settled
    expect(asked()).toEqual(['a', 'b'])
  })

  it.each<readonly [string, Behaviour | ScriptedReply]>([
    ['cannot be reached', 'connect'],
    ['breaks off', 'sent'],
    ['gives no head', 'silent'],
    ['is overloaded', 529],
    ['dies before its content', { headers: eventStream, body: [start], breakWith: new TransportError('sent', 'reset') }],
    ['is silent as well', silent()],
  ])('is handed on after all where the other one %s, with all that it says later, and its usage counts once', async (_what, other) => {
    const gate = Promise.withResolvers<void>()
    const late: ScriptedReply = { headers: eventStream, body: [start, () => gate.promise, ...replyFrames.slice(1)] }
    const { start: begin, clock, asked, transport } = among({ a: () => late, b: () => other, c: 'connect' })
    const began = clock.now()
    const { sink, settled } = begin()
    await clock.advanceAsync(1_600)
    expect([asked().slice(0, 2), sink.status, sink.text()]).toEqual([['a', 'b'], 200, start])
    gate.resolve()
    const settlement = await settled
    expect([sink.text(), sink.misuses, settlement?.outcome.kind]).toEqual([whole, [], 'completed'])
    expect(settlement?.headAt).toBe(began)
    const lost = typeof other === 'object' ? ['lost-attempt'] : []
    expect(settlement?.usage.lines.map(({ role }) => role)).toEqual(['message', ...lost])
    expect(settlement?.proof.responseDigest).toBe(settlement?.proof.upstreamResponseDigest)
    expect(transport.calls.slice(1).every(({ cancelled }, index) => cancelled !== undefined || typeof [other, 'connect'][index] === 'string')).toBe(true)
    expect(clock.pendingTimers).toBe(0)
  })

  it('gives way to an error that is the request’s own: that is the answer wherever it is asked', async () => {
    const { send, transport } = among({ a: () => silent(), b: 400 })
    const { sink, settlement } = await send(500)
    expect([sink.status, sink.text(), transport.calls[0]?.cancelled !== undefined]).toEqual([400, errorBody('b', 400), true])
    expect(settlement.usage.lines.map(({ role }) => role)).toEqual(['lost-attempt'])
  })

  it('is handed on where no budget has room for another', async () => {
    const refusing = fleet({ a: () => silent(), b: 'ok' }, { attempts, plan: withCheck })
    const { start: begin, clock, asked } = refusing
    const { sink, request, settled } = begin()
    await clock.advanceAsync(500)
    expect([asked(), sink.status, sink.text()]).toEqual([['a'], 200, start + ping])
    request.leave()
    expect((await settled)?.usage.lines.map(({ role }) => role)).toEqual(['message'])
  })

  it.each([
    ['by default', { firstContent: headHold({ millis: 500 }) }],
    ['where no try is left', { most: 1, firstContent: headHold({ millis: 500, whenSilent: 'ask-next' }) }],
  ] as const)('is handed on %s', async (_when, given) => {
    const { start: begin, clock, asked } = fleet({ a: () => silent(), b: 'ok' }, { attempts: given })
    const { sink, request, settled } = begin()
    await clock.advanceAsync(500)
    expect([asked(), sink.status, sink.text()]).toEqual([['a'], 200, start + ping])
    request.leave()
    await settled
  })

  it('is handed on when the deadline that all share is over, and counts for nothing then', async () => {
    const clock = fleet({ a: 'ok' }).clock
    const health = upstreamHealth({ clock })
    const { start: begin, asked } = fleet(
      { a: () => silent(), b: 'ok' },
      {
        attempts: { health, ...attempts },
        clock,
        upstream: { a: { deadlines: { headMillis: 300 } } },
        plan: { targets: [{ upstream: 'a' }, { upstream: 'b' }] },
      },
    )
    const { sink, request, settled } = begin()
    await clock.advanceAsync(300)
    expect([asked(), sink.text(), health.snapshot()]).toEqual([['a'], start + ping, []])
    request.leave()
    await settled
  })

  it('F8: is a fault of its upstream, and asked at no other model of the same', async () => {
    const { clock } = fleet({ a: 'ok' })
    const health = upstreamHealth({ clock })
    const plan = { targets: [{ upstream: 'a' }, { upstream: 'a', model: 'claude-haiku-4-5' }, { upstream: 'b' }] } as const
    const { send, asked } = fleet({ a: () => silent(), b: 'ok' }, { attempts: { health, ...attempts }, clock, plan })
    await send(500)
    expect(asked()).toEqual(['a', 'b'])
    expect(health.snapshot()).toMatchObject([{ upstream: 'a', state: 'closed', faults: 1 }])
  })

  it('a client that leaves while the next is asked ends both, and what the first had begun to cost is charged', async () => {
    const { start: begin, clock, transport, asked } = among({ a: () => silent(), b: 'silent' })
    const { request, settled, sink } = begin()
    await clock.advanceAsync(600)
    expect(asked()).toEqual(['a', 'b'])
    request.leave('gone')
    const settlement = await settled
    expect([settlement?.outcome.kind, sink.text(), clock.pendingTimers]).toEqual(['client-gone', '', 0])
    expect(transport.calls.map(({ cancelled }) => cancelled !== undefined)).toEqual([true, true])
    expect(settlement?.usage.lines.map(({ role }) => role)).toContain('lost-attempt')
  })

  it('that option is checked when it is given', () => {
    expect(() => headHold({ whenSilent: 'wait' as 'let-go' })).toThrow(ConfigurationError)
  })
})

const withCheck: Router = (exchange) => {
  exchange.checkTargets(() => {
    throw new GatewayError('budget-exceeded', 'no room')
  })
  return { targets: [{ upstream: 'a' }, { upstream: 'b', model: 'claude-haiku-4-5' }] }
}

const behaviours: readonly (Behaviour | 'stalls' | 'dies')[] = ['ok', 'connect', 'sent', 'silent', 529, 400, 'stalls', 'dies']

property.prop([fc.array(fc.constantFrom(...behaviours), { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 4 })])(
  'F6: whatever upstreams do: calls within the budget, one message_start, one reply, every stream that began paid for once, and all others cancelled',
  async (does, most) => {
    const reply = (what: (typeof behaviours)[number]): Behaviour | ScriptedReply => {
      if (what === 'stalls') return silent()
      return what === 'dies' ? { headers: eventStream, body: [start], breakWith: new TransportError('sent', 'reset') } : what
    }
    const bench = among(Object.fromEntries(does.map((what, index) => [`u${index}`, () => reply(what)])), { attempts: { most, ...attempts } })
    const { start: begin, clock, transport } = bench
    const { sink, request, settled } = begin()
    await clock.advanceAsync(8_000)
    // Who is handed a silent stream leaves in the end.
    request.leave()
    const settlement = await settled
    const asked = transport.calls.length
    expect(asked).toBeLessThanOrEqual(most)
    expect(settlement?.attempts.filter(({ failure }) => failure !== 'not-allowed')).toHaveLength(asked)
    expect(count(sink.text(), 'event: message_start')).toBeLessThanOrEqual(1)
    expect(count(sink.text(), 'event: message_stop')).toBe(sink.text() === whole ? 1 : 0)
    expect(sink.misuses).toEqual([])
    // A stream that stalled is ended by whoever had it: the gateway when another answered, the client when it left.
    const streams = transport.calls.filter((_, index) => does[index] === 'stalls')
    expect(streams.every(({ cancelled }) => cancelled !== undefined)).toBe(true)
    // Every stream that began is paid for, once; so is the prompt of who was given up on at the deadline.
    const begun = settlement?.attempts.filter(({ status }) => status === 200).length ?? -1
    expect(settlement?.usage.lines).toHaveLength(begun + (sink.status === 504 ? 1 : 0))
    expect(clock.pendingTimers).toBe(0)
  },
)
