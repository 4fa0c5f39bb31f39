import { describe, expect, test } from 'vitest'
import { refusalOf, rateBench, testRateBook } from '../../test/rate-bench.ts'
import { ConfigurationError } from '../errors.ts'
import { rateLimitOf, type RateLimitInput } from '../rates/check-limit.ts'
import { defaultRateLimitOptions, rateLimit } from './rate-limit.ts'
import { manualClock } from '../testing/manual-clock.ts'

const every = { model: '*' } as const
const perMinute = (amount: number, parts: Partial<RateLimitInput> = {}): RateLimitInput => ({
  id: 'requests',
  name: 'Requests of everybody',
  subject: every,
  unit: 'requests',
  amount,
  consistency: 'local',
  ...parts,
})

describe('refusals', () => {
  test('F1: a refusal names the limit, what it counts and when to come back; a short wait is left to Claude Code, and suffices', async () => {
    const { send, clock } = rateBench({ limits: [perMinute(3, { each: 'developer' })] })
    for (let count = 0; count < 3; count += 1) expect((await send()).status).toBe(200)
    expect(refusalOf(await send())).toEqual({
      status: 429,
      code: 'rate-limited',
      retryAfter: '20',
      shouldRetry: undefined,
      message: 'Rate limit "Requests of everybody" is reached: 3 requests a minute for each developer. Try again in 20 seconds.',
    })
    await clock.advanceAsync(19_999)
    expect(refusalOf(await send())).toMatchObject({ status: 429, retryAfter: '1' })
    await clock.advanceAsync(1)
    expect((await send()).status).toBe(200)
    expect(clock.pendingTimers).toBe(0)
  })

  test('F1: what takes longer than a minute is shown at once', async () => {
    const { send } = rateBench({ limits: [perMinute(10, { perMillis: 3_600_000, amount: 10 })] })
    for (let count = 0; count < 10; count += 1) await send()
    expect(refusalOf(await send())).toMatchObject({
      status: 429,
      retryAfter: '360',
      shouldRetry: 'false',
      message: 'Rate limit "Requests of everybody" is reached: 10 requests an hour. Try again in 6 minutes.',
    })
  })

  test('a limit of 0 lets nothing through, and gives no time to come back', async () => {
    const { send } = rateBench({ limits: [perMinute(0)] })
    expect(refusalOf(await send())).toEqual({
      status: 429,
      code: 'rate-limited',
      retryAfter: undefined,
      shouldRetry: 'false',
      message: 'Rate limit "Requests of everybody" is reached: 0 requests a minute. It lets nothing through.',
    })
  })

  test('an exchange that one limit refuses takes nothing of the others', async () => {
    const wide = perMinute(4, { id: 'wide', name: 'Wide' })
    const narrow = perMinute(1, { id: 'narrow', name: 'Narrow', subject: { model: 'claude-opus-*' } })
    const places = perMinute(2, { id: 'places', unit: 'concurrency', consistency: 'shared' })
    const book = testRateBook()
    const { send } = rateBench({ book, limits: [wide, { ...narrow, consistency: 'shared' }, places] })
    expect((await send()).status).toBe(200)
    for (let count = 0; count < 9; count += 1) expect(refusalOf(await send()).message).toContain('Narrow')
    const other = { model: 'claude-haiku-5-5' }
    for (let count = 0; count < 3; count += 1) expect((await send(other)).status).toBe(200)
    expect(refusalOf(await send(other)).message).toContain('Wide')
  })
})

