import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { policyBench, turn, type Ask } from '../../test/policy-bench.ts'
import { ConfigurationError } from '../errors.ts'
import type { Principal } from '../ports/key-ring.ts'
import { headerValue } from '../wire/header-list.ts'
import { compilePolicy } from './compile-policy.ts'
import type { Policy } from './policy-document.ts'
import { toPolicyDocument } from './policy-version.ts'

const model = 'claude-opus-5-5'
const session = 's1'
const policy = (parts: Partial<Policy>): Policy => ({ version: 1, rules: [], ...parts })
const within = (...paths: readonly string[]): Principal => ({
  keyId: 'k1',
  developer: 'ada',
  scopes: paths.map((path) => ({ path, level: 'organisation' as const })),
})
const placed = { anthropic: { region: 'us' }, bedrock: { region: 'us' }, eu: { region: 'eu' } }

/** Where it went, or the code of why not. */
async function outcome(bench: ReturnType<typeof policyBench>, ask: Ask): Promise<string> {
  const { sink, settlement } = await bench.ask(ask)
  if (sink.status === 200) return `${settlement.attempts.at(-1)?.upstream} ${settlement.resolvedModel}`
  expect([sink.status, headerValue(sink.headers ?? [], 'x-should-retry'), settlement.attempts, settlement.outcome.kind]).toEqual([403, 'false', [], 'refused'])
  return `${headerValue(sink.headers ?? [], 'x-sluice-error-code')}: ${(JSON.parse(sink.text()) as { error: { message: string } }).error.message}`
}

describe('a stop', () => {
  it.each([
    [{ model: 'claude-opus-*' }, `stopped: ${model} is stopped: a bad day`],
    [{ upstream: 'anthropic' }, 'stopped: the upstream "anthropic" is stopped: a bad day'],
    [{ model, upstream: ['anthropic', 'eu'] }, `stopped: ${model} at the upstream "anthropic" is stopped: a bad day`],
    [{ scope: 'acme/web' }, 'stopped: This scope is stopped: a bad day'],
    [{ scope: 'acme/web', model }, `stopped: ${model} is stopped: a bad day`],
    [{ scope: 'acme/other' }, `anthropic ${model}`],
    [{ scope: 'acme/we' }, `anthropic ${model}`],
    [{ model: 'claude-haiku-*' }, `anthropic ${model}`],
    [{ model, upstream: 'eu' }, `anthropic ${model}`],
  ])('of %j: %s', async (stop, expected) => {
    const bench = policyBench({ document: policy({ stops: [{ ...stop, reason: 'a bad day' }] }) })
    expect(await outcome(bench, { session, principal: within('acme', 'acme/web') })).toBe(expected)
  })

  it('goes before rules: a rule’s target that is stopped is passed by, and what no rule could deny is refused', async () => {
    const document = policy({ stops: [{ model: 'claude-haiku-*', reason: 'wrong answers' }], rules: ['use claude-haiku-4-5'] })
    const { route, sentModel } = await policyBench({ document }).ask({ session })
    expect([sentModel, route.candidates]).toEqual([
      model,
      [{ upstream: 'anthropic', model: 'claude-haiku-4-5', verdict: 'not-accepted', why: 'claude-haiku-4-5 is stopped: wrong answers' }],
    ])
  })

  it('does not stop a model that a rule leads away from', async () => {
    const document = policy({ stops: [{ model, reason: 'too dear' }], rules: ['when kind is title use claude-haiku-4-5'] })
    expect(await outcome(policyBench({ document }), { kind: 'title' })).toBe('anthropic claude-haiku-4-5')
  })

  it('bites sessions under way within the time that a policy takes to be loaded, and moves them where there is somewhere to go', async () => {
    const open = policy({
      rules: [
        {
          do: {
            targets: [
              { upstream: 'anthropic', weight: 1 },
              { upstream: 'bedrock', weight: 1 },
            ],
          },
        },
      ],
    })
    let current = await toPolicyDocument(open)
    const shelf = {
      current: () => Promise.resolve(current),
      version: () => Promise.resolve(undefined),
      publish: () => Promise.reject(new Error('not here')),
      history: () => Promise.resolve([]),
    }
    const bench = policyBench({ shelf })
    const first = (await outcome(bench, { session, json: turn(1) })).split(' ')[0] as string
    const other = first === 'anthropic' ? 'bedrock' : 'anthropic'
    expect(await outcome(bench, { session, json: turn(2, {}, true) })).toBe(`${first} ${model}`)
    current = await toPolicyDocument(policy({ ...open, stops: [{ upstream: first, reason: 'x' }] }))
    bench.clock.advance(5_000)
    await bench.router.refresh()
    expect(await outcome(bench, { session, json: turn(3, {}, true) })).toBe(`${other} ${model}`)
    current = await toPolicyDocument(open)
    bench.clock.advance(5_000)
    await bench.router.refresh()
    // Its cache is there by now.
    expect(await outcome(bench, { session, json: turn(4, {}, true) })).toBe(`${other} ${model}`)
  })

  it('E3: refuses a session whose thinking only a stopped model may be sent, rather than send it elsewhere', async () => {
    const document = policy({ stops: [{ model, reason: 'x' }], rules: [{ do: { target: { model: 'claude-haiku-5-5' } }, switch: 'always' }] })
    expect(await outcome(policyBench({ document }), { session, json: turn(3, {}, true) })).toBe(`stopped: ${model} is stopped: x`)
  })

  it('holds for what is no request of a model, too', async () => {
    const document = policy({ stops: [{ scope: 'acme', reason: 'x' }] })
    const bench = policyBench({ document })
    for (const path of ['/v1/messages/count_tokens', '/v1/files', '/v1/messages/batches'])
      expect(await outcome(bench, { path, principal: within('acme') })).toMatch(/^stopped: /)
    expect(bench.upstream.calls).toHaveLength(0)
  })
})

