import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { policyBench, turn } from '../../test/policy-bench.ts'
import { bench, eventStream, messagesBody } from '../../test/gateway-bench.ts'
import { defaultGatewayOptions } from '../gateway.ts'
import type { LedgerEntry } from '../ports/ledger.ts'
import { headerValue } from '../wire/header-list.ts'
import type { Policy } from './policy-document.ts'

/** A policy that changes all that it may: it moves every request to a model of another generation, and adapts it. */
const moving: Policy = {
  version: 1,
  defaults: { adapt: true, switch: 'always' },
  upstreams: { anthropic: { region: 'us', fallbacks: ['bedrock'] } },
  stops: [{ scope: 'nobody', reason: 'x' }],
  residency: [{ scope: 'nobody', regions: ['us'] }],
  rules: ['use claude-haiku-4-5'],
}
const model = /"model":"[^"]*"/
const mark = { cache_control: { type: 'ephemeral', ttl: '1h' } }
const text = (value: string, more: object = {}): object => ({ type: 'text', text: value, ...more })

/** A request as it came and as it went. */
async function sentFor(json: object, document: Policy = moving): Promise<{ readonly came: string; readonly went: string }> {
  const came = JSON.stringify(json)
  const { sent } = await policyBench({ document }).ask({ body: came, session: 's1' })
  return { came, went: sent }
}

describe('what is sent to be cached', () => {
  it('D1: is the same, byte for byte, from any two processes, and but for the name of the model what the client sent', async () => {
    const json = {
      ...turn(4),
      zebra: { b: 1, a: [3, 1.0, 2] },
      tools: [{ name: 'B', input_schema: { type: 'object', properties: { z: {}, a: {} } } }, { name: 'A' }],
    }
    const [one, two] = [await sentFor(json), await sentFor(json)]
    expect(one.went).toBe(two.went)
    expect(one.went.replace(model, '')).toBe(one.came.replace(model, ''))
    expect(one.went).toMatch(/"model":"claude-haiku-4-5"/)
  })

  it('D1: of a session of 1000 turns begins each time as it did before', { timeout: 60_000 }, async () => {
    const { ask, upstream } = policyBench({ document: moving })
    const messages: object[] = [{ role: 'user', content: 'q' }]
    let before = ''
    for (let number = 1; number <= 1_000; number += 1) {
      const { sent } = await ask({ session: 's1', json: { model: 'claude-opus-5-5', max_tokens: 64, system: [text('s', mark)], messages } })
      const prefix = sent.slice(0, sent.lastIndexOf(']}'))
      expect(prefix.startsWith(before)).toBe(true)
      before = prefix
      messages.push({ role: 'assistant', content: `a${number}` }, { role: 'user', content: [text(`q${number}`)] })
    }
    expect(upstream.calls).toHaveLength(1_000)
  })

  it('D2: has nothing of the gateway’s in it: the prompt cache is read as it is without one', async () => {
    const { ask } = policyBench({ document: moving })
    const direct = policyBench({ document: { version: 1, rules: [] } })
    for (let number = 1; number <= 30; number += 1) {
      const [through, straight] = [await ask({ session: 's1', json: turn(number) }), await direct.ask({ session: 's1', json: turn(number) })]
      const read = (tokens: { readonly cacheReadTokens: number }): number => tokens.cacheReadTokens
      // The names of the two models differ by one letter, and four letters are a token here.
      expect(Math.abs(read(through.settlement.usage.total) - read(straight.settlement.usage.total))).toBeLessThanOrEqual(1)
    }
  })

  it.each([0, 1, 2, 3, 4])('D3: with %i marks of the client has as many, where they were', async (count) => {
    const system = Array.from({ length: 4 }, (_, index) => text(`part ${index}`, index < count ? mark : {}))
    const { came, went } = await sentFor({ ...messagesBody, system })
    expect(went.split('"cache_control"').length - 1).toBe(count)
    expect(went.replace(model, '')).toBe(came.replace(model, ''))
  })

  it('D4: keeps every cache_control, at whatever depth and with whatever in it, through adaptation', async () => {
    const odd = { cache_control: { type: 'ephemeral', scope: 'global', novel: [1] } }
    const { came, went } = await sentFor({
      model: 'claude-opus-5-5',
      max_tokens: 500_000,
      thinking: { type: 'adaptive' },
      temperature: 1,
      system: [text('a', mark), text('b', odd)],
      tools: [{ name: 'Bash', ...mark }],
      messages: [{ role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: [text('c', odd)], ...mark }, text('d', mark)] }],
    })
    const marks = (body: string): readonly string[] => body.match(/"cache_control":\{[^}]*\}/g) ?? []
    expect(marks(came)).toHaveLength(6)
    expect(marks(went)).toEqual(marks(came))
    expect(went).not.toContain('500000')
  })
})

const signed = (thinking: string): object => ({ type: 'thinking', thinking, signature: 'c2ln/bmF0+dXJl==' })