describe('whom a limit covers', () => {
  test('only messages are counted: no number of token counts or other calls takes anything, or is refused', async () => {
    const { send } = rateBench({ limits: [perMinute(1)] })
    for (let count = 0; count < 25; count += 1) expect((await send({ target: '/v1/messages/count_tokens' })).status).toBe(200)
    expect((await send()).status).toBe(200)
    expect((await send()).status).toBe(429)
    expect((await send({ target: '/v1/messages/count_tokens?beta=true' })).status).toBe(200)
    expect((await send({ target: '/v1/messages?beta=true' })).status).toBe(429)
  })

  test('each key, each developer and each session has its own bucket, all have one', async () => {
    const through = async (each: 'all' | 'key' | 'developer' | 'session'): Promise<number> => {
      const { send } = rateBench({ limits: [perMinute(1, { each })] })
      let count = 0
      for (const key of ['ada', 'bob'] as const)
        for (const session of ['session-1', 'session-2', 'session-1', undefined, undefined])
          if ((await send({ key, ...(session !== undefined && { session }) })).status === 200) count += 1
      return count
    }
    expect([await through('all'), await through('key'), await through('developer'), await through('session')]).toEqual([1, 2, 2, 6])
  })

  test('a subject is matched by key, tag and model', async () => {
    const limits: readonly RateLimitInput[] = [
      perMinute(1, { id: 'key', name: 'By key', subject: { key: 'static:ada' } }),
      perMinute(1, { id: 'tag', name: 'By session', subject: { tag: { name: 'session', value: 'session-9' } } }),
      perMinute(1, { id: 'model', name: 'By model', subject: { model: 'claude-haiku-5-5' } }),
      perMinute(0, { id: 'scope', name: 'By scope', subject: { scope: 'acme' } }),
    ]
    const { send } = rateBench({ limits })
    expect([(await send()).status, refusalOf(await send()).message?.slice(0, 22)]).toEqual([200, 'Rate limit "By key" is'])
    const bob = { key: 'bob' } as const
    expect([(await send({ ...bob, session: 'session-9' })).status, refusalOf(await send({ ...bob, session: 'session-9' })).message?.slice(0, 23)]).toEqual([
      200,
      'Rate limit "By session"',
    ])
    const haiku = { ...bob, model: 'claude-haiku-5-5' }
    expect([(await send(haiku)).status, refusalOf(await send(haiku)).message?.slice(0, 21)]).toEqual([200, 'Rate limit "By model"'])
    for (let count = 0; count < 5; count += 1) expect((await send(bob)).status).toBe(200)
  })

  test('so many sessions of a developer at a time: a new one is refused, one of late goes on, and a quiet one makes room', async () => {
    const { send, clock } = rateBench({ limits: [perMinute(2, { unit: 'sessions', each: 'developer', perMillis: 300_000 })] })
    expect([(await send({ session: 'session-1' })).status, (await send({ session: 'session-2' })).status]).toEqual([200, 200])
    await clock.advanceAsync(200_000)
    expect((await send({ session: 'session-1' })).status).toBe(200)
    expect(refusalOf(await send({ session: 'session-3' }))).toMatchObject({
      status: 429,
      retryAfter: '300',
      shouldRetry: 'false',
      message: 'Rate limit "Requests of everybody" is reached: 2 active sessions at a time for each developer. Try again in 5 minutes.',
    })
    expect([(await send({ session: 'session-3', key: 'bob' })).status, (await send()).status]).toEqual([200, 200])
    await clock.advanceAsync(100_000)
    expect([
      (await send({ session: 'session-3' })).status,
      (await send({ session: 'session-2' })).status,
      (await send({ session: 'session-1' })).status,
    ]).toEqual([200, 429, 200])
  })
})

const cached = [
  'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-5-5","content":[],"usage":{"input_tokens":100,"cache_read_input_tokens":50000,"cache_creation_input_tokens":2000,"cache_creation":{"ephemeral_5m_input_tokens":1500,"ephemeral_1h_input_tokens":500},"output_tokens":1}}}\n\n',
  'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":400}}\n\n',
  'event: message_stop\ndata: {"type":"message_stop"}\n\n',
]
// 100 x 4, 50,000 x 0.20, 1,500 x 5, 500 x 8 and 400 x 20 dollars a million.
const cachedCostNanoUsd = 400_000 + 10_000_000 + 7_500_000 + 4_000_000 + 8_000_000

describe('G8: the same stream, charged by unit', () => {
  test.each([
    ['requests', 1],
    ['fresh-input-tokens', 2_100],
    ['output-tokens', 400],
    ['nano-usd', cachedCostNanoUsd],
    ['concurrency', 0],
  ] as const)('%s: %i', async (unit, charged) => {
    const book = testRateBook()
    const capacity = 100_000_000
    const { send } = rateBench({ book, frames: cached, limits: [perMinute(capacity, { unit, consistency: 'shared' })] })
    expect((await send()).status).toBe(200)
    const bucket = `requests\n${unit}`
    expect(book.table.take([{ bucket, amount: 0, capacity, perMillis: 60_000 }], Date.UTC(2026, 10, 24, 12))[0]?.remaining).toBe(capacity - charged)
  })

  test('an exchange is let in while anything is left, goes into debt, and the wait until the debt is filled up is honest', async () => {
    const { send, clock } = rateBench({ frames: cached, limits: [perMinute(300, { unit: 'output-tokens' })] })
    expect((await send()).status).toBe(200)
    expect(refusalOf(await send())).toMatchObject({ status: 429, retryAfter: '21' })
    await clock.advanceAsync(20_199)
    expect((await send()).status).toBe(429)
    await clock.advanceAsync(1)
    expect((await send()).status).toBe(200)
  })

  test('what the upstream refuses costs a request, and nothing else', async () => {
    const book = testRateBook()
    const limits = (['requests', 'output-tokens', 'nano-usd'] as const).map((unit) => perMinute(100, { id: unit, unit, consistency: 'shared' }))
    const { send } = rateBench({ book, limits, status: 500 })
    expect((await send()).status).toBe(500)
    const at = Date.UTC(2026, 10, 24, 12)
    const left = limits.map(({ unit }) => book.table.take([{ bucket: `${unit}\n${unit}`, amount: 0, capacity: 100, perMillis: 60_000 }], at)[0]?.remaining)
    expect(left).toEqual([99, 100, 100])
  })

  test('$1.50 a minute reads so', async () => {
    const { send } = rateBench({
      frames: cached,
      limits: [perMinute(1_500_000, { unit: 'nano-usd', name: 'Money' }), perMinute(1_500_000_000, { id: 'b', unit: 'nano-usd' })],
    })
    await send()
    expect(refusalOf(await send()).message).toContain('Rate limit "Money" is reached: $0.0015 a minute.')
  })
})

