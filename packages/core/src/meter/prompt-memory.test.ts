import { expect, test } from 'vitest'
import { PromptMemory } from './prompt-memory.ts'
import { featureAt, promptFeatures, type PromptFeature, type PromptShape } from './prompt-shape.ts'

const model = 'claude-opus-5-5'

function shape(counts: Partial<Record<PromptFeature, number>>, prefixes: readonly string[] = ['p'], head?: string): PromptShape {
  const all = new Float64Array(promptFeatures.length)
  for (const [feature, count] of Object.entries(counts)) all[featureAt[feature as PromptFeature]] = count
  const headCounts = new Float64Array(promptFeatures.length)
  if (head !== undefined) headCounts[featureAt.words] = 10_000
  return { counts: all, attachmentBytes: 0, head, headCounts, prefixes }
}

test('a prompt that begins with a known one comes to that, and what is new', () => {
  const memory = new PromptMemory(100)
  memory.learn('a', model, shape({ words: 10_000 }), 20_000, true)
  const longer = memory.estimate('a', model, shape({ words: 10_100 }, ['p', 'q', 'r']), undefined)
  expect(longer).toBeGreaterThan(20_080)
  expect(longer).toBeLessThan(20_250)
  expect(memory.begunWith('a', model, shape({}, ['p', 'q', 'r']))?.messagesAfter).toBe(2)
})

test('the first turn of a new conversation is corrected by what another one with the same tools and system prompt came to', () => {
  const memory = new PromptMemory(100)
  const first = (prefix: string): PromptShape => shape({ words: 10_500 }, [prefix], 'h')
  for (const prefix of ['p', 'q']) memory.learn('a', model, first(prefix), 21_000, true)
  expect(Math.abs(memory.estimate('a', model, first('r'), undefined) - 21_000)).toBeLessThan(300)
})

test('what is put into a prompt by the provider is no lesson but for the same prompt', () => {
  const memory = new PromptMemory(100)
  const before = memory.estimate('a', model, shape({ words: 100 }, ['q']), undefined)
  memory.learn('a', model, shape({ words: 100 }), 90_000, false)
  expect(memory.estimate('a', model, shape({ words: 100 }, ['q']), undefined)).toBe(before)
  expect(memory.estimate('a', model, shape({ words: 100 }), undefined)).toBe(90_000)
})

test('a surprise moves what is known only so far, and many make it the rule', () => {
  const memory = new PromptMemory(100)
  const words = (count: number, prefix: string): PromptShape => shape({ words: count }, [prefix])
  for (let at = 0; at < 50; at += 1) memory.learn('a', model, words(1_000 + at, `p${at}`), 1_000 + at, true)
  memory.learn('a', model, words(1_000, 'x'), 900_000, true)
  expect(memory.estimate('a', model, words(1_000, 'y'), undefined)).toBeLessThan(1_150)
  for (let at = 0; at < 200; at += 1) memory.learn('a', model, words(1_000 + at, `z${at}`), 2 * (1_000 + at), true)
  expect(memory.estimate('a', model, words(1_000, 'y'), undefined)).toBeGreaterThan(1_800)
})

test('R22: what one tenant sends teaches nobody else', () => {
  const memory = new PromptMemory(100)
  const before = memory.estimate('b', model, shape({ words: 1_000 }), undefined)
  for (let at = 0; at < 100; at += 1) memory.learn('a', model, shape({ words: 1_000 }), 1, true)
  expect(memory.estimate('b', model, shape({ words: 1_000 }), undefined)).toBe(before)
})
