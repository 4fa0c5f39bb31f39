import { describe, expect, it } from 'vitest'
import { errorBody, fleet, type Behaviour } from '../../test/fleet-bench.ts'
import { messagesBody, replyFrames } from '../../test/gateway-bench.ts'
import { ConfigurationError, GatewayError } from '../errors.ts'
import { pricing } from '../meter/price.ts'
import type { Principal } from '../ports/key-ring.ts'
import type { UpstreamDialect } from '../ports/upstream-dialect.ts'
import { concatBytes, toText } from '../wire/bytes.ts'
import { headerValue } from '../wire/header-list.ts'
import { dialectCredential, passthroughCredential } from './upstream-credential.ts'

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
const text = (chunks: readonly Uint8Array[]): string =>
  toText(
    concatBytes(
      chunks,
      chunks.reduce((sum, { length }) => sum + length, 0),
    ),
  )
const starts = (sent: string): number => sent.split('event: message_start').length - 1
const passing: ReadonlySet<Behaviour> = new Set([429, 500, 502, 503, 504, 529])

interface Expected {
  readonly asked: readonly string[]
  readonly from: string | undefined
  readonly status: number
}

/** What is to come of it, told another way: the reply that the client gets, and who was asked. */
function expected(behaviours: Readonly<Record<string, Behaviour>>, most: number): Expected {
  const asked: string[] = []
  let from: string | undefined
  let status = 0
  for (const [name, behaviour] of Object.entries(behaviours)) {
    if (asked.length >= most) break
    asked.push(name)
    if (behaviour === 'stale' && asked.length < most) asked.push(name)
    if (behaviour === 'ok') return { asked, from: name, status: 200 }
    if (typeof behaviour === 'number') {
      from = name
      status = behaviour
      if (!passing.has(behaviour)) return { asked, from, status }
    } else if (from === undefined) status = behaviour === 'connect' ? 503 : behaviour === 'silent' ? 504 : 502
  }
  return { asked, from, status }
}

const kinds: readonly Behaviour[] = ['ok', 'connect', 'sent', 'stale', 'silent', 400, 429, 503, 529]