describe('limits that a book keeps', () => {
  const kept = (amount: number, version = 1) => rateLimitOf(perMinute(amount, { consistency: 'shared', version }))

  test('are looked up once in a while, and a change is in force within five seconds', async () => {
    const book = testRateBook([kept(1)])
    const { send, clock } = rateBench({ book })
    expect([(await send()).status, (await send()).status]).toEqual([200, 429])
    expect(book.asked.filter((verb) => verb === 'limits')).toHaveLength(1)
    book.kept[0] = kept(1_000, 2)
    await clock.advanceAsync(2_499)
    expect((await send()).status).toBe(429)
    await clock.advanceAsync(2_501)
    expect((await send()).status).toBe(200)
    book.kept.length = 0
    await clock.advanceAsync(3_600_000)
    for (let count = 0; count < 5; count += 1) expect((await send()).status).toBe(200)
    expect(clock.pendingTimers).toBe(0)
  })

  test('are looked up anew once the clock was set back, so that nobody is judged by old ones until it has caught up', async () => {
    const book = testRateBook([kept(1_000)])
    const manual = manualClock()
    let backMillis = 0
    const clock: typeof manual = Object.assign(Object.create(manual) as typeof manual, { now: () => manual.now() - backMillis })
    const { send } = rateBench({ book, clock })
    expect((await send()).status).toBe(200)
    book.kept[0] = kept(1, 2)
    backMillis = 600_000
    await send()
    expect((await send()).status).toBe(429)
  })

  test('that cannot be counted are left out, and told of once', async () => {
    const book = testRateBook([{ ...kept(0), id: 'broken', perMillis: 0 }, kept(1)])
    const { send, clock, faults } = rateBench({ book })
    expect([(await send()).status, (await send()).status]).toEqual([200, 429])
    await clock.advanceAsync(60_000)
    await send()
    expect(faults.map(({ code, message }) => [code, message])).toEqual([
      ['rate-book-failed', 'the rate limit "Requests of everybody" cannot be counted and is left out'],
    ])
  })
})

