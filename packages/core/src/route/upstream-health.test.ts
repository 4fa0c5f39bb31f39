import { describe, expect, it } from 'vitest'
import { errorBody, fleet, type Behaviour, type Fleet } from '../../test/fleet-bench.ts'
import { replyFrames, eventStream } from '../../test/gateway-bench.ts'
import { ConfigurationError } from '../errors.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { upstreamHealth, type UpstreamHealth, type UpstreamHealthOptions } from './upstream-health.ts'

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

function healthy(
  behaviours: Record<string, Behaviour | (() => Behaviour | object)>,
  options: UpstreamHealthOptions = {},
): Fleet & { readonly health: UpstreamHealth } {
  const clock = manualClock()
  const health = upstreamHealth({ clock, faults: 3, withinMillis: 10_000, openMillis: 5_000, ...options })
  return { ...fleet(behaviours, { clock, attempts: { health } }), health }
}

describe('the health of upstreams', () => {
  it.each<[Behaviour, number]>([
    ['connect', 0],
    ['sent', 0],
    ['silent', 1_000],
    [500, 0],
    [502, 0],
    [503, 0],
    [504, 0],
  ])('F8: %s, three times in a row, opens the circuit: the target goes last, and is not dropped', async (fault, millis) => {
    const { send, asked, health } = healthy({ a: fault, b: 'ok' })
    for (let count = 0; count < 3; count += 1) await send(millis)
    expect(health.snapshot()).toMatchObject([{ upstream: 'a', model: 'claude-opus-5-5', state: 'open', faults: 3, isProbing: false }])
    const before = asked().length
    await send()
    expect(asked().slice(before)).toEqual(['b'])
    expect(health.withHealth({ targets: [{ upstream: 'a' }, { upstream: 'b' }] }, 'claude-opus-5-5').targets).toEqual([{ upstream: 'b' }, { upstream: 'a' }])
    expect(health.withHealth({ targets: [{ upstream: 'a', model: 'claude-haiku-5-5' }, { upstream: 'b' }] }, 'claude-opus-5-5').targets[0].upstream).toBe('a')
  })

  it.each<Behaviour>([400, 401, 403, 404, 413, 422, 501])("F8: one user's %i opens nothing for anybody", async (status) => {
    const { send, health } = healthy({ a: status, b: 'ok' })
    for (let count = 0; count < 20; count += 1) await send()
    expect(health.snapshot()).toEqual([])
    expect(health.isAvoided('a', 'claude-opus-5-5')).toBe(false)
  })

  it('F8: clients that leave, and replies that break off, count for nothing', async () => {
    let behaviour: Behaviour | object = 'silent'
    const { start, health } = healthy({ a: () => behaviour })
    for (let count = 0; count < 10; count += 1) {
      const { request, settled } = start()
      await turn()
      request.leave()
      await settled
    }
    behaviour = { headers: eventStream, body: replyFrames.slice(0, 3), breakWith: new Error('reset') }
    for (let count = 0; count < 10; count += 1) await start().settled
    expect(health.snapshot()).toEqual([])
  })

  it('an answer in between, or time, starts the count anew', async () => {
    let behaviour: Behaviour = 503
    const { send, health, clock } = healthy({ a: () => behaviour, b: 'ok' })
    await send()
    await send()
    behaviour = 'ok'
    await send()
    expect(health.snapshot()).toEqual([])
    behaviour = 503
    await send()
    await send()
    clock.advance(10_001)
    await send()
    expect(health.snapshot()).toMatchObject([{ state: 'closed', faults: 1 }])
  })

  it('F3: 429 and 529 are load: spared as long as retry-after says, within bounds, and no fault', async () => {
    const { send, health, clock, asked } = healthy({ a: 529, b: 'ok' })
    const { settlement } = await send()
    expect(settlement.attempts.map(({ status }) => status)).toEqual([529, 200])
    expect(health.snapshot()).toEqual([
      { upstream: 'a', model: 'claude-opus-5-5', state: 'closed', faults: 0, busyUntil: clock.now() + 7_000, isProbing: false },
    ])
    clock.advance(6_999)
    await send()
    expect(asked().slice(2)).toEqual(['b'])
    clock.advance(1)
    expect(health.snapshot()).toEqual([])
    await send()
    expect(asked().slice(3)).toEqual(['a', 'b'])
    const endless = { status: 429, headers: [['retry-after', '86400']] as const }
    const other = healthy({ a: () => endless, b: 'ok' })
    await other.send()
    expect(other.health.snapshot()[0]?.busyUntil).toBe(other.clock.now() + 60_000)
  })

  it('where nobody else is left, the last of a plan is asked all the same, and its error is relayed', async () => {
    const { send, asked, health } = healthy({ a: 503 })
    for (let count = 0; count < 5; count += 1) await send()
    expect(health.snapshot()[0]?.state).toBe('open')
    const { sink } = await send()
    expect([asked().length, sink.text()]).toEqual([6, errorBody('a', 503)])
  })

  it('F8: half-open lets one probe through, however many ask at once; its success closes', async () => {
    let behaviour: Behaviour | object = 503
    const { send, start, asked, health, clock } = healthy({ a: () => behaviour, b: 'ok' })
    for (let count = 0; count < 3; count += 1) await send()
    clock.advance(5_000)
    expect(health.snapshot()[0]?.state).toBe('half-open')
    let answer: () => void = () => undefined
    const answered = new Promise<void>((resolve) => (answer = resolve))
    behaviour = { headers: eventStream, body: replyFrames, beforeHead: () => answered }
    const before = asked().length
    const all = Array.from({ length: 50 }, () => start())
    await turn()
    const now = asked().slice(before)
    expect([now.filter((name) => name === 'a').length, now.filter((name) => name === 'b').length]).toEqual([1, 49])
    expect(health.snapshot()).toMatchObject([{ state: 'half-open', isProbing: true }])
    answer()
    expect((await Promise.all(all.map(({ settled }) => settled))).map((settlement) => settlement?.status)).toEqual(all.map(() => 200))
    expect(health.snapshot()).toEqual([])
    await send()
    expect(asked().at(-1)).toBe('a')
  })

  it('F8: a probe that fails opens again; one whose client leaves, or that gets a 400, lets the next one probe', async () => {
    let behaviour: Behaviour = 503
    const { send, start, asked, health, clock } = healthy({ a: () => behaviour, b: 'ok' })
    for (let count = 0; count < 3; count += 1) await send()
    clock.advance(5_000)
    await send()
    expect(health.snapshot()[0]).toMatchObject({ state: 'open', openUntil: clock.now() + 5_000 })
    clock.advance(5_000)
    behaviour = 'silent'
    const { request, settled } = start()
    await turn()
    request.leave()
    await settled
    behaviour = 400
    await send()
    expect(health.snapshot()[0]).toMatchObject({ state: 'half-open', isProbing: false })
    behaviour = 'ok'
    const before = asked().length
    await send()
    expect([asked().slice(before), health.snapshot()]).toEqual([['a'], []])
  })

  it('faults of tries that run at once are counted together, and one from before an opening does not prolong it', async () => {
    const { start, health, clock } = healthy({ a: 'silent', b: 'ok' })
    const all = Array.from({ length: 3 }, () => start())
    await clock.advanceAsync(500)
    all.push(start())
    await clock.advanceAsync(500)
    const openUntil = clock.now() + 5_000
    expect(health.snapshot()).toMatchObject([{ state: 'open', openUntil }])
    await clock.advanceAsync(500)
    await Promise.all(all.map(({ settled }) => settled))
    expect(health.snapshot()).toMatchObject([{ state: 'open', openUntil }])
  })

  it('a wait cut short by the shared deadline is not the fault of the one who had little time', async () => {
    const clock = manualClock()
    const health = upstreamHealth({ clock, faults: 1 })
    const plan = { targets: [{ upstream: 'a', headMillis: 900 }, { upstream: 'b' }] } as const
    const { send } = fleet({ a: 'silent', b: 'silent' }, { clock, plan, attempts: { health }, upstream: { a: { deadlines: { headMillis: 1_000 } } } })
    expect((await send(1_000)).settlement.status).toBe(504)
    expect(health.snapshot().map(({ upstream }) => upstream)).toEqual(['a'])
  })

  it('remembers a bounded number of models, whatever clients name', () => {
    const health = upstreamHealth({ clock: manualClock() })
    for (let count = 0; count < 3_000; count += 1) health.begin('a', `model-${count}`).end({ kind: 'fault' })
    expect(health.snapshot()).toHaveLength(1_000)
  })

  it('refuses bounds that are none', () => {
    for (const options of [{ faults: 0 }, { openMillis: -1 }, { busyMillis: 0.5 }, { withinMillis: Number.NaN }])
      expect(() => upstreamHealth(options)).toThrow(ConfigurationError)
  })
})
