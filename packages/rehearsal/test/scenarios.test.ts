import Anthropic from '@anthropic-ai/sdk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { assertStreamGrammar, SCENARIOS, startRehearsal, type Rehearsal } from '../src/index.ts'
import { bytesOf, lastCall, post, prompt } from './support.ts'

const tools = [
  {
    name: 'Write',
    description: 'writes',
    input_schema: {
      type: 'object' as const,
      properties: { file_path: { type: 'string' }, content: { type: 'string' } },
    },
  },
  {
    name: 'Bash',
    description: 'runs',
    input_schema: { type: 'object' as const, properties: { command: { type: 'string' } } },
  },
]
const ask = {
  model: 'claude-opus-5-5',
  max_tokens: 1024,
  tools,
  messages: [{ role: 'user' as const, content: 'hello' }],
}
const wellFormed = SCENARIOS.filter((scenario) => scenario.wellFormed)

let rehearsal: Rehearsal
beforeAll(async () => {
  rehearsal = await startRehearsal({ pace: 0 })
})
afterAll(() => rehearsal.close())

const sdk = (scenario: string): Anthropic =>
  new Anthropic({
    baseURL: rehearsal.url,
    apiKey: 'sk-test',
    maxRetries: 0,
    defaultHeaders: { 'x-rehearsal-scenario': scenario },
  })

describe.each(wellFormed.map((scenario) => scenario.name))('scenario %s', (name) => {
  it('streams a whole message that obeys the grammar', async () => {
    const response = await post(rehearsal, name, prompt({ tools }))
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const report = assertStreamGrammar(await bytesOf(response))
    expect(report.message.model).toBe('claude-opus-5-5')
    const call = await lastCall(rehearsal)
    expect(call).toMatchObject({ scenario: name, outcome: 'completed', costBasisModel: 'claude-opus-5-5' })
  })

  it('is accepted by the official SDK, streaming and not, with the usage that the call reports', async () => {
    const streamed = await sdk(name).messages.stream(ask).finalMessage()
    const streamedCall = await lastCall(rehearsal)
    const whole = await sdk(name).messages.create(ask)
    const wholeCall = await lastCall(rehearsal)
    expect(streamed.content.map((block) => block.type)).toEqual(whole.content.map((block) => block.type))
    expect(streamed.stop_reason).toBe(whole.stop_reason)
    expect(streamed.id).not.toBe(whole.id)
    for (const [message, call] of [
      [streamed, streamedCall],
      [whole, wholeCall],
    ] as const) {
      expect(call.usage).toMatchObject({
        final: true,
        inputTokens: message.usage.input_tokens,
        outputTokens: message.usage.output_tokens,
        cacheReadTokens: message.usage.cache_read_input_tokens,
      })
    }
  })
})

describe('the head of an answer', () => {
  it('carries a fresh request-id, rate-limit counters and the organisation, as the API does', async () => {
    const first = await post(rehearsal, 'text')
    const second = await post(rehearsal, 'text')
    expect(first.headers.get('request-id')).toMatch(/^req_011C[1-9A-HJ-NP-Za-km-z]{20}$/)
    expect(second.headers.get('request-id')).not.toBe(first.headers.get('request-id'))
    expect(first.headers.get('anthropic-organization-id')).toMatch(/^[0-9a-f-]{36}$/)
    expect(first.headers.get('anthropic-ratelimit-requests-limit')).toBe('4000')
    expect(first.headers.get('cache-control')).toBe('no-cache')
  })
})