describe('targets in order', () => {
  it.each([1, 2, 3, 6])(
    'B17, F3, F6: every fault at every position, %i tries: calls within the budget, one message_start, the last error unchanged',
    async (most) => {
      for (const a of kinds) {
        for (const b of kinds) {
          for (const c of most === 2 ? (['ok'] as const) : kinds) {
            const behaviours = { a, b, c }
            const { asked, from, status } = expected(behaviours, most)
            const bench = fleet(behaviours, { attempts: { most } })
            const began = bench.clock.now()
            const { settlement, sink } = await bench.send(3_000)
            const label = `${a} ${b} ${c}`
            expect([label, ...bench.asked()]).toEqual([label, ...asked])
            expect([label, sink.status, settlement.status, bench.faults.length, sink.misuses.length]).toEqual([label, status, status, 0, 0])
            expect(settlement.attempts.map(({ upstream, model }) => `${upstream} ${model}`)).toEqual(asked.map((name) => `${name} claude-opus-5-5`))
            expect(starts(sink.text())).toBe(status === 200 ? 1 : 0)
            if (status === 200) expect(sink.text()).toBe(replyFrames.join(''))
            else if (from === undefined) expect(headerValue(sink.headers ?? [], 'x-sluice-error-origin')).toBe('gateway')
            else {
              expect(sink.text()).toBe(errorBody(from, status))
              expect(['request-id', 'x-odd-header', 'retry-after', 'x-sluice-error-origin'].map((name) => headerValue(sink.headers ?? [], name))).toEqual([
                `req_${from}`,
                'kept',
                '7',
                undefined,
              ])
              expect(settlement).toMatchObject({ upstreamRequestId: `req_${from}`, outcome: { kind: 'failed', error: { origin: 'upstream' } } })
            }
            expect(settlement.headAt).toBe(
              from === undefined ? undefined : settlement.attempts.find(({ upstream, headAt }) => upstream === from && headAt !== undefined)?.headAt,
            )
            // Whatever replied and was not relayed was cancelled.
            const names = bench.asked()
            const open = bench.transport.calls.filter(
              ({ cancelled }, index) => cancelled === undefined && names[index] !== from && typeof behaviours[names[index] as 'a'] === 'number',
            )
            expect([label, open.length]).toEqual([label, 0])
            expect(bench.clock.pendingTimers).toBe(0)
            expect(settlement.endedAt - began).toBeLessThanOrEqual(3_000)
          }
        }
      }
    },
    60_000,
  )

  it('an upstream that broke off after it was sent the request is not asked again, for another model and after another failure either', async () => {
    const targets = [{ upstream: 'a' }, { upstream: 'b' }, { upstream: 'a', model: 'claude-haiku-4-5' }, { upstream: 'c' }] as const
    const { asked, send } = fleet({ a: 'sent', b: 'connect', c: 'ok' }, { plan: { targets } })
    expect((await send()).sink.status).toBe(200)
    expect(asked()).toEqual(['a', 'b', 'c'])
  })

  it('F6: ten dead upstreams cost three calls, and no more than the deadline', async () => {
    const dead = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`u${index}`, 'connect' as const]))
    const { asked, send } = fleet(dead)
    const { sink, settlement } = await send()
    expect(asked()).toEqual(['u0', 'u1', 'u2'])
    expect([sink.status, headerValue(sink.headers ?? [], 'x-should-retry')]).toEqual([503, 'true'])
    expect(settlement.attempts.map(({ failure }) => failure)).toEqual(['connect', 'connect', 'connect'])
  })

  it('F6: silent upstreams share the one deadline of the first', async () => {
    const plan = { targets: [{ upstream: 'a', headMillis: 400 }, { upstream: 'b', headMillis: 400 }, { upstream: 'c' }] } as const
    const { clock, start, asked } = fleet({ a: 'silent', b: 'silent', c: 'silent' }, { plan, upstream: { a: { deadlines: { headMillis: 1_000 } } } })
    const began = clock.now()
    const { settled, sink } = start()
    await clock.advanceAsync(999)
    expect([asked(), sink.status]).toEqual([['a', 'b', 'c'], undefined])
    await clock.advanceAsync(1)
    const settlement = await settled
    expect(settlement?.endedAt).toBe(began + 1_000)
    expect(settlement).toMatchObject({ status: 504, outcome: { kind: 'failed', error: { code: 'upstream-timeout' } } })
    expect(settlement?.attempts.map(({ failure, startedAt }) => [failure, startedAt - began])).toEqual([
      ['timeout', 0],
      ['timeout', 400],
      ['timeout', 800],
    ])
  })

  it('a first target that takes the whole deadline leaves nothing for the next', async () => {
    const plan = { targets: [{ upstream: 'a' }, { upstream: 'b' }] } as const
    const { send, asked } = fleet({ a: 'silent', b: 'ok' }, { plan, upstream: { a: { deadlines: { headMillis: 1_000 } } } })
    expect((await send(1_000)).settlement.status).toBe(504)
    expect(asked()).toEqual(['a'])
  })

  it('a client that leaves during a fallback ends it: nobody else is asked, and what was kept is cancelled', async () => {
    const { start, transport, asked, clock } = fleet({ a: 529, b: 'silent', c: 'ok' })
    const { request, settled, sink } = start()
    await turn()
    expect(asked()).toEqual(['a', 'b'])
    request.leave('gone')
    const settlement = await settled
    expect(settlement).toMatchObject({ outcome: { kind: 'client-gone' }, usage: { source: 'estimated' } })
    expect(settlement?.attempts.map(({ status, failure }) => status ?? failure)).toEqual([529, 'aborted'])
    expect(asked()).toEqual(['a', 'b'])
    expect(transport.calls[0]?.cancelled).toBeDefined()
    expect(transport.calls[1]?.cancelled?.reason).toBe('gone')
    expect([sink.state, clock.pendingTimers]).toEqual(['aborted', 0])
  })

  it('a client that has left by the time of the first answer gets no second upstream', async () => {
    let leave: () => void = () => undefined
    const { start, asked } = fleet({ a: () => ({ status: 503, beforeHead: () => leave() }), b: 'ok' })
    const { request, settled } = start()
    leave = () => request.leave()
    expect((await settled)?.outcome.kind).toBe('client-gone')
    expect(asked()).toEqual(['a'])
  })

  it('a client that leaves in the very moment of a failed answer gets no second upstream either', async () => {
    let leave: () => void = () => undefined
    const dialect: UpstreamDialect = {
      name: 'plain',
      prepare: ({ path, headers, body }) => Promise.resolve({ path, headers, body, patches: [] }),
      adapt: (reply) => {
        leave()
        return reply
      },
    }
    const { start, asked, transport } = fleet({ a: 503, b: 'ok' }, { upstream: { a: { credential: dialectCredential(), dialect } } })
    const { request, settled } = start()
    leave = () => request.leave('gone')
    expect((await settled)?.outcome.kind).toBe('client-gone')
    expect([asked(), transport.calls[0]?.cancelled?.reason]).toEqual([['a'], 'gone'])
  })

  it('a broken connection after sending is not tried again at the same upstream under another model', async () => {
    const plan = { targets: [{ upstream: 'a' }, { upstream: 'a', model: 'claude-haiku-5-5' }, { upstream: 'b' }] } as const
    const broken = fleet({ a: 'sent', b: 'ok' }, { plan })
    expect((await broken.send()).settlement.status).toBe(200)
    expect(broken.asked()).toEqual(['a', 'b'])
    const busy = fleet({ a: 529, b: 'ok' }, { plan })
    await busy.send()
    expect(busy.asked()).toEqual(['a', 'a', 'b'])
  })

  it('splices the model and drops betas anew for each target, and the records and the proof are of the one that answered', async () => {
    const plan = {
      targets: [{ upstream: 'a', model: 'claude-haiku-5-5', dropBetas: ['x-1'] }, { upstream: 'b' }, { upstream: 'c', model: 'claude-sonnet-5-5' }],
    } as const
    const { send, transport } = fleet({ a: 503, b: 503, c: 'connect' }, { plan })
    const { settlement } = await send()
    expect(transport.calls.map(({ request }) => text(request.body))).toEqual([
      JSON.stringify({ ...messagesBody, model: 'claude-haiku-5-5' }),
      JSON.stringify(messagesBody),
      JSON.stringify({ ...messagesBody, model: 'claude-sonnet-5-5' }),
    ])
    expect(transport.calls.map(({ request }) => headerValue(request.headers, 'x-api-key'))).toEqual(['sk-a', 'sk-b', 'sk-c'])
    // The reply that is relayed is that of b, which got the client's own bytes.
    expect(settlement).toMatchObject({
      requestedModel: 'claude-opus-5-5',
      resolvedModel: 'claude-opus-5-5',
      upstreamRequestId: 'req_b',
      proof: { patches: [] },
    })
    expect(settlement.proof.upstreamRequestDigest).toBe(settlement.proof.requestDigest)
    expect(settlement.attempts.map(({ model, status, failure }) => [model, status ?? failure])).toEqual([
      ['claude-haiku-5-5', 503],
      ['claude-opus-5-5', 503],
      ['claude-sonnet-5-5', 'connect'],
    ])
  })

  it('refuses a budget of tries that is none, and a target that is not configured, in the last place too', async () => {
    expect(() => fleet({ a: 'ok' }, { attempts: { most: 0 } })).toThrow(ConfigurationError)
    const { send, faults, asked } = fleet({ a: 'ok' }, { plan: { targets: [{ upstream: 'a' }, { upstream: 'typo' }] } })
    expect((await send()).settlement.status).toBe(500)
    expect([faults.length, asked()]).toEqual([1, []])
  })
})

