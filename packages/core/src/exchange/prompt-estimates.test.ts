import { describe, expect, it } from 'vitest'
import type { Fault } from '../errors.ts'
import { createGateway } from '../gateway.ts'
import { promptTokens } from '../meter/usage.ts'
import { swapCredential } from '../route/upstream-credential.ts'
import { clientRequest } from '../testing/client-request.ts'
import { collectingSink } from '../testing/collecting-sink.ts'
import { manualClock, type ManualClock } from '../testing/manual-clock.ts'
import { scriptedTransport } from '../testing/scripted-transport.ts'
import { toText } from '../wire/bytes.ts'
import { promptEstimates, type PromptEstimateOptions } from './prompt-estimates.ts'
import type { CountRequest } from './exact-counts.ts'

interface Bench {
  readonly clock: ManualClock
  readonly faults: readonly Fault[]
  /** Sends a request; the estimate of its prompt, made before the upstream answered that it has `tokens`. */
  readonly ask: (json: object, tokens?: number, session?: string) => Promise<number>
}

function bench(options: PromptEstimateOptions = {}): Bench {
  const clock = manualClock()
  const faults: Fault[] = []
  let reported = 0
  let session: string | undefined
  let estimated = 0
  const transport = scriptedTransport(() => ({
    headers: [['content-type', 'application/json']],
    body: [JSON.stringify({ type: 'message', model: 'claude-opus-5-5', stop_reason: 'end_turn', usage: { input_tokens: reported, output_tokens: 10 } })],
  }))
  const gateway = createGateway({
    runtime: { transport },
    upstreams: [{ name: 'a', baseUrl: 'https://a.test', credential: swapCredential('sk') }],
    host: { clock, onFault: (fault) => void faults.push(fault) },
    estimates: promptEstimates(options),
  }).use({
    name: 'estimates',
    handle: async (exchange, next) => {
      const by = (value: string): object => ({ value, source: 'header' })
      if (session !== undefined) Object.assign(exchange.context, { attribution: { kind: by('main'), session: by(session), tags: {} } })
      estimated = promptTokens((await exchange.estimate()).likely.usage.total)
      return next({})
    },
  })
  return {
    clock,
    faults,
    ask: async (json, tokens = 1_000, of) => {
      reported = tokens
      session = of
      await gateway.handle(clientRequest({ json: { model: 'claude-opus-5-5', max_tokens: 100, ...json } }), collectingSink())
      return estimated
    },
  }
}

const user = (content: unknown): object => ({ role: 'user', content })
const words = (count: number): string => 'word '.repeat(count)

describe('estimates', () => {
  it('an exchange has one estimate per model, whatever is learned meanwhile: what is reserved is what a crash would book', async () => {
    const seen: bigint[] = []
    const transport = scriptedTransport(() => ({
      headers: [['content-type', 'application/json']],
      body: [JSON.stringify({ type: 'message', model: 'claude-opus-5-5', stop_reason: 'end_turn', usage: { input_tokens: 50_000, output_tokens: 90 } })],
    }))
    let isFirst = true
    const json = { model: 'claude-opus-5-5', max_tokens: 100, messages: [user(words(500))] }
    const gateway = createGateway({ runtime: { transport }, upstreams: [{ name: 'a', baseUrl: 'https://a.test', credential: swapCredential('sk') }] }).use({
      name: 'asks again',
      handle: async (exchange, next) => {
        const estimate = await exchange.estimate()
        if (isFirst) {
          isFirst = false
          const other = estimate.withModel('claude-haiku-4-5').likely.cost.nanoUsd
          for (let turn = 0; turn < 5; turn += 1) await gateway.handle(clientRequest({ json }), collectingSink())
          const again = (await exchange.estimate()).withModel('claude-opus-5-5')
          seen.push(estimate.likely.cost.nanoUsd, again.likely.cost.nanoUsd, other, again.withModel('claude-haiku-4-5').likely.cost.nanoUsd)
        }
        return next({})
      },
    })
    await gateway.handle(clientRequest({ json }), collectingSink())
    expect(seen).toHaveLength(4)
    expect([seen[1], seen[3]]).toEqual([seen[0], seen[2]])
  })

  it('a picture neither counts as its bytes nor shrinks what is learned of text', async () => {
    const { ask } = bench()
    const plain = { messages: [user(words(2_000))] }
    const before = await ask(plain, 3_000)
    const picture = {
      type: 'image',
      source: { type: 'base64', media_type: 'image/png', data: `iVBORw0KGgoAAAANSUhEUgAAAGQAAABkCAYAAAA${'A'.repeat(400_000)}` },
    }
    for (let at = 0; at < 20; at += 1) expect(await ask({ messages: [user([picture, { type: 'text', text: `What is this? ${at}` }])] }, 30)).toBeLessThan(60)
    const after = await ask({ messages: [user(`${words(2_000)}now`)] }, 3_000)
    expect(Math.abs(after - 3_000)).toBeLessThan(Math.abs(before - 3_000) + 150)
  })

  it('a small further turn of a conversation stands on the last one, whatever the client makes of what it has sent', async () => {
    const { ask } = bench()
    const first = [user(words(20_000))]
    await ask({ messages: first }, 23_456, 's')
    const flipped = [user([{ type: 'text', text: words(20_000) }]), { role: 'assistant', content: 'ok' }, user('go on')]
    const second = await ask({ messages: flipped }, 23_500, 's')
    expect(second).toBeGreaterThan(23_456)
    expect(second).toBeLessThan(23_600)
    const third = await ask({ messages: [...flipped, { role: 'assistant', content: 'ok' }, user(words(5_000))] }, 29_000, 's')
    expect(third).toBeGreaterThan(27_500)
    expect(third).toBeLessThan(34_000)
  })

  it('a tokenizer counts what is new and nothing twice, and where it fails the letters count', async () => {
    const counted: string[] = []
    let isBroken = false
    const tokenizer = {
      name: 'mine',
      count: (texts: readonly string[]): number => {
        if (isBroken) throw new Error('broken')
        counted.push(...texts)
        return texts.reduce((sum, text) => sum + text.split(' ').length, 0)
      },
    }
    const { ask, faults } = bench({ tokenizer })
    const messages = [user('one two'), { role: 'assistant', content: 'three' }]
    await ask({ system: 'Be "brief".', messages: messages.slice(0, 1) }, 50)
    await ask({ system: 'Be "brief".', messages: [...messages, user('four')] }, 60)
    expect(counted).toEqual(['Be "brief".', 'one two', 'three', 'four'])
    isBroken = true
    expect(await ask({ messages: [user(words(1_000))] })).toBeGreaterThan(500)
    expect(faults).toMatchObject([{ code: 'estimate-failed', source: 'mine' }])
  })
})

