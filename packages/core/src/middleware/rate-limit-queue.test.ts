import { describe, expect, test } from 'vitest'
import { rateBench, refusalOf, testRateBook, type RateBench, type Sent } from '../../test/rate-bench.ts'
import { GatewayError } from '../errors.ts'
import type { RateConsistency } from '../ports/rate-book.ts'
import type { RateLimitInput } from '../rates/check-limit.ts'

const places = (amount: number, parts: Partial<RateLimitInput> = {}): RateLimitInput => ({
  id: 'places',
  name: 'Agents at a time',
  subject: { model: '*' },
  unit: 'concurrency',
  amount,
  consistency: 'local',
  queueMillis: 30_000,
  ...parts,
})

const agents = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `agent-${String(index).padStart(4, '0')}`)

/** Starts one exchange after another, each having come as far as it can. */
async function startAll({ start, clock }: RateBench, sessions: readonly string[]): Promise<readonly Sent[]> {
  const sent: Sent[] = []
  for (const session of sessions) {
    sent.push(start({ session }))
    await clock.advanceAsync(0)
  }
  return sent
}

const statuses = (sent: readonly Sent[]): readonly (number | undefined)[] => sent.map(({ sink }) => sink.status)
const all = (sent: readonly Sent[]): Promise<unknown> => Promise.all(sent.map(({ settled }) => settled))
/** One session's agents cannot be told apart at the upstream; a session for each can, and has turns in the order of coming too. */
const consistencies: readonly RateConsistency[] = ['local', 'shared', 'leased']

