import { expect, test } from 'vitest'
import { ConfigurationError } from '../errors.ts'
import { allowsModel, checkRestrictions, parsedNetworks } from './restrictions.ts'

test.each([
  [{}],
  [{ models: ['claude-opus-5-5', 'claude-haiku-*', '*'] }],
  [{ models: ['a'], upstreams: ['anthropic'], budgets: ['b1'], networks: ['10.0.0.0/8', '2001:db8::/32', '192.0.2.7'] }],
])('takes %j', (restrictions) => {
  expect(checkRestrictions(restrictions)).toEqual(restrictions)
})

test.each([
  ['a field of another name', { model: ['x'] }],
  ['a field of the prototype', JSON.parse('{"__proto__":["x"]}')],
  ['an empty list', { upstreams: [] }],
  ['too many entries', { budgets: Array.from({ length: 101 }, () => 'b') }],
  ['an entry that is no text', { models: [7] }],
  ['an empty entry', { models: [''] }],
  ['an entry with a space', { models: ['a b'] }],
  ['a * before the end', { models: ['*-5'] }],
  ['a network that is none', { networks: ['10.0.0.0/40'] }],
  ['a list', []],
  ['null', null],
  ['a text', 'models'],
])('refuses %s', (_what, restrictions) => {
  expect(() => checkRestrictions(restrictions as never)).toThrow(ConfigurationError)
})

test('a model is allowed by its name or the start of it, in its own case', () => {
  expect(['claude-haiku-5-5', 'claude-haiku', 'Claude-haiku-5', 'xclaude-haiku-5', ''].map((model) => allowsModel(['claude-haiku-*', 'opus'], model))).toEqual([
    true,
    false,
    false,
    false,
    false,
  ])
  expect([allowsModel(['opus'], 'opus'), allowsModel(['opus'], 'opus-5'), allowsModel(['*'], 'x')]).toEqual([true, false, true])
})

test('networks of a record are parsed once, and one that is none lets nobody in', () => {
  const texts = ['nonsense', '10.0.0.0/8']
  expect(parsedNetworks(texts)).toHaveLength(1)
  expect(parsedNetworks(texts)).toBe(parsedNetworks(texts))
})
