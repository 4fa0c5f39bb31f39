import { describe, expect, it } from 'vitest'
import { normalText, normalValue } from './normal-text.ts'

const ordered = { hosts: ['127.0.0.1:1'], isUnordered: false }
const unordered = { ...ordered, isUnordered: true }

describe('a text without what differs by itself', () => {
  it.each([
    ['session 11111111-2222-3333-4444-555555555555', 'session UUID'],
    [`user_${'a1'.repeat(32)}_account`, 'user_DEVICE_account'],
    ['cc_version=2.1.150.a2b; cch=e8a17;', 'cc_version=2.1.150.a2b; cch=SUM;'],
    ['Read=9;Bash=26', 'Read=TIME;Bash=TIME'],
    ['done in 12ms, then 0.5s', 'done in TIME, then TIME'],
    ['http://127.0.0.1:1/v1', 'http://HOST/v1'],
  ])('%s', (text, normal) => {
    expect(normalText(text, ordered)).toBe(normal)
  })

  it('keeps what the upstream mints, unless the order of calls is chance', () => {
    const text = '{"id":"toolu_01AB","signature":"c2ln"}'
    expect(normalText(text, ordered)).toBe(text)
    expect(normalText(text, unordered)).toBe('{"id":"toolu_ID","signature":"SIGNATURE"}')
  })
})

it('a value loses its times and the client’s own ids, at any depth', () => {
  const value = { uuid: 'x', b: [{ duration_ms: 1, end_time: 2, text: 'kept' }], a: 1, usage: { input_tokens: 3 } }
  expect(JSON.stringify(normalValue(value, ordered))).toBe('{"a":1,"b":[{"text":"kept"}],"usage":{"input_tokens":3}}')
  expect(JSON.stringify(normalValue(value, unordered))).toBe('{"a":1,"b":[{"text":"kept"}]}')
})
