import { describe, expect, it } from 'vitest'
import { fleet } from '../../test/fleet-bench.ts'
import { ConfigurationError } from '../errors.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { sessionAffine, type SessionAffineOptions } from './session-affine.ts'
import { toPlan } from './router.ts'

interface Asked {
  readonly id?: string
  readonly session?: string
  readonly agent?: string
  readonly keyId?: string
}

const attributed = (value: string): object => ({ value, source: 'header' })

/** The upstreams for an exchange, in the order that they are tried in. */
function order(options: SessionAffineOptions, { id = 'ex_1', session, agent, keyId }: Asked): readonly string[] {
  const attribution = {
    kind: attributed('main'),
    tags: {},
    ...(session !== undefined && { session: attributed(session) }),
    ...(agent !== undefined && { agent: attributed(agent) }),
  }
  const exchange = { id, context: { attribution, ...(keyId !== undefined && { principal: { keyId } }) } } as unknown as Exchange
  return toPlan(sessionAffine(options)(exchange) as ReturnType<typeof toPlan>).targets.map(({ upstream }) => upstream)
}

const four = ['a', 'b', 'c', 'd'].map((upstream) => ({ upstream }))
const sessions = Array.from({ length: 100 }, (_, index) => `session-${index}`)

describe('sessions and their upstreams', () => {
  it('D7, R19: 100 sessions over 4 upstreams: each stays on one for all its turns, and each upstream has its share', () => {
    const share = new Map<string, number>()
    for (const session of sessions) {
      const seen = new Set(Array.from({ length: 10 }, (_, number) => order({ targets: four }, { id: `ex_${session}_${number}`, session })[0] as string))
      expect(seen.size).toBe(1)
      for (const upstream of seen) share.set(upstream, (share.get(upstream) ?? 0) + 1)
    }
    expect([...share.keys()].toSorted()).toEqual(['a', 'b', 'c', 'd'])
    for (const count of share.values()) expect(count).toBeGreaterThanOrEqual(10)
  })

  it('D7: the removal of an upstream moves its own sessions only, each to where failover had sent it', () => {
    for (const gone of four) {
      const left = four.filter((target) => target !== gone)
      for (const session of sessions) {
        const before = order({ targets: four }, { session })
        expect(order({ targets: left }, { session })).toEqual(before.filter((upstream) => upstream !== gone.upstream))
      }
    }
  })

  it('the order that targets are listed in, and the process, do not matter', () => {
    for (const session of sessions) expect(order({ targets: four.toReversed() }, { session })).toEqual(order({ targets: four }, { session }))
  })

  it('tenants and agents are apart: equal session names of two keys are two sessions', () => {
    const firsts = (parts: Asked): string => sessions.map((session) => order({ targets: four }, { session, ...parts })[0]).join('')
    expect(new Set([firsts({}), firsts({ keyId: 'k1' }), firsts({ keyId: 'k2' }), firsts({ agent: 'a1' })]).size).toBe(4)
  })

  it('weights are shares, for sessions and for what belongs to none', () => {
    const targets = [{ upstream: 'a', weight: 3 }, { upstream: 'b' }]
    const count = (of: (index: number) => Asked): number =>
      Array.from({ length: 2_000 }, (_, index) => order({ targets }, of(index))[0]).filter((name) => name === 'a').length
    for (const many of [count((index) => ({ session: `s-${index}` })), count((index) => ({ id: `ex_${index}` }))]) {
      expect(many).toBeGreaterThan(1_400)
      expect(many).toBeLessThan(1_600)
    }
  })

  it('takes a key of its own', () => {
    const key = (): string => 'all together'
    expect(new Set(sessions.map((session) => order({ targets: four, key }, { session })[0])).size).toBe(1)
  })

  it('the other upstreams are its failover', async () => {
    const router = sessionAffine({ targets: four, key: () => 'k' })
    const [first, second] = order({ targets: four, key: () => 'k' }, {}) as [string, string]
    const { send, asked } = fleet({ a: 'ok', b: 'ok', c: 'ok', d: 'ok', [first]: 529 }, { plan: router })
    expect((await send()).settlement.status).toBe(200)
    expect(asked()).toEqual([first, second])
  })

  it('refuses no targets, twins and weights that are none', () => {
    for (const targets of [[], [{ upstream: 'a' }, { upstream: 'a' }], [{ upstream: 'a', weight: 0 }], [{ upstream: 'a', weight: Infinity }]])
      expect(() => sessionAffine({ targets })).toThrow(ConfigurationError)
  })
})