describe('an outage of the book', () => {
  const shared = perMinute(2, { consistency: 'shared' })

  test('lets exchanges go on by default, is told once, and ends by itself; local limits hold meanwhile', async () => {
    const book = testRateBook([rateLimitOf(shared), rateLimitOf(perMinute(8, { id: 'local', name: 'Local' }))])
    const { send, clock, faults } = rateBench({ book })
    expect([(await send()).status, (await send()).status, (await send()).status]).toEqual([200, 200, 429])
    book.outage = new Error('connection refused')
    for (let count = 0; count < 6; count += 1) {
      expect((await send()).status).toBe(200)
      await clock.advanceAsync(1_000)
    }
    expect(refusalOf(await send()).message).toContain('Local')
    expect(faults.map(({ code }) => code)).toEqual(['rate-book-failed'])
    book.outage = undefined
    await clock.advanceAsync(20_000)
    expect(refusalOf(await send()).message).toContain('Requests of everybody')
    expect(faults.map(({ code }) => code)).toEqual(['rate-book-failed', 'rate-book-recovered'])
  })

  test('refuses where it is told to, as an outage and no limit, and also where no limit was ever known', async () => {
    const book = testRateBook([rateLimitOf(shared)])
    book.outage = new Error('connection refused')
    const { send, clock } = rateBench({ book, whenUnavailable: 'refuse' })
    expect(refusalOf(await send())).toMatchObject({ status: 503, code: 'rate-limited', retryAfter: '5', shouldRetry: undefined })
    book.outage = undefined
    await clock.advanceAsync(1_000)
    expect((await send()).status).toBe(200)
    book.outage = new Error('connection refused')
    expect(refusalOf(await send())).toMatchObject({
      status: 503,
      message: 'Rate limit "Requests of everybody" cannot be checked at the moment. Try again in 5 seconds.',
    })
    expect((await rateBench({ book }).send()).status).toBe(200)
  })

  test('a book that does not answer holds nobody up for more than two seconds, and then not again at once', async () => {
    const book = testRateBook()
    const { start, clock } = rateBench({ book, limits: [shared, perMinute(5, { id: 'places', unit: 'concurrency', consistency: 'shared' })] })
    book.outage = 'hang'
    const first = start()
    await clock.advanceAsync(1_999)
    expect(first.sink.status).toBeUndefined()
    await clock.advanceAsync(1)
    expect(first.sink.state).toBe('closed')
    const second = start()
    await clock.advanceAsync(0)
    expect(second.sink.state).toBe('closed')
    await clock.advanceAsync(2_000)
    await Promise.all([first.settled, second.settled])
    expect(clock.pendingTimers).toBe(0)
  })

  test('a single failure is told, and costs no more than the call that failed', async () => {
    const book = testRateBook()
    const { send, faults } = rateBench({ book, limits: [shared] })
    expect((await send()).status).toBe(200)
    book.outage = new Error('serialization failure')
    expect((await send()).status).toBe(200)
    book.outage = undefined
    expect([(await send()).status, (await send()).status]).toEqual([200, 429])
    expect(faults.map(({ code }) => code)).toEqual(['rate-book-failed', 'rate-book-recovered'])
  })

  test('what began before an outage is still told to the store when it ends', async () => {
    const book = testRateBook()
    const { start, finish, clock } = rateBench({ book, isHeld: true, limits: [perMinute(1, { unit: 'concurrency', consistency: 'shared' })] })
    const first = start()
    await clock.advanceAsync(0)
    book.outage = new Error('connection refused')
    for (let count = 0; count < 3; count += 1) start()
    await clock.advanceAsync(500)
    book.outage = undefined
    await finish()
    await first.settled
    expect(book.table.size).toBe(0)
  })

  test('a place that could not be given back is free when it has expired', async () => {
    const book = testRateBook()
    const { send, start, finish, clock } = rateBench({ book, isHeld: true, limits: [perMinute(1, { unit: 'concurrency', consistency: 'shared' })] })
    const first = start()
    await clock.advanceAsync(0)
    book.outage = new Error('connection refused')
    await finish()
    await first.settled
    book.outage = undefined
    await clock.advanceAsync(59_999)
    expect((await send()).status).toBe(429)
    await clock.advanceAsync(1)
    const next = start()
    await clock.advanceAsync(0)
    await finish()
    await next.settled
    expect(next.sink.status).toBe(200)
  })
})

describe('options', () => {
  test.each([
    [{}, 'rateLimit'],
    [{ limits: [perMinute(1, { consistency: 'shared' })] }, 'limits[0].consistency'],
    [{ limits: [perMinute(1), perMinute(2)] }, 'limits[1].id'],
    [{ limits: [perMinute(-1)] }, 'limits[0].amount'],
    [{ limits: [perMinute(1.5)] }, 'limits[0].amount'],
    [{ limits: [perMinute(1, { perMillis: 0 })] }, 'limits[0].perMillis'],
    [{ limits: [perMinute(1, { queueMillis: -1 })] }, 'limits[0].queueMillis'],
    [{ limits: [perMinute(1, { subject: {} })] }, 'limits[0].subject'],
    [{ limits: [perMinute(1, { id: 'a b' })] }, 'limits[0].id'],
    [{ limits: [], maxWaiting: -1 }, 'rateLimit.maxWaiting'],
  ])('%j is refused when the gateway is built', (options, option) => {
    expect(() => rateLimit(options)).toThrow(expect.toSatisfy((error) => ConfigurationError.is(error) && error.option === option) as Error)
  })

  test('the defaults are those that the types document', () => {
    expect(defaultRateLimitOptions).toEqual({ whenUnavailable: 'allow', maxWaiting: 100 })
    expect(rateLimitOf({ id: 'x', subject: every, unit: 'requests', amount: 1 })).toEqual({
      id: 'x',
      name: 'x',
      subject: every,
      each: 'all',
      unit: 'requests',
      amount: 1,
      perMillis: 60_000,
      consistency: 'shared',
      queueMillis: 0,
      createdAt: 0,
      version: 1,
    })
  })
})