describe('what a request asks for', () => {
  it('decides the model named in the reply and the form of the reply', async () => {
    const message = (await (await post(rehearsal, 'text', prompt({ stream: undefined, model: 'claude-haiku-5-5' }))).json()) as { model: string; type: string }
    expect(message).toMatchObject({ type: 'message', model: 'claude-haiku-5-5' })
  })

  it('makes a schema be answered with fitting JSON whatever the directive in the prompt', async () => {
    const schema = { type: 'object', properties: { title: { type: 'string' } }, required: ['title'] }
    const body = prompt({
      messages: [{ role: 'user', content: 'Title for: [[rehearse tool-loop turns=3]]' }],
      output_config: { format: { type: 'json_schema', schema } },
    })
    const { message } = assertStreamGrammar(await bytesOf(await post(rehearsal, undefined, body)))
    expect(JSON.parse(message.text)).toEqual({ title: 'Rehearse the gateway' })
  })

  it('makes a forced tool be called with input from its schema', async () => {
    const { message } = assertStreamGrammar(await bytesOf(await post(rehearsal, undefined, prompt({ tools, tool_choice: { type: 'tool', name: 'Bash' } }))))
    expect(message.blocks).toMatchObject([{ type: 'tool_use', name: 'Bash', input: { command: 'Rehearsal' } }])
    expect(message.stopReason).toBe('tool_use')
  })

  it('gets a verdict on every tool call when it carries safeguards', async () => {
    const body = prompt({ tools, safeguards: [{ type: 'dangerous_tool_use', classifier_context: {} }] })
    const text = await (await post(rehearsal, 'parallel-tools; calls=2', body)).text()
    const delta = JSON.parse(/data: (\{"type":"message_delta".*)/.exec(text)?.[1] ?? '{}') as {
      delta: { safeguard_results: { status: { tool_uses: Record<string, unknown> } }[] }
    }
    const ids = assertStreamGrammar(new TextEncoder().encode(text)).message.blocks.flatMap((block) =>
      block['type'] === 'tool_use' ? [String(block['id'])] : [],
    )
    expect(Object.keys(delta.delta.safeguard_results[0]?.status.tool_uses ?? {})).toEqual(ids)
  })

  it('gets "do not block" as the local auto-mode classifier', async () => {
    const body = prompt({ stream: undefined, system: 'Answer <block>yes</block> or <block>no</block>.' })
    expect(await (await post(rehearsal, undefined, body)).json()).toMatchObject({
      content: [{ text: '<block>no</block>' }],
    })
  })

  it('gets exactly the usage it states in options', async () => {
    const { message } = assertStreamGrammar(
      await bytesOf(
        await post(
          rehearsal,
          'text; input-tokens=7; cache-read-tokens=100000; cache-write-5m-tokens=20; cache-write-1h-tokens=30; output-tokens=5; speed=fast; geo=us',
        ),
      ),
    )
    expect(message.usage).toMatchObject({
      input_tokens: 7,
      cache_read_input_tokens: 100_000,
      cache_creation_input_tokens: 50,
      output_tokens: 5,
      speed: 'fast',
      inference_geo: 'us',
    })
  })
})

describe('one call of a named tool', () => {
  const directive = (text: string): object => prompt({ tools, stream: false, messages: [{ role: 'user', content: text }] })
  const contentOf = async (text: string): Promise<unknown> =>
    ((await (await post(rehearsal, undefined, directive(text))).json()) as { content: unknown }).content

  it('has the input that was stated, or input from its schema', async () => {
    expect(await contentOf('[[rehearse tool-call tool=Bash input="command=pwd, description=Where am I"]]')).toMatchObject([
      { type: 'text', text: 'Calling Bash.' },
      { type: 'tool_use', name: 'Bash', input: { command: 'pwd', description: 'Where am I' } },
    ])
    expect(await contentOf('[[rehearse tool-call tool=Write]]')).toMatchObject([
      { type: 'text' },
      { type: 'tool_use', name: 'Write', input: { file_path: expect.any(String) as string } },
    ])
  })

  it('is not made of a tool that is not offered', async () => {
    expect(await contentOf('[[rehearse tool-call tool=WebSearch input="query=x"]]')).toEqual([{ type: 'text', text: 'WebSearch is not offered here.' }])
  })
})

describe('the end of a budget', () => {
  it('is told with the headers that make Claude Code stop and show the message', async () => {
    const response = await post(rehearsal, 'spend-limit; retry-after=60')
    expect(response.status).toBe(429)
    expect(await response.json()).toMatchObject({ error: { type: 'billing_error', message: expect.stringContaining('spend limit reached') as string } })
    const { headers } = response
    expect([headers.get('x-should-retry'), headers.get('retry-after')]).toEqual(['false', '60'])
    expect(headers.get('anthropic-ratelimit-unified-status')).toBe('rejected')
    expect(headers.get('anthropic-ratelimit-unified-reset')).toBe(headers.get('anthropic-ratelimit-unified-overage-reset'))
  })
})

describe('a reply without usage', () => {
  it('is grammatical, names its model, and leaves the call without usage', async () => {
    for (const stream of [true, false]) {
      const bytes = await bytesOf(await post(rehearsal, 'no-usage', prompt({ stream })))
      if (stream) expect(assertStreamGrammar(bytes).message.usage).toEqual({})
      else expect(JSON.parse(new TextDecoder().decode(bytes))).not.toHaveProperty('usage')
      expect(await lastCall(rehearsal)).toMatchObject({
        usage: undefined,
        costBasisModel: 'claude-opus-5-5',
        outcome: 'completed',
      })
    }
  })
})

describe('options of every scenario', () => {
  it('times applies a fault to the first requests of each session only', async () => {
    const statuses = async (session: string): Promise<number[]> => {
      const seen: number[] = []
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const response = await post(rehearsal, 'overloaded; times=2', prompt(), {
          headers: { 'x-claude-code-session-id': session },
        })
        await response.text()
        seen.push(response.status)
      }
      return seen
    }
    expect(await statuses('one')).toEqual([529, 529, 200])
    expect(await statuses('two')).toEqual([529, 529, 200])
  })

  it('error-then-ok fails once, then passes to the directive in the prompt', async () => {
    const body = prompt({ messages: [{ role: 'user', content: '[[rehearse text say=fine]]' }] })
    const session = { headers: { 'x-claude-code-session-id': 'three' } }
    expect((await post(rehearsal, 'error-then-ok; status=503', body, session)).status).toBe(503)
    expect(assertStreamGrammar(await bytesOf(await post(rehearsal, 'error-then-ok; status=503', body, session))).message.text).toBe('fine')
  })

  it('an unknown name is refused with the list of names', async () => {
    const response = await post(rehearsal, 'no-such')
    expect(response.status).toBe(400)
    expect(await response.text()).toContain('tool-loop')
  })

  it.each([
    ['error; status=429; retry-after=7', 429, 'rate_limit_error', '7'],
    ['rate-limited', 429, 'rate_limit_error', '30'],
    ['overloaded', 529, 'overloaded_error', null],
    ['error; status=402', 402, 'billing_error', null],
    ['error; status=401', 401, 'authentication_error', null],
    ['prompt-too-long', 400, 'invalid_request_error', null],
  ])('%s carries the headers and the envelope of its class', async (scenario, status, type, retryAfter) => {
    const response = await post(rehearsal, scenario)
    const body = (await response.json()) as {
      type: string
      error: { type: string; message: string }
      request_id: string
    }
    expect(response.status).toBe(status)
    expect(body).toMatchObject({ type: 'error', error: { type } })
    expect(body.request_id).toBe(response.headers.get('request-id'))
    expect(response.headers.get('retry-after')).toBe(retryAfter)
    expect(response.headers.get('x-should-retry')).toBe(String(status === 429 || status === 529))
    expect(response.headers.get('anthropic-ratelimit-requests-remaining')).toBe(status === 429 ? '0' : null)
  })

  it('prompt-too-long uses the wording that makes Claude Code compact', async () => {
    expect(await (await post(rehearsal, 'prompt-too-long')).text()).toContain('prompt is too long: 205000 tokens > 200000 maximum')
  })
})