const principalOf = (restrictions: Principal['restrictions']): Principal => ({ keyId: 'k', ...(restrictions !== undefined && { restrictions }) }) as Principal

describe('F7: what is refused to a request is refused to its fallback', () => {
  it.each([
    ['an upstream that the key may not use', { principal: principalOf({ upstreams: ['a', 'c'] }) }],
    ['a model that the key may not use', { principal: principalOf({ models: ['claude-opus-*'] }) }],
    ['a model without a price', { pricing: pricing({ unknownModel: 'deny' }) }],
    ['a host that the client key may not go to', { upstream: { b: { credential: passthroughCredential() } } }],
  ])('%s is left out and noted', async (_, options) => {
    const plan = { targets: [{ upstream: 'a' }, { upstream: 'b', model: 'unheard-of' }, { upstream: 'c' }] } as const
    const { send, asked } = fleet({ a: 503, b: 'ok', c: 'ok' }, { plan, ...options })
    const { settlement } = await send()
    expect([settlement.status, ...asked()]).toEqual([200, 'a', 'c'])
    expect(settlement.attempts.map(({ upstream, status, failure }) => `${upstream} ${status ?? failure}`)).toEqual(['b not-allowed', 'a 503', 'c 200'])
  })

  it('where no target may be used, the first refusal is the answer, and nothing is sent', async () => {
    const { send, asked } = fleet({ a: 'ok', b: 'ok' }, { principal: principalOf({ upstreams: ['z'] }) })
    const { settlement } = await send()
    expect(settlement).toMatchObject({ status: 403, outcome: { kind: 'refused', error: { code: 'credential-not-allowed' } }, attempts: [] })
    expect(asked()).toEqual([])
  })

  it('a dialect that cannot take the request is passed over, and does not hide that the first was out', async () => {
    const dialect: UpstreamDialect = { name: 'picky', prepare: () => Promise.reject(new GatewayError('malformed-body', 'not here', { status: 400 })) }
    const upstream = { b: { credential: dialectCredential(), dialect } }
    const { send, asked } = fleet({ a: 'connect', b: 'ok', c: 'ok' }, { upstream })
    const { settlement } = await send()
    expect(settlement.attempts.map(({ status, failure }) => status ?? failure)).toEqual(['connect', 'not-prepared', 200])
    expect(asked()).toEqual(['a', 'c'])
    const out = await fleet({ a: 'connect', b: 'ok' }, { upstream }).send()
    expect(out.settlement).toMatchObject({ status: 503, outcome: { error: { code: 'upstream-unreachable' } } })
    const relayed = await fleet({ a: 529, b: 'ok' }, { upstream }).send()
    expect(relayed.sink.text()).toBe(errorBody('a', 529))
  })
})
