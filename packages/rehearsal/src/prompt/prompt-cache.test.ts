import { describe, expect, it } from 'vitest'
import { fc, test } from '@fast-check/vitest'
import { FRAMING_TOKENS, promptBlocks } from './canonical.ts'
import type { JsonObject } from './json.ts'
import { LOOKBACK_BLOCKS, PromptCache, type PromptTokens } from './prompt-cache.ts'

const MARK = { cache_control: { type: 'ephemeral' } }
const HOUR = { cache_control: { type: 'ephemeral', ttl: '1h' } }
const part = (name: string, mark: object = {}): JsonObject => ({ type: 'text', text: name.repeat(40), ...mark })
const user = (...content: JsonObject[]): JsonObject => ({ role: 'user', content })
const sum = (tokens: PromptTokens): number => tokens.fresh + tokens.read + tokens.write5m + tokens.write1h
const size = (body: JsonObject): number => promptBlocks(body).reduce((total, block) => total + block.tokens, FRAMING_TOKENS)

function cacheAt(): { cache: PromptCache; clock: { now: number } } {
  const clock = { now: 1_000_000 }
  return { cache: new PromptCache(() => clock.now, 0), clock }
}

describe('the prompt cache', () => {
  it('writes a prefix once and reads it back on the next turn', () => {
    const { cache } = cacheAt()
    const first = cache.account({ system: [part('s', MARK)], messages: [user(part('a'))] }, 'key')
    expect(first).toMatchObject({ read: 0, write5m: 10, fresh: 10 + FRAMING_TOKENS })
    const second = cache.account({ system: [part('s', MARK)], messages: [user(part('b', MARK))] }, 'key')
    expect(second).toMatchObject({ read: 10, write5m: 10, fresh: FRAMING_TOKENS })
  })

  it('shares nothing between credentials or models', () => {
    const { cache } = cacheAt()
    const body = { system: [part('s', MARK)], messages: [user(part('a'))] }
    cache.account(body, 'key\nopus')
    expect(cache.account(body, 'other\nopus').read).toBe(0)
    expect(cache.account(body, 'key\nhaiku').read).toBe(0)
    expect(cache.account(body, 'key\nopus').read).toBe(10)
  })

  it('finds a prefix again whose billing block has another check sum, and not where another block comes first', () => {
    const billing = (sum: string): JsonObject => ({ type: 'text', text: `x-anthropic-billing-header: cc_version=2.1.150.a2b; cch=${sum};` })
    const body = (...system: JsonObject[]): JsonObject => ({ tools: [{ name: 'Bash' }], system, messages: [user(part('a'))] })
    const { cache } = cacheAt()
    const written = cache.account(body(billing('e8a17'), part('s', MARK)), 'key').write5m
    expect(cache.account(body(billing('5626d'), part('s', MARK)), 'key').read).toBe(written)
    cache.account(body(part('s'), billing('e8a17'), part('t', MARK)), 'key')
    expect(cache.account(body(part('s'), billing('5626d'), part('t', MARK)), 'key').read).toBe(0)
  })

  it('forgets a five-minute entry after five idle minutes and keeps it as long as it is used', () => {
    const { cache, clock } = cacheAt()
    const body = { messages: [user(part('a', MARK))] }
    cache.account(body, 'key')
    for (let turn = 0; turn < 4; turn += 1) {
      clock.now += 4 * 60_000
      expect(cache.account(body, 'key').read).toBe(10)
    }
    clock.now += 5 * 60_000
    expect(cache.account(body, 'key')).toMatchObject({ read: 0, write5m: 10 })
  })

  it('keeps an hour entry for an hour and reports it apart', () => {
    const { cache, clock } = cacheAt()
    const body = { system: [part('s', HOUR)], messages: [user(part('a', MARK))] }
    expect(cache.account(body, 'key')).toMatchObject({ write1h: 10, write5m: 10 })
    clock.now += 30 * 60_000
    expect(cache.account(body, 'key')).toMatchObject({ read: 10, write1h: 0, write5m: 10 })
  })

  it('finds an entry twenty blocks before a breakpoint and none further back', () => {
    for (const [between, read] of [
      [LOOKBACK_BLOCKS, 10],
      [LOOKBACK_BLOCKS + 1, 0],
    ] as const) {
      const { cache } = cacheAt()
      cache.account({ messages: [user(part('a', MARK))] }, 'key')
      const more = Array.from({ length: between }, (_unused, index) => part('x', index === between - 1 ? MARK : {}))
      expect(cache.account({ messages: [user(part('a'), ...more)] }, 'key').read).toBe(read)
    }
  })

  it('treats a string and one text block as the same content, and cache_control as no content', () => {
    const { cache } = cacheAt()
    cache.account({ system: 'long system', messages: [{ role: 'user', content: [{ type: 'text', text: 'hello', ...MARK }] }] }, 'key')
    const next = {
      system: [{ type: 'text', text: 'long system' }],
      messages: [{ role: 'user', content: 'hello' }, { role: 'assistant', content: 'hi' }, user(part('b', MARK))],
    }
    expect(cache.account(next, 'key').read).toBe(5)
  })

  it('ignores breakpoints below the minimum', () => {
    const cache = new PromptCache(() => 0, 1024)
    const body = { messages: [user(part('a', MARK))] }
    cache.account(body, 'key')
    expect(cache.account(body, 'key')).toEqual({ fresh: 10 + FRAMING_TOKENS, read: 0, write5m: 0, write1h: 0 })
  })

  it('honours a cache_control at the top level as a breakpoint on the last block', () => {
    const { cache } = cacheAt()
    cache.account({ ...MARK, messages: [user(part('a'))] }, 'key')
    expect(cache.account({ ...MARK, messages: [user(part('a'), part('b'))] }, 'key')).toMatchObject({
      read: 10,
      write5m: 10,
    })
  })

  const block = fc.record({ name: fc.constantFrom('a', 'b', 'c'), mark: fc.constantFrom({}, {}, MARK, HOUR) })
  const body = fc
    .record({
      system: fc.array(block, { maxLength: 3 }),
      messages: fc.array(fc.array(block, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 }),
    })
    .map(({ system, messages }): JsonObject => ({
      system: system.map(({ name, mark }) => part(name, mark)),
      messages: messages.map((content) => user(...content.map(({ name, mark }) => part(name, mark)))),
    }))

  test.prop([fc.array(fc.tuple(body, fc.integer({ min: 0, max: 400_000 })), { minLength: 1, maxLength: 12 })])(
    'the four parts of any prompt add up to its size, and a repeat at once writes nothing',
    (turns) => {
      const { cache, clock } = cacheAt()
      for (const [prompt, idle] of turns) {
        clock.now += idle
        const tokens = cache.account(prompt, 'key')
        expect(sum(tokens)).toBe(size(prompt))
        expect(Math.min(tokens.fresh, tokens.read, tokens.write5m, tokens.write1h)).toBeGreaterThanOrEqual(0)
        const again = cache.account(prompt, 'key')
        expect(again.write5m + again.write1h).toBe(0)
        expect(again.read).toBe(tokens.read + tokens.write5m + tokens.write1h)
      }
    },
  )
})
