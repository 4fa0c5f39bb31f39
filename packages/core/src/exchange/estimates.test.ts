import { describe, expect, it } from 'vitest'
import { ConfigurationError } from '../errors.ts'
import { createGateway, type Gateway, type GatewayOptions } from '../gateway.ts'
import { roughUsage } from '../meter/rough-estimate.ts'
import type { Middleware } from '../middleware/middleware.ts'
import { toUpstream, type Router } from '../route/router.ts'
import { swapCredential } from '../route/upstream-credential.ts'
import { clientRequest } from '../testing/client-request.ts'
import { collectingSink } from '../testing/collecting-sink.ts'
import { scriptedTransport } from '../testing/scripted-transport.ts'
import type { EstimateSource, UsageEstimate } from './estimates.ts'
import type { SpendEstimate } from './exchange.ts'
import { promptEstimates } from './prompt-estimates.ts'

const transport = scriptedTransport(() => ({
  headers: [['content-type', 'application/json']],
  body: [JSON.stringify({ type: 'message', model: 'claude-opus-5-5', stop_reason: 'end_turn', usage: { input_tokens: 9, output_tokens: 7 } })],
}))

function plain(options: Partial<GatewayOptions> = {}): Gateway {
  return createGateway({ runtime: { transport }, upstreams: [{ name: 'a', baseUrl: 'https://a.test', credential: swapCredential('sk') }], ...options })
}

/** The estimate that an exchange of the gateway gets. */
async function estimateIn(gateway: Gateway, json: object): Promise<SpendEstimate> {
  const asked: SpendEstimate[] = []
  const asking = gateway.use({
    name: 'asks',
    handle: async (exchange, next) => {
      asked.push(await exchange.estimate())
      return next({})
    },
  })
  await asking.handle(clientRequest({ json }), collectingSink())
  return asked[0] as SpendEstimate
}

/** Of a source of its own: each request is a prompt of so many tokens. */
function always(tokens: number, learned: number[] = []): EstimateSource {
  const usage = roughUsage({ model: 'claude-opus-5-5', bytes: 0, maxTokens: 1 })
  const report = { ...usage, total: { ...usage.total, freshInputTokens: tokens } }
  const of = (model: string): UsageEstimate => ({
    model,
    likely: () => report,
    most: () => report,
    withModel: of,
    learn: ({ total }) => void learned.push(total.freshInputTokens),
  })
  return () => ({ of: ({ body }) => Promise.resolve(of(body.string('model') ?? '')) })
}

const json = { model: 'claude-opus-5-5', max_tokens: 100, messages: [{ role: 'user', content: 'x'.repeat(10_000) }] }
const fresh = ({ likely }: SpendEstimate): number => likely.usage.total.freshInputTokens

describe('what estimates go by', () => {
  it('is the length of requests where nothing brings more: within what such prompts come to, and never below what is possible', async () => {
    const { likely, most, withModel } = await estimateIn(plain(), { ...json, speed: 'fast' })
    expect(likely.usage.total.cacheWrite5mTokens).toBeGreaterThan(2_500)
    expect(likely.usage.total.cacheWrite5mTokens).toBeLessThan(5_000)
    expect(likely.usage.total.outputTokens).toBe(100)
    expect(likely.usage.lines[0]).toMatchObject({ model: 'claude-opus-5-5', speed: 'fast' })
    expect(most().usage.total).toMatchObject({ cacheWrite1hTokens: 1_000_000, outputTokens: 100 })
    expect(withModel('claude-haiku-4-5').likely.usage.lines[0]?.model).toBe('claude-haiku-4-5')
    expect(withModel('claude-haiku-4-5').likely.cost.nanoUsd).toBeLessThan(likely.cost.nanoUsd)
  })

  it('is what a middleware or a router brings, the first of them for all, and the options before any', async () => {
    const brings = (tokens: number): Middleware => ({ name: `brings ${tokens}`, handle: (_, next) => next({}), estimates: always(tokens) })
    const router: Router = Object.assign(toUpstream('a'), { estimates: always(3) })
    expect(fresh(await estimateIn(plain().use(brings(1)).use(brings(2)), json))).toBe(1)
    expect(fresh(await estimateIn(plain().route(router), json))).toBe(3)
    expect(fresh(await estimateIn(plain().use(brings(1)).route(router), json))).toBe(1)
    expect(fresh(await estimateIn(plain({ estimates: always(4) }).use(brings(1)), json))).toBe(4)
  })

  it('learns once from how an exchange ended, where anybody asked', async () => {
    const learned: number[] = []
    const gateway = plain({ estimates: always(1, learned) })
    await estimateIn(gateway, json)
    expect(learned).toEqual([9])
    const silent = plain({ estimates: always(1, learned) })
    await silent.handle(clientRequest({ json }), collectingSink())
    expect(learned).toEqual([9])
  })

  it('is refused where it is no source, and says what to pass', () => {
    const options = { maxConversations: 5 } as unknown as EstimateSource
    expect(() => plain({ estimates: options })).toThrow(ConfigurationError)
    expect(() => plain({ estimates: options })).toThrow(/promptEstimates\(\{/)
    expect(() => plain({ estimates: promptEstimates({ maxConversations: 5 }) })).not.toThrow()
  })
})
