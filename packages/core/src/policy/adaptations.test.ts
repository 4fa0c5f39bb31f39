import { fc, test as property } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { applyPatches, replaceTopLevelString } from '../exchange/patch.ts'
import { RequestBody } from '../exchange/request-body.ts'
import { toBytes, toText } from '../wire/bytes.ts'
import { fitOf } from './adaptations.ts'
import { capabilityTable } from './capabilities.ts'
import { membersAsSpans } from './json-spans.ts'
import { hasHistory, hasSignedThinking, shapeOf } from './request-shape.ts'

const haiku = capabilityTable()('claude-haiku-4-5')

function adapted(text: string, splitAt = 0): string {
  const bytes = toBytes(text)
  const body = new RequestBody(...[bytes.subarray(0, splitAt), bytes.subarray(splitAt)].filter(({ length }) => length > 0))
  const { adaptations, obstacles } = fitOf(shapeOf(body), haiku, 1_000)
  expect(obstacles).toEqual([])
  const { chunks } = applyPatches(body, [...adaptations.map(({ patch }) => patch), replaceTopLevelString('model', 'claude-haiku-4-5')])
  return chunks.map((chunk) => toText(chunk)).join('')
}

/** What an adaptation comes to, made from the parsed body. */
function expected(text: string): unknown {
  const body = JSON.parse(text) as Record<string, unknown> & {
    messages: Record<string, unknown>[]
    max_tokens: number
    output_config?: Record<string, unknown>
  }
  const { effort: _effort, ...config } = body.output_config ?? {}
  return {
    ...body,
    model: 'claude-haiku-4-5',
    max_tokens: Math.min(body.max_tokens, 64_000),
    ...(body.output_config && { output_config: config }),
    ...('thinking' in body && { thinking: { type: 'enabled', budget_tokens: 31_999 } }),
    messages: body.messages.map(({ output_config: _config, ...message }) => ({ ...message, role: message['role'] === 'system' ? 'user' : message['role'] })),
  }
}

const config = fc.record({ effort: fc.constantFrom('low', 'high'), format: fc.jsonValue() }, { requiredKeys: [] })
const message = fc
  .record(
    {
      output_config: config,
      role: fc.constantFrom('user', 'system'),
      content: fc.oneof(fc.string(), fc.array(fc.record({ type: fc.constant('text'), text: fc.string() }))),
      extra: fc.jsonValue(),
    },
    { requiredKeys: ['role', 'content'] },
  )
  .chain((made) =>
    fc
      .shuffledSubarray(Object.keys(made), { minLength: Object.keys(made).length })
      .map((keys) => Object.fromEntries(keys.map((key) => [key, made[key as keyof typeof made]]))),
  )
const request = fc.record(
  {
    model: fc.constant('claude-opus-5-5'),
    max_tokens: fc.constantFrom(32_000, 64_000, 64_001, 128_000),
    thinking: fc.constant({ type: 'adaptive' }),
    output_config: config,
    messages: fc.array(message, { maxLength: 5 }),
    other: fc.jsonValue(),
  },
  { requiredKeys: ['model', 'max_tokens', 'messages'] },
)

property.prop([request, fc.constantFrom(undefined, 2), fc.nat(500)])(
  'adapting by splices is what adapting the parsed body would be, however its bytes come',
  (body, indent, splitAt) => {
    const text = JSON.stringify(body, null, indent)
    expect(JSON.parse(adapted(text, Math.min(splitAt, text.length)))).toEqual(expected(text))
  },
)

property.prop([fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.jsonValue()), fc.subarray(['a', 'b', 'c', 'd', 'e']), fc.constantFrom(undefined, 3)])(
  'members are taken out with their commas, and what is left is the object without them',
  (object, taken, indent) => {
    const text = JSON.stringify(object, null, indent)
    let [left, at] = ['', 0]
    for (const { start, end } of membersAsSpans(toBytes(text), 0, (key) => taken.includes(key))) {
      left += toText(toBytes(text).subarray(at, start))
      at = end
    }
    left += toText(toBytes(text).subarray(at))
    expect(JSON.parse(left)).toEqual(Object.fromEntries(Object.entries(JSON.parse(text) as object).filter(([key]) => !taken.includes(key))))
  },
)

test('what needs no adapting is left alone, byte for byte', () => {
  const text = '{ "model":"claude-opus-5-5","max_tokens" : 1e3, "output_config":{ "format" : {} },"messages":[{"role":"user","content":"\\ud83d"}]}'
  expect(adapted(text)).toBe(text.replace('opus-5-5', 'haiku-4-5'))
})

test('thinking is turned off where there is no room for its budget', () => {
  expect(adapted('{"model":"x","max_tokens":1024,"thinking":{"type":"adaptive"},"messages":[]}')).toContain('"thinking":{"type":"disabled"}')
})

test('sampling is dropped for models that do not take it, wherever it stands, next to other changes', () => {
  const text = '{"temperature":0,"max_tokens":200000,"top_p":0.5,"top_k":3 ,"model":"x","messages":[],"temperature":1}'
  const body = new RequestBody(toBytes(text))
  const { adaptations } = fitOf(shapeOf(body), capabilityTable()('claude-haiku-5-5'), 1_000)
  const { chunks } = applyPatches(body, [...adaptations.map(({ patch }) => patch), replaceTopLevelString('model', 'y')])
  expect(chunks.map((chunk) => toText(chunk)).join('')).toBe('{"max_tokens":128000 ,"model":"y","messages":[]}')
})

test('every occurrence of a repeated key is adapted, so that no two readers disagree', () => {
  expect(adapted('{"max_tokens":99999,"model":"x","output_config":{"effort":"low"},"output_config":{"effort":"high"},"max_tokens":70000,"messages":[]}')).toBe(
    '{"max_tokens":64000,"model":"claude-haiku-4-5","output_config":{},"output_config":{},"max_tokens":64000,"messages":[]}',
  )
})

test('E3: thinking and history are seen across chunks, whatever the spaces, and not in quoted text or outside of the messages', () => {
  const seen = (text: string, splitAt: number): readonly boolean[] => {
    const body = new RequestBody(toBytes(text).subarray(0, splitAt), toBytes(text).subarray(splitAt))
    return [hasHistory(body), hasSignedThinking(body)]
  }
  const thinking = '{"messages":[{"role" : "assistant","content":[{ "type" : "thinking" ,"thinking":"","signature":"x"}]}]}'
  const redacted = '{"messages":[{"role":"assistant","content":[{"type":"redacted_thinking","data":"x"}]}]}'
  const quoted = `{"thinking":{"type":"adaptive"},"messages":[{"role":"user","content":${JSON.stringify(thinking)}}],"x":"assistant"}`
  for (let at = 1; at < 90; at += 1) {
    expect(seen(thinking, at)).toEqual([true, true])
    expect(seen(redacted, at)).toEqual([true, true])
    expect(seen(quoted, at)).toEqual([false, false])
  }
})