describe('thinking and tools', () => {
  property.prop([fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 4 })])(
    'E1: thinking, redacted thinking, signatures and results of tools go up as they came, whatever is moved and adapted around them',
    async (thoughts) => {
      const blocks = thoughts.flatMap((thought) => [signed(thought), { type: 'redacted_thinking', data: `ZGF0YQ==${thought}` }])
      const json = {
        model: 'claude-opus-5-5',
        max_tokens: 500_000,
        temperature: 1,
        messages: [
          { role: 'user', content: 'q' },
          { role: 'assistant', content: blocks },
          { role: 'user', content: [{ type: 'web_search_tool_result', tool_use_id: 'x', content: thoughts }] },
        ],
      }
      const { came, went } = await sentFor(json)
      const messages = (body: string): string => body.slice(body.indexOf('"messages":'))
      expect(messages(went)).toBe(messages(came))
    },
  )

  it('E1: thinking comes down as it was written, with its escapes, its spaces and its signature', async () => {
    const frames = [
      'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}\n\n',
      String.raw`event: content_block_delta` +
        '\n' +
        String.raw`data: {"type": "content_block_delta",  "index":0,"delta":{"type":"thinking_delta","thinking":"\u00e9 \ud83d \/ caf\u00E9"}}` +
        '\n\n',
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln/+=="}}\n\n',
    ]
    const { sink } = await bench([{ headers: eventStream, body: frames }]).send()
    expect(sink.text().startsWith(frames.join(''))).toBe(true)
  })

  it('E2: a signed block without text, which is the usual form, goes up as it is', async () => {
    const json = {
      ...messagesBody,
      messages: [
        { role: 'user', content: 'q' },
        { role: 'assistant', content: [signed(''), text('a')] },
        { role: 'user', content: 'r' },
      ],
    }
    const { came, went } = await sentFor(json, { version: 1, rules: [] })
    expect(went).toBe(came)
    expect(went).toContain('{"type":"thinking","thinking":"","signature":"c2ln/bmF0+dXJl=="}')
  })

  const ids = fc.uniqueArray(fc.stringMatching(/^toolu_[A-Za-z0-9]{1,24}$/), { minLength: 1, maxLength: 8 })
  property.prop([fc.array(ids, { minLength: 1, maxLength: 4 }), fc.boolean()])(
    'E5: uses of tools and their results keep their ids, their order and their number',
    async (rounds, hasReference) => {
      const messages = rounds.flatMap((round) => [
        { role: 'assistant', content: round.map((id) => ({ type: 'tool_use', id, name: 'Bash', input: {} })) },
        {
          role: 'user',
          content: round.map((id) => ({ type: 'tool_result', tool_use_id: id, content: hasReference ? [{ type: 'tool_reference', tool_name: 'Read' }] : '' })),
        },
      ])
      const { came, went } = await sentFor({ model: 'claude-opus-5-5', max_tokens: 500_000, messages: [{ role: 'user', content: 'q' }, ...messages] })
      const named = (body: string): readonly string[] => body.match(/"(?:tool_use_)?id":"toolu_[^"]*"/g) ?? []
      expect(named(came)).toHaveLength(2 * rounds.flat().length)
      expect(went.slice(went.indexOf('"messages":'))).toBe(came.slice(came.indexOf('"messages":')))
    },
  )

  it('E6: names of tools of 1 to 200 characters go up and come down as they are', async () => {
    const names = Array.from({ length: 200 }, (_, index) => `mcp__${'x'.repeat(index)}`.slice(-(index + 1)))
    const { went } = await sentFor({ ...messagesBody, tools: names.map((name) => ({ name, input_schema: { type: 'object' } })) })
    expect((JSON.parse(went) as { tools: { name: string }[] }).tools.map(({ name }) => name)).toEqual(names)
    const frames = names.map(
      (name, index) =>
        `event: content_block_start\ndata: ${JSON.stringify({ type: 'content_block_start', index, content_block: { type: 'tool_use', id: 't', name, input: {} } })}\n\n`,
    )
    const { sink } = await bench([{ headers: eventStream, body: frames }]).send()
    expect(sink.text().startsWith(frames.join(''))).toBe(true)
  })
})

describe('a request that is too large', () => {
  it('F5: for the gateway is told so as the gateway’s own limit, is larger than the API takes, and stands in the ledger', async () => {
    expect(defaultGatewayOptions.maxBodyBytes).toBeGreaterThan(32 * 1024 * 1024)
    const { gateway, send, upstream } = bench([], { maxBodyBytes: 1_000 })
    const entries: LedgerEntry[] = []
    gateway.record({ append: (entry: LedgerEntry) => Promise.resolve(void entries.push(entry)) } as unknown as Parameters<typeof gateway.record>[0])
    const { sink, settlement } = await send({ json: { ...messagesBody, system: 'x'.repeat(2_000) } })
    expect([sink.status, headerValue(sink.headers ?? [], 'x-sluice-error-origin'), upstream.calls.length]).toEqual([413, 'gateway', 0])
    expect(JSON.parse(sink.text())).toMatchObject({ type: 'error', error: { type: 'request_too_large', message: expect.stringMatching(/gateway/i) as string } })
    expect([settlement.outcome, entries.length]).toEqual([{ kind: 'refused', error: { origin: 'gateway', code: 'body-too-large' } }, 1])
  })

  it('F5: for the upstream is told in its own words', async () => {
    const body = '{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}'
    const { sink } = await bench([{ status: 413, headers: [['content-type', 'application/json']], body: [body] }]).send()
    expect([sink.status, sink.text(), headerValue(sink.headers ?? [], 'x-sluice-error-origin')]).toEqual([413, body, undefined])
  })
})