describe('exact counts', () => {
  const asked: CountRequest[] = []
  const counting = (count: (request: CountRequest) => Promise<number | undefined>, more: object = {}): PromptEstimateOptions => ({
    exact: { count: (request) => (asked.push(request), count(request)), ...more },
  })

  it('take the place of the estimate; the same bytes are asked about once, with what a count takes and no credential', async () => {
    asked.length = 0
    const { ask } = bench(counting(async () => 4_321))
    const json = { messages: [user('Hello')], metadata: { user_id: 'u' }, stream: false, tools: [{ name: 'T' }] }
    expect([await ask(json), await ask(json)]).toEqual([4_321, 4_321])
    expect(asked.length).toBe(1)
    expect(JSON.parse(toText(asked[0]?.body as Uint8Array))).toEqual({ model: 'claude-opus-5-5', messages: json.messages, tools: json.tools })
    expect(asked[0]?.headers).toEqual([])
  })

  it('are not asked for where they are not wanted, and the estimate stands where the answer is none, or nonsense', async () => {
    const estimate = await bench().ask({ messages: [user('Hello')] })
    for (const answer of [async () => undefined, async () => -1, async () => Number.NaN])
      expect(await bench(counting(answer)).ask({ messages: [user('Hello')] })).toBe(estimate)
    expect(
      await bench(counting(async () => 1, { isWanted: ({ estimatedTokens }: { estimatedTokens: number }) => estimatedTokens > 10_000 })).ask({
        messages: [user('Hello')],
      }),
    ).toBe(estimate)
  })

  it('that fail are told as faults; those that come too late are given up', async () => {
    const failing = bench(counting(() => Promise.reject(new Error('down'))))
    const estimate = await failing.ask({ messages: [user('Hello')] })
    expect(failing.faults).toMatchObject([{ code: 'estimate-failed', source: 'exact' }])
    const hanging = bench(counting(() => new Promise(() => undefined)))
    const asking = hanging.ask({ messages: [user('Hello')] })
    await hanging.clock.advanceAsync(2_000)
    expect(await asking).toBe(estimate)
    expect(asked.at(-1)?.signal.aborted).toBe(true)
    expect(hanging.faults).toEqual([])
  })

  it('an attacker cannot pile questions up: beyond so many at once the estimate stands', async () => {
    const { ask, clock } = bench(counting(() => new Promise(() => undefined), { mostUnderWay: 1 }))
    const first = ask({ messages: [user('Hello')] })
    await clock.advanceAsync(0)
    expect(await ask({ messages: [user('Hi')] })).toBeLessThan(30)
    await clock.advanceAsync(2_000)
    await first
  })
})