describe('residency', () => {
  const pinned = policy({ upstreams: placed, residency: [{ scope: 'acme/bank', regions: ['eu'] }] })

  it('leaves alone what it does not pin, and refuses what would leave its region', async () => {
    const bench = policyBench({ document: pinned })
    expect(await outcome(bench, { session, principal: within('acme/web') })).toBe(`anthropic ${model}`)
    const refusal = "outside-region: This may only be handled in eu, and the upstream that it would go to is not there. Ask the gateway's operator."
    expect(await outcome(bench, { session: 's2', principal: within('acme/bank/cards') })).toBe(refusal)
    expect(await outcome(bench, { path: '/v1/files', principal: within('acme/bank') })).toBe(refusal)
    expect(await outcome(bench, { path: '/v1/messages/count_tokens', principal: within('acme/bank') })).toBe(refusal)
    expect(bench.upstream.calls).toHaveLength(1)
  })

  it('F7: is left by no fallback, no weight and no session’s past', async () => {
    const document = policy({
      ...pinned,
      upstreams: { ...placed, eu: { region: 'eu', fallbacks: ['anthropic', 'bedrock'] } },
      rules: [
        {
          do: {
            targets: [
              { upstream: 'anthropic', weight: 1_000 },
              { upstream: 'eu', weight: 1 },
            ],
          },
        },
      ],
    })
    const bench = policyBench({ document })
    for (let index = 0; index < 20; index += 1) {
      bench.refuseNext(529)
      const { settlement, sink } = await bench.ask({ session: `s${index}`, principal: within('acme/bank') })
      expect([sink.status, settlement.attempts.map(({ upstream }) => upstream)]).toEqual([529, ['eu']])
    }
  })

  it('takes the place in the region where the rule’s own, or the default, has a fallback there', async () => {
    const document = policy({ ...pinned, upstreams: { ...placed, anthropic: { region: 'us', fallbacks: ['bedrock', 'eu'] } } })
    const bench = policyBench({ document })
    const { settlement, route } = await bench.ask({ session, principal: within('acme/bank') })
    expect(settlement.attempts.map(({ upstream }) => upstream)).toEqual(['eu'])
    expect(route.candidates.at(-1)).toMatchObject({ upstream: 'eu', verdict: 'chosen' })
    expect(await outcome(bench, { session, principal: within('acme/bank'), json: turn(2, {}, true) })).toBe(`eu ${model}`)
  })

  it('of several that match, each holds', async () => {
    const document = policy({
      upstreams: { ...placed, eu: { region: 'eu' } },
      defaults: { upstream: 'eu' },
      residency: [{ regions: ['eu', 'us'] }, { scope: 'acme', regions: ['eu'] }, { scope: 'acme/web', regions: ['us'] }],
    })
    const bench = policyBench({ document })
    expect(await outcome(bench, { session, principal: within('acme') })).toBe(`eu ${model}`)
    expect(await outcome(bench, { session: 's2', principal: within('acme/web') })).toMatch(/^outside-region: /)
  })

  it('an upstream whose region is not said is in none', async () => {
    const document = policy({ upstreams: { eu: { region: 'eu' } }, residency: [{ regions: ['eu'] }] })
    expect(await outcome(policyBench({ document }), { session })).toMatch(/^outside-region: /)
  })
})

