import { describe, expect, it } from 'vitest'
import { fleet, type Behaviour } from '../../test/fleet-bench.ts'
import { messagesBody } from '../../test/gateway-bench.ts'
import type { Attribution } from '../entry/attribution.ts'
import type { Exchange } from '../exchange/exchange.ts'
import type { Router } from '../route/router.ts'
import { upstreamHealth } from '../route/upstream-health.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { toText } from '../wire/bytes.ts'
import type { Policy } from './policy-document.ts'
import { policyRouter } from './policy-router.ts'

const names = ['a', 'b', 'c', 'd']
const sessions = Array.from({ length: 100 }, (_, index) => `session-${index}`)
const turns = 10
const over = (upstreams: readonly string[], weights: readonly number[] = []): Policy => ({
  version: 1,
  rules: [{ do: { targets: upstreams.map((upstream, index) => ({ upstream, weight: weights[index] ?? 1 })) } }],
})

/** Which upstream has which prompt in its cache, by what was sent to it: the longest beginning of a prompt that it was sent before is a hit. */
class PrefixCaches {
  readonly #sent = new Map<string, string>()
  read = 0

  take(upstream: string, session: string, prompt: string): void {
    const before = this.#sent.get(`${upstream} ${session}`)
    if (before !== undefined && prompt.startsWith(before)) this.read += before.length
    this.#sent.set(`${upstream} ${session}`, prompt)
  }
}

/** A gateway by policy over four upstreams, whose sessions say who they are in their messages. */
function benchOf(document: Policy, behaviours: Record<string, () => Behaviour> = {}) {
  const clock = manualClock()
  const byPolicy = policyRouter({ upstream: 'a', upstreams: names, document, clock })
  const plan: Router = (exchange: Exchange) => byPolicy(exchange)
  let asking = ''
  const health = upstreamHealth({ clock, faults: 1 })
  const all = Object.fromEntries(names.map((name) => [name, behaviours[name] ?? (() => 'ok' as const)]))
  const bench = fleet(all, {
    clock,
    attempts: { health },
    plan: (exchange) => {
      const attribution: Attribution = { kind: { value: 'main', source: 'header' }, session: { value: asking, source: 'header' }, tags: {} }
      Object.assign(exchange.context, { attribution })
      return plan(exchange)
    },
  })
  const send = async (session: string, turn: number) => {
    asking = session
    const { settled, sink } = bench.start({
      ...messagesBody,
      messages: Array.from({ length: turn }, (_, index) => ({ role: 'user', content: `${session} says ${index}` })),
    })
    const settlement = await settled
    const { request } = bench.transport.calls.at(-1) ?? {}
    const sent = request?.body.map((chunk) => toText(chunk)).join('') ?? ''
    const last = settlement?.attempts.findLast(({ status }) => status !== undefined)
    return { upstream: last?.upstream ?? 'none', status: sink.status, sent }
  }
  return { ...bench, send, health }
}

/** Where each session went, turn by turn. */
async function played(document: Policy, behaviours: Record<string, () => Behaviour> = {}) {
  const { send } = benchOf(document, behaviours)
  const places = new Map<string, string[]>()
  const caches = new PrefixCaches()
  const direct = new PrefixCaches()
  for (let turn = 1; turn <= turns; turn += 1) {
    for (const session of sessions) {
      const { upstream, sent } = await send(session, turn)
      places.set(session, [...(places.get(session) ?? []), upstream])
      const prompt = sent.slice(sent.indexOf('"messages":'), sent.lastIndexOf(']'))
      caches.take(upstream, session, prompt)
      direct.take('direct', session, prompt)
    }
  }
  return { places, caches, direct }
}

describe('sessions over upstreams, by policy', () => {
  it('D7, R19: 100 sessions of 10 turns over 4 upstreams: each has one, all have a share, and as much is read from caches as if there were one', async () => {
    const { places, caches, direct } = await played(over(names))
    const shares = new Map<string, number>()
    for (const [, where] of places) {
      expect(new Set(where).size).toBe(1)
      shares.set(where[0] as string, (shares.get(where[0] as string) ?? 0) + 1)
    }
    expect(shares.size).toBe(4)
    for (const [, share] of shares) expect(share).toBeGreaterThan(12)
    expect(direct.read).toBeGreaterThan(0)
    expect(caches.read).toBe(direct.read)
  })

  it('D7: the removal of an upstream moves its own sessions only, and its weight is its share', async () => {
    const before = (await played(over(names))).places
    const after = (await played(over(['a', 'b', 'd']))).places
    for (const session of sessions) {
      const [was] = before.get(session) ?? []
      if (was !== 'c') expect(after.get(session)?.[0]).toBe(was)
    }
    const heavy = (await played(over(names, [7, 1, 1, 1]))).places
    const onFirst = sessions.filter((session) => heavy.get(session)?.[0] === 'a').length
    expect(onFirst).toBeGreaterThan(55)
    expect(onFirst).toBeLessThan(85)
  })

  it('D7: of an upstream that is out each session moves to its own next one, all the turns that it is out, and is back afterwards', async () => {
    let isOut = false
    const { send, health, clock } = benchOf(over(names), { c: () => (isOut ? 503 : 'ok') })
    const home = new Map<string, string>()
    for (const session of sessions) home.set(session, (await send(session, 1)).upstream)
    isOut = true
    const refuge = new Map<string, string>()
    for (let turn = 2; turn < 5; turn += 1) {
      for (const session of sessions) {
        const { upstream, status } = await send(session, turn)
        expect(status).toBe(200)
        if (home.get(session) !== 'c') expect(upstream).toBe(home.get(session))
        else expect(upstream).toBe(refuge.get(session) ?? upstream)
        refuge.set(session, upstream)
      }
    }
    expect(new Set([...refuge].filter(([session]) => home.get(session) === 'c').map(([, upstream]) => upstream)).size).toBe(3)
    isOut = false
    clock.advance(60_000)
    await send(sessions.find((session) => home.get(session) === 'c') ?? '', 5)
    expect(health.snapshot()).toEqual([])
    for (const session of sessions) expect((await send(session, 6)).upstream).toBe(home.get(session))
  })
})
