import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { toBytes } from '../wire/bytes.ts'
import { FrameSplitter } from '../wire/sse-frames.ts'
import { MessageMeter } from './message-meter.ts'
import type { UsageReport } from './usage.ts'

const frame = (event: string, data: object): string => `event: ${event}\ndata: ${JSON.stringify({ type: event, ...data })}\n\n`
const start = (usage: object | undefined, model = 'claude-sonnet-5'): string =>
  frame('message_start', { message: { id: 'msg_1', type: 'message', model, content: [], ...(usage && { usage }) } })
const delta = (usage: object): string => frame('message_delta', { delta: { stop_reason: 'end_turn' }, usage })
const text = (chunk: string): string => frame('content_block_delta', { index: 0, delta: { type: 'text_delta', text: chunk } })
const stop = frame('message_stop', {})

function metered(...frames: readonly string[]): UsageReport {
  const meter = new MessageMeter()
  const splitter = new FrameSplitter(1 << 20, () => undefined)
  for (const seen of splitter.push(toBytes(frames.join(''))).frames) meter.frame(seen)
  return meter.report('claude-requested', 400)
}

describe('the message meter', () => {
  it('C1, R13: deltas are cumulative: the last non-null value of each field counts, nothing is added', () => {
    const report = metered(
      start({ input_tokens: 10, output_tokens: 1 }),
      delta({ output_tokens: 5 }),
      delta({ output_tokens: 30 }),
      delta({ output_tokens: 42, input_tokens: null }),
      stop,
    )
    expect(report).toMatchObject({ source: 'final', total: { freshInputTokens: 10, outputTokens: 42 } })
  })

  it('C3, R13: a delta whose input grew after a server tool ran replaces the input of the start, and searches are counted', () => {
    const report = metered(
      start({ input_tokens: 800, output_tokens: 3 }),
      delta({ input_tokens: 9_200, output_tokens: 200, server_tool_use: { web_search_requests: 2, web_fetch_requests: 1 } }),
      stop,
    )
    expect(report.total).toMatchObject({ freshInputTokens: 9_200, webSearchRequests: 2, webFetchRequests: 1 })
  })

  it.each([
    ['both lifetimes', { cache_creation_input_tokens: 300, cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 200 } }, 100, 200, []],
    ['no object: five minutes', { cache_creation_input_tokens: 300 }, 300, 0, []],
    ['an object with one key', { cache_creation_input_tokens: 200, cache_creation: { ephemeral_1h_input_tokens: 200 } }, 0, 200, []],
    ['an object and no total', { cache_creation: { ephemeral_5m_input_tokens: 7, ephemeral_1h_input_tokens: 8 } }, 7, 8, []],
    ['a null object', { cache_creation_input_tokens: 300, cache_creation: null }, 300, 0, []],
  ])('C5, C6, R13: splits cache writes by lifetime: %s', (_name, usage, fiveMinutes, oneHour, flags) => {
    const report = metered(start({ input_tokens: 1, output_tokens: 2, ...usage }), delta({ output_tokens: 9 }), stop)
    expect(report.total).toMatchObject({ cacheWrite5mTokens: fiveMinutes, cacheWrite1hTokens: oneHour })
    expect(report.flags).toEqual(flags)
  })

  it('R13: cache writes that a server tool adds later are priced as five-minute ones and flagged', () => {
    const report = metered(
      start({ input_tokens: 1, cache_creation_input_tokens: 100, cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 100 } }),
      delta({ output_tokens: 9, cache_creation_input_tokens: 160 }),
      stop,
    )
    expect(report).toMatchObject({ total: { cacheWrite5mTokens: 60, cacheWrite1hTokens: 100 }, flags: ['cache-split-stale'] })
  })

  it('R13: compaction and advisor iterations are lines of their own, on their own model', () => {
    const iterations = [
      { type: 'message', input_tokens: 1_051, output_tokens: 35 },
      { type: 'advisor_message', model: 'claude-opus-4-7', input_tokens: 2_728, output_tokens: 3_880 },
      { type: 'compaction', input_tokens: 55_196, output_tokens: 125 },
    ]
    const report = metered(start({ input_tokens: 1_051, output_tokens: 35 }), delta({ input_tokens: 4_727, output_tokens: 3_391, iterations }), stop)
    expect(report.total).toMatchObject({ freshInputTokens: 4_727, outputTokens: 3_391 })
    expect(report.lines.map(({ role, model, freshInputTokens, outputTokens }) => [role, model, freshInputTokens, outputTokens])).toEqual([
      ['message', 'claude-sonnet-5', 4_727, 3_391],
      ['advisor_message', 'claude-opus-4-7', 2_728, 3_880],
      ['compaction', 'claude-sonnet-5', 55_196, 125],
    ])
  })

  it('R13: after a fallback the served model is the one the block names, and the first model is billed for its own iteration', () => {
    const fallback = frame('content_block_start', {
      index: 0,
      content_block: { type: 'fallback', from: { model: 'claude-fable-5' }, to: { model: 'claude-opus-4-8' } },
    })
    const iterations = [
      { type: 'message', model: 'claude-fable-5', input_tokens: 50, output_tokens: 4 },
      { type: 'message', model: 'claude-opus-4-8', input_tokens: 60, output_tokens: 70 },
    ]
    const report = metered(
      start({ input_tokens: 50, output_tokens: 1 }, 'claude-fable-5'),
      fallback,
      delta({ input_tokens: 60, output_tokens: 70, iterations }),
      stop,
    )
    expect(report.lines.map(({ model, freshInputTokens }) => [model, freshInputTokens])).toEqual([
      ['claude-opus-4-8', 60],
      ['claude-fable-5', 50],
    ])
  })

  it('carries speed, geography and tier from the response', () => {
    const report = metered(start({ input_tokens: 10, inference_geo: 'us', service_tier: 'batch' }), delta({ output_tokens: 5, speed: 'fast' }), stop)
    expect(report.lines[0]).toMatchObject({ speed: 'fast', inferenceGeo: 'us', serviceTier: 'batch' })
  })

  it('C10, R15: a stream cut after message_start is partial: its input, and the output seen so far', () => {
    const report = metered(start({ input_tokens: 1_000, output_tokens: 1 }), text('x'.repeat(300)))
    expect(report).toMatchObject({ source: 'partial', total: { freshInputTokens: 1_000, outputTokens: 100 }, flags: ['output-estimated'] })
  })

  test.prop([fc.array(fc.string({ minLength: 1 })), fc.nat({ max: 500 })])(
    'R15: whatever the cut, a partial figure is never below what was reported',
    (chunks, reported) => {
      const frames = [start({ input_tokens: 7, output_tokens: 1 }), ...chunks.map(text), delta({ output_tokens: reported }), stop]
      for (let cut = 1; cut <= frames.length; cut += 1) {
        const { total } = metered(...frames.slice(0, cut))
        expect(total.freshInputTokens).toBe(7)
        expect(total.outputTokens).toBeGreaterThanOrEqual(cut > frames.length - 2 ? reported : 1)
      }
    },
  )

  it('does not count a signature as output', () => {
    const signature = frame('content_block_delta', { index: 0, delta: { type: 'signature_delta', signature: 'x'.repeat(3_000) } })
    expect(metered(start({ input_tokens: 5, output_tokens: 1 }), signature).total.outputTokens).toBe(1)
  })

  it('C2: a reply that reports no usage is estimated and says so, never nothing', () => {
    expect(metered(start(undefined), text('hello there'), stop)).toMatchObject({
      source: 'estimated',
      total: { freshInputTokens: 100, outputTokens: 4 },
      flags: ['nothing-reported'],
    })
  })

  it('sums the messages of a response that holds several', () => {
    const report = metered(
      start({ input_tokens: 879 }),
      delta({ output_tokens: 177 }),
      stop,
      start({ input_tokens: 1_398 }),
      delta({ output_tokens: 213 }),
      stop,
    )
    expect(report).toMatchObject({ source: 'final', total: { freshInputTokens: 2_277, outputTokens: 390 } })
    expect(report.lines).toHaveLength(2)
  })

  it('prices every message of a response that names no model by the one asked for', () => {
    const nameless = (usage: object): string => frame('message_start', { message: { type: 'message', usage } })
    const report = metered(nameless({ input_tokens: 8 }), delta({ output_tokens: 7 }), stop, nameless({ input_tokens: 9 }), delta({ output_tokens: 6 }), stop)
    expect(report.lines.map(({ model }) => model)).toEqual(['claude-requested', 'claude-requested'])
  })

  it.each([
    ['a string', '90'],
    ['negative', -1],
    ['an object', {}],
    ['a boolean', true],
  ])('a count that is none (%s) takes back nothing that was reported', (_name, odd) => {
    const report = metered(
      start({ input_tokens: 80, output_tokens: 1 }),
      delta({ output_tokens: 40, server_tool_use: { web_search_requests: 2 } }),
      delta({ input_tokens: odd, output_tokens: odd, server_tool_use: { web_search_requests: null, web_fetch_requests: 1 } }),
      stop,
    )
    expect(report.total).toMatchObject({ freshInputTokens: 80, outputTokens: 40, webSearchRequests: 2, webFetchRequests: 1 })
  })

  it('reads frames without an event name by their data', () => {
    const nameless = (part: string): string => part.replace(/^event: .*\n/, '')
    expect(metered(nameless(start({ input_tokens: 3 })), nameless(delta({ output_tokens: 4 })), nameless(stop))).toMatchObject({
      source: 'final',
      total: { outputTokens: 4 },
    })
  })

  test.prop([fc.array(fc.tuple(fc.constantFrom('message_start', 'message_delta', 'content_block_start', 'error', 'message_stop'), fc.jsonValue()))])(
    'never throws, whatever the frames hold',
    (parts) => {
      const report = metered(...parts.map(([event, data]) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`))
      for (const line of report.lines) expect(line.freshInputTokens).toBeGreaterThanOrEqual(0)
    },
  )
})