const some = fc.subarray(['anthropic', 'bedrock', 'eu'])
const weights = fc.array(fc.record({ upstream: fc.constantFrom('anthropic', 'bedrock', 'eu'), weight: fc.integer({ min: 1, max: 9 }) }), {
  minLength: 1,
  maxLength: 3,
})
property.prop([some, some, weights, fc.boolean(), fc.array(fc.constantFrom(200, 429, 503, 529), { maxLength: 6 })])(
  'whatever rules, fallbacks, stops and failures there are, what is pinned is sent nowhere else, and what is stopped nowhere',
  async (fallbacks, stopped, targets, hasThinking, statuses) => {
    const document = policy({
      upstreams: { anthropic: { region: 'us', fallbacks: fallbacks.filter((name) => name !== 'anthropic') }, bedrock: { region: 'eu' }, eu: { region: 'eu' } },
      residency: [{ scope: 'acme/bank', regions: ['eu'] }],
      stops: stopped.map((upstream) => ({ upstream, scope: 'acme', reason: 'x' })),
      rules: [{ do: { targets: targets.filter(({ upstream }, index) => targets.findIndex((other) => other.upstream === upstream) === index) } }],
    })
    const bench = policyBench({ document })
    for (const [index, status] of statuses.entries()) {
      if (status !== 200) bench.refuseNext(status)
      const { settlement, sink } = await bench.ask({ session, principal: within('acme/bank'), json: turn(index + 1, {}, hasThinking) })
      const asked = settlement.attempts.map(({ upstream }) => upstream)
      expect(asked.filter((name) => name === 'anthropic' || stopped.includes(name))).toEqual([])
      expect(new Set(asked).size).toBe(asked.length)
      if (asked.length === 0) expect(sink.status).toBe(403)
    }
  },
)