describe('G5: concurrency', () => {
  test.each(consistencies)('a burst of twenty sub-agents against five places all succeed, in the order they came, counted %s', async (consistency) => {
    const bench = rateBench({ book: testRateBook(), limits: [places(5, { consistency, each: 'developer' })], isHeld: true })
    const { clock, finish, reached } = bench
    const sent = await startAll(bench, agents(20))
    expect(reached).toEqual(agents(20).slice(0, 5))
    for (let done = 1; done <= 20; done += 1) {
      await clock.advanceAsync(1_000)
      await finish()
      await clock.advanceAsync(0)
      expect(reached).toHaveLength(Math.min(20, 5 + done))
    }
    await all(sent)
    expect(new Set(statuses(sent))).toEqual(new Set([200]))
    expect(reached).toEqual(agents(20))
    expect(clock.pendingTimers).toBe(0)
  })

  test('sub-agents of one session that come at the same instant all succeed, and never are more than five', async () => {
    const bench = rateBench({ limits: [places(5)], isHeld: true })
    const { start, clock, finish, reached } = bench
    const sent = Array.from({ length: 20 }, () => start({ session: 'session-1' }))
    await clock.advanceAsync(0)
    for (let done = 0; done < 20; done += 1) {
      expect(reached.length - done).toBeLessThanOrEqual(5)
      await finish()
      await clock.advanceAsync(0)
    }
    await all(sent)
    expect(new Set(statuses(sent))).toEqual(new Set([200]))
  })

  test('sessions take turns: one that sends ten does not keep another one waiting behind them', async () => {
    const bench = rateBench({ limits: [places(1)], isHeld: true })
    const { finish, reached, clock } = bench
    const order = ['session-a', ...Array.from({ length: 6 }, () => 'session-a'), 'session-b', 'session-b', 'session-c']
    const sent = await startAll(bench, order)
    for (let done = 0; done < order.length; done += 1) {
      await finish()
      await clock.advanceAsync(0)
    }
    await all(sent)
    expect(reached.map((session) => session.at(-1)).join('')).toBe('aabcabaaaa')
  })

  test('an abort storm leaves nobody in a place and nobody in line', async () => {
    for (const consistency of consistencies) {
      const book = testRateBook()
      const bench = rateBench({ book, limits: [places(5, { consistency, queueMillis: 600_000 })], isHeld: true })
      const { clock, finish, reached, upstream } = bench
      const sent = await startAll(bench, agents(40))
      expect(reached).toHaveLength(5)
      for (const { request } of sent.toReversed()) request.leave()
      const settled = await Promise.all(sent.map((one) => one.settled))
      expect(new Set(settled.map((settlement) => settlement?.outcome.kind))).toEqual(new Set(['client-gone']))
      expect([clock.pendingTimers, book.table.size, upstream.calls.length]).toEqual([0, 0, 5])
      const after = await startAll(bench, agents(5))
      expect(reached).toHaveLength(10)
      for (let done = 0; done < 10; done += 1) await finish()
      await all(after)
      expect(statuses(after)).toEqual([200, 200, 200, 200, 200])
    }
  })

  test('one that leaves while it waits leaves no trace, and is never sent', async () => {
    const book = testRateBook()
    const bench = rateBench({ book, limits: [places(1, { consistency: 'shared' })], isHeld: true })
    const { clock, finish, reached } = bench
    const [first, second, third] = (await startAll(bench, agents(3))) as [Sent, Sent, Sent]
    second.request.leave()
    expect((await second.settled)?.outcome.kind).toBe('client-gone')
    await finish()
    await clock.advanceAsync(0)
    await finish()
    await all([first, third])
    expect(reached).toEqual(['agent-0000', 'agent-0002'])
    expect([clock.pendingTimers, book.table.size]).toEqual([0, 0])
  })

  test('one that leaves in the moment that its place or its bucket is given to it gives it back', async () => {
    for (const unit of ['concurrency', 'requests'] as const) {
      const book = testRateBook()
      let onAnswer = (): void => undefined
      const leaveMeanwhile =
        <Arguments extends readonly unknown[], Value>(verb: (...given: Arguments) => Promise<Value>) =>
        async (...given: Arguments): Promise<Value> => {
          const answer = await verb(...given)
          onAnswer()
          return answer
        }
      const leaky = { ...book, enter: leaveMeanwhile(book.enter), take: leaveMeanwhile(book.take) }
      const bench = rateBench({ book: leaky, limits: [places(1, { consistency: 'shared', unit })] })
      const { clock, reached, start, send } = bench
      const leaving = start({ session: 'session-1' })
      onAnswer = () => leaving.request.leave()
      expect((await leaving.settled)?.outcome.kind).toBe('client-gone')
      onAnswer = () => undefined
      expect((await send({ session: 'session-2' })).status).toBe(200)
      expect([reached, clock.pendingTimers]).toEqual([['session-2'], 0])
    }
  })

  test('a wait has one end: who has not come through by then is refused, and the place goes to the next', async () => {
    const bench = rateBench({ limits: [places(1, { queueMillis: 4_000, each: 'developer' })], isHeld: true })
    const { clock, finish } = bench
    const [first, second] = (await startAll(bench, agents(2))) as [Sent, Sent]
    await clock.advanceAsync(2_000)
    const [third] = (await startAll(bench, ['agent-0002'])) as [Sent]
    await clock.advanceAsync(1_999)
    expect(second.sink.status).toBeUndefined()
    await clock.advanceAsync(1)
    await second.settled
    expect(refusalOf(second.sink)).toEqual({
      status: 429,
      code: 'rate-limited',
      retryAfter: '5',
      shouldRetry: undefined,
      message: 'Rate limit "Agents at a time" is reached: 1 request under way at a time for each developer. Try again in 5 seconds.',
    })
    await finish()
    await clock.advanceAsync(0)
    await finish()
    await all([first, third])
    expect([first.sink.status, third.sink.status, clock.pendingTimers]).toEqual([200, 200, 0])
  })

  test('a line has an end: who comes when it is full is refused at once', async () => {
    const bench = rateBench({ limits: [places(1)], maxWaiting: 2, isHeld: true })
    const { clock, finish } = bench
    const sent = await startAll(bench, agents(4))
    expect(refusalOf((sent[3] as Sent).sink)).toMatchObject({
      status: 429,
      message: 'Rate limit "Agents at a time" is reached: 1 request under way at a time. Too many wait in line for it already. Try again in 5 seconds.',
    })
    for (let done = 0; done < 3; done += 1) {
      await finish()
      await clock.advanceAsync(0)
    }
    await all(sent)
    expect(statuses(sent)).toEqual([200, 200, 200, 429])
  })

  test('a place is free again after a refusal further on, a failure there, and an upstream that fails', async () => {
    const refusing = { name: 'refusing', handle: () => Promise.reject(new GatewayError('refused', 'no')) }
    const throwing = { name: 'throwing', handle: () => Promise.reject(new Error('bug')) }
    for (const consistency of consistencies) {
      const options = { limits: [places(1, { consistency, queueMillis: 0 })] }
      for (const [more, status] of [
        [{ behind: refusing }, 403],
        [{ behind: throwing }, 500],
        [{ status: 529 }, 529],
      ] as const) {
        const book = testRateBook()
        const { send, clock } = rateBench({ ...options, ...more, book })
        expect([(await send()).status, (await send()).status]).toEqual([status, status])
        expect([book.table.size, clock.pendingTimers]).toEqual([0, 0])
      }
    }
  })

  test('who waits for a session to run out is let through when it has', async () => {
    for (const consistency of consistencies) {
      const limits = [places(1, { consistency, unit: 'sessions', perMillis: 10_000, queueMillis: 20_000 })]
      const { send, start, clock } = rateBench({ limits, book: testRateBook() })
      await send({ session: 'session-1' })
      const waiting = start({ session: 'session-2' })
      await clock.advanceAsync(9_999)
      expect(waiting.sink.status).toBeUndefined()
      await clock.advanceAsync(251)
      await waiting.settled
      expect([waiting.sink.status, clock.pendingTimers]).toEqual([200, 0])
    }
  })

  test('without a line a full room refuses at once', async () => {
    const bench = rateBench({ limits: [places(1, { queueMillis: 0 })], isHeld: true })
    const sent = await startAll(bench, agents(2))
    expect(statuses(sent)).toEqual([200, 429])
  })

  test('a shutdown ends those who wait, and tells them that it was one', async () => {
    const bench = rateBench({ limits: [places(1, { queueMillis: 600_000 })], isHeld: true })
    const { clock, gateways } = bench
    const sent = await startAll(bench, agents(3))
    const drained = gateways[0]?.drain(1_000)
    await clock.advanceAsync(1_000)
    await drained
    expect(sent.slice(1).map(({ sink }) => [sink.status, refusalOf(sink).code])).toEqual([
      [503, 'shutting-down'],
      [503, 'shutting-down'],
    ])
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('G5: places that several processes share', () => {
  test('who waits in one process has the place that another gives back within a quarter of a second', async () => {
    const book = testRateBook()
    const bench = rateBench({ book, instances: 2, limits: [places(1, { consistency: 'shared' })], isHeld: true })
    const { clock, start, finish, reached } = bench
    const first = start({ instance: 0, session: 'session-1' })
    await clock.advanceAsync(0)
    const second = start({ instance: 1, session: 'session-2' })
    await clock.advanceAsync(10_000)
    const looks = book.asked.filter((verb) => verb === 'enter').length
    expect(looks).toBeLessThanOrEqual(3 + 10_000 / 250)
    await finish()
    await first.settled
    await clock.advanceAsync(250)
    expect(reached).toEqual(['session-1', 'session-2'])
    await finish()
    await second.settled
    expect([second.sink.status, book.table.size, clock.pendingTimers]).toEqual([200, 0, 0])
  })

  test('a process that is gone gives its place back within a minute, one that lives keeps it as long as its exchange lasts', async () => {
    const book = testRateBook()
    const alive = rateBench({ book, instances: 2, limits: [places(1, { consistency: 'shared', queueMillis: 0 })], isHeld: true })
    const { clock, start, send, finish } = alive
    const first = start({ instance: 0 })
    for (let minute = 0; minute < 10; minute += 1) {
      await clock.advanceAsync(60_000)
      expect((await send({ instance: 1 })).status).toBe(429)
    }
    await finish()
    await first.settled
    expect([book.table.size, clock.pendingTimers]).toEqual([0, 0])
    book.table.enter([{ room: 'places\nconcurrency', holder: 'of a process that was killed', places: 1, expiresAt: clock.now() + 60_000 }], clock.now())
    expect((await send({ instance: 1 })).status).toBe(429)
    await clock.advanceAsync(60_000)
    const next = start({ instance: 1 })
    await clock.advanceAsync(0)
    await finish()
    await next.settled
    expect(next.sink.status).toBe(200)
  })
})

describe('lines for buckets', () => {
  const requests = (amount: number, queueMillis: number, consistency: RateConsistency = 'local'): RateLimitInput => ({
    id: 'requests',
    subject: { model: '*' },
    unit: 'requests',
    amount,
    consistency,
    queueMillis,
  })

  test.each(consistencies)('who waits for a bucket is let through at the instant that it has filled up, one after another, counted %s', async (consistency) => {
    const bench = rateBench({ book: testRateBook(), limits: [requests(6, 60_000, consistency)] })
    const { clock, reached } = bench
    const sent = await startAll(bench, agents(9))
    expect(reached).toHaveLength(6)
    for (const [millis, through] of [
      [9_999, 6],
      [1, 7],
      [9_999, 7],
      [1, 8],
      [10_000, 9],
    ] as const) {
      await clock.advanceAsync(millis)
      expect(reached).toHaveLength(through)
    }
    await all(sent)
    expect(reached).toEqual(agents(9))
    expect(clock.pendingTimers).toBe(0)
  })

  test('nobody is kept waiting for what cannot come in time, and those who are refused at the end of a line are told how long it is', async () => {
    const bench = rateBench({ limits: [requests(6, 15_000)] })
    const { clock } = bench
    const sent = await startAll(bench, agents(10))
    await clock.advanceAsync(9_999)
    expect(statuses(sent).slice(6)).toEqual([undefined, undefined, undefined, undefined])
    await clock.advanceAsync(1)
    await all(sent)
    expect(statuses(sent).slice(6)).toEqual([200, 429, 429, 429])
    expect(sent.slice(7).map(({ sink }) => refusalOf(sink).retryAfter)).toEqual(['30', '20', '10'])
    expect(clock.pendingTimers).toBe(0)
  })

  test('a place given back because a bucket was empty wakes those who wait for the place', async () => {
    const limits: readonly RateLimitInput[] = [
      places(1),
      { ...requests(1, 30_000), id: 'opus', subject: { model: 'claude-opus-*' }, amount: 6, perMillis: 60_000 },
    ]
    const bench = rateBench({ limits, isHeld: true })
    const { start, clock, finish, reached } = bench
    const opus = Array.from({ length: 7 }, (_, index) => start({ session: `opus-000${index}` }))
    await clock.advanceAsync(0)
    for (let done = 0; done < 6; done += 1) {
      await finish()
      await clock.advanceAsync(0)
    }
    const haiku = start({ session: 'haiku-0001', model: 'claude-haiku-5-5' })
    await clock.advanceAsync(0)
    expect(reached.at(-1)).toBe('haiku-0001')
    await clock.advanceAsync(10_000)
    await finish()
    await clock.advanceAsync(0)
    await haiku.settled
    await clock.advanceAsync(10_000)
    await finish()
    await all(opus)
    expect(new Set(statuses([...opus, haiku]))).toEqual(new Set([200]))
    expect(clock.pendingTimers).toBe(0)
  })
})