describe('fallbacks', () => {
  const chained = policy({ upstreams: { anthropic: { fallbacks: ['bedrock'] }, bedrock: { fallbacks: ['eu'] } } })

  it('F6: are asked in the order of the chain, once each, and the session stays where it is', async () => {
    const bench = policyBench({ document: chained })
    await bench.ask({ session, json: turn(1) })
    bench.refuseNext(529)
    const { settlement } = await bench.ask({ session, json: turn(2, {}, true) })
    expect(settlement.attempts.map(({ upstream, status }) => `${upstream} ${status}`)).toEqual(['anthropic 529', 'bedrock 200'])
    expect(await outcome(bench, { session, json: turn(3, {}, true) })).toBe(`anthropic ${model}`)
  })

  it('E3, F7: have no other model where the history holds thinking, where the key may not use it, or where it does not take the request', async () => {
    const document = policy({ upstreams: { anthropic: { fallbacks: [{ upstream: 'bedrock', model: 'claude-haiku-5-5' }, 'eu'] } } })
    const principal: Principal = { ...within('acme'), restrictions: { models: ['claude-opus-*'] } }
    const plain = { session: 'a', json: turn(1) }
    for (const [ask, expected] of [
      [plain, ['anthropic', 'bedrock']],
      [{ session: 'b', json: turn(3, {}, true) }, ['anthropic', 'eu']],
      [{ ...plain, session: 'c', principal }, ['anthropic', 'eu']],
      [{ session: 'd', json: { ...turn(1), thinking: { type: 'novel' } } }, ['anthropic', 'eu']],
    ] as const) {
      const bench = policyBench({ document })
      bench.refuseNext(529)
      const { settlement } = await bench.ask(ask)
      expect(settlement.attempts.map(({ upstream }) => upstream)).toEqual(expected)
    }
  })

  it.each([
    [{ anthropic: { fallbacks: ['anthropic'] } }, 'policy.upstreams.anthropic.fallbacks: lead in a circle: anthropic, anthropic.'],
    [
      { anthropic: { fallbacks: ['bedrock'] }, bedrock: { fallbacks: ['eu'] }, eu: { fallbacks: ['anthropic'] } },
      'lead in a circle: anthropic, bedrock, eu, anthropic.',
    ],
    [{ anthropic: { fallbacks: [{ upstream: 'bedrock', model: 'm' }] }, bedrock: { fallbacks: ['anthropic'] } }, 'lead in a circle'],
    [{ anthropic: { fallbacks: ['eu', 'eu'] } }, 'names "eu" twice'],
    [{ anthropic: { fallbacks: ['nowhere'] } }, 'policy.upstreams.anthropic.fallbacks[0]: "nowhere" is not configured.'],
    [{ nowhere: { region: 'eu' } }, 'policy.upstreams.nowhere: "nowhere" is not configured.'],
  ])('F6: %j is refused when it is loaded', (upstreams, message) => {
    const compile = (): unknown => compilePolicy(policy({ upstreams }), ['anthropic', 'bedrock', 'eu'])
    expect(compile).toThrow(ConfigurationError)
    expect(compile).toThrow(message)
  })

  it('F6: two that stand in for each other say where the chain ends, and the refusal of a circle says how', () => {
    const circle = { anthropic: { fallbacks: ['bedrock'] }, bedrock: { fallbacks: ['anthropic'] } }
    expect(() => compilePolicy(policy({ upstreams: circle }))).toThrow(
      'write { "upstream": "anthropic", "last": true } for "anthropic" among those of "bedrock".',
    )
    for (const anthropic of ['bedrock', { upstream: 'bedrock', last: true }]) {
      const { fallbacks } = compilePolicy(
        policy({ upstreams: { anthropic: { fallbacks: [anthropic, 'eu'] }, bedrock: { fallbacks: [{ upstream: 'anthropic', last: true }] } } }),
      )
      expect([fallbacks.get('anthropic'), fallbacks.get('bedrock')]).toEqual([[{ upstream: 'bedrock' }, { upstream: 'eu' }], [{ upstream: 'anthropic' }]])
    }
    expect(() => compilePolicy(policy({ upstreams: { eu: { fallbacks: [{ upstream: 'eu', last: true }] } } }))).toThrow('lead in a circle: eu, eu. Take it out')
  })

  property.prop([fc.array(fc.tuple(fc.nat(4), fc.nat(4), fc.boolean()), { maxLength: 12 })])(
    'F6: whatever chain is loaded, it names nobody twice and never where it began',
    (edges) => {
      const upstreams: Record<string, { fallbacks: { upstream: string; last: boolean }[] }> = {}
      for (const [from, to, last] of edges) (upstreams[`u${from}`] ??= { fallbacks: [] }).fallbacks.push({ upstream: `u${to}`, last })
      let compiled: ReturnType<typeof compilePolicy>
      try {
        compiled = compilePolicy(policy({ upstreams }))
      } catch (cause) {
        expect(String(cause)).toMatch(/lead in a circle|twice/)
        return
      }
      for (const [name, chain] of compiled.fallbacks) {
        const asked = chain.map(({ upstream }) => upstream)
        expect([new Set(asked).size, asked.includes(name)]).toEqual([asked.length, false])
      }
    },
  )

  it('F6: a wide chain is checked at once', () => {
    const names = Array.from({ length: 40 }, (_, index) => `u${index}`)
    const upstreams = Object.fromEntries(names.map((name, index) => [name, { fallbacks: names.slice(index + 1, index + 21) }]))
    expect(compilePolicy(policy({ upstreams })).fallbacks.get('u0')).toHaveLength(39)
  })
})

it.each([
  [{ stops: [{ reason: 'x' }] }, 'policy.stops[0]: names nothing.'],
  [{ stops: [{ model: '@none', reason: 'x' }] }, 'names the class "@none"'],
  [{ stops: [{ upstream: 'nowhere', reason: 'x' }] }, '"nowhere" is not configured.'],
  [{ stops: [{ model: 'x' }] }, 'policy.stops[0].reason'],
  [{ residency: [{ regions: ['eu'] }] }, '"eu" is the region of no upstream.'],
  [{ residency: [{ regions: [] }] }, 'policy.residency[0].regions'],
  [{ residency: [{ regions: ['eu'], model: 'x' }] }, 'policy.residency[0].model: is an unknown field'],
  [{ offered: [{ model: 'm' }, { model: 'm' }] }, '"m" is offered twice.'],
])('%j is refused, and the message says where', (parts, message) => {
  expect(() => compilePolicy({ version: 1, rules: [], ...parts }, ['anthropic', 'eu'])).toThrow(message)
})
