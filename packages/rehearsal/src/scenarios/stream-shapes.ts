import { chunked } from '../wire/chunked.ts'
import { messageStream } from '../wire/message.ts'
import { toSteps } from '../wire/reply.ts'
import { sse } from '../wire/sse.ts'
import { BASE_OPTIONS, baseReply } from './base-reply.ts'
import type { Scenario } from './scenario.ts'

const decoder = new TextDecoder()
const encoder = new TextEncoder()

/** The same bytes in uncomfortable pieces: inside events, inside characters, two events at once. */
export const oddChunking: Scenario = {
  name: 'odd-chunking',
  summary: 'a whole reply whose writes ignore event and character boundaries',
  options: { ...BASE_OPTIONS, chunking: 'byte, random, whole or a number (random)', seed: 'of random (1)' },
  wellFormed: true,
  reply: (stage) => {
    const blocks = [{ type: 'text', text: 'Grüße aus 東京 🚄🎌 — naïve coöperation.' } as const, ...baseReply(stage).blocks]
    if (!stage.streams) return stage.respond({ blocks })
    const frames = stage.frames({ blocks })
    const parts = stage.options.has('chunking') ? undefined : chunked(frames, { random: stage.options.whole('seed', 1) })
    const steps = parts === undefined ? stage.pacedSteps(frames) : toSteps(parts)
    return stage.stream(steps.flatMap((step) => [step, { waitMillis: 0 }]))
  },
}

/** One event of many bytes: a delta that carries a large text. */
export const hugeEvent: Scenario = {
  name: 'huge-event',
  summary: 'one text delta of N bytes',
  options: { bytes: 'size of the text (1000000)' },
  wellFormed: true,
  reply: (stage) => {
    const size = Math.max(1, stage.options.whole('bytes', 1_000_000))
    return stage.respond({ blocks: [{ type: 'text', text: 'x'.repeat(size) }], pieceLength: size * 2 })
  },
}

/** CRLF line ends, which the event-stream format allows and some proxies introduce. */
export const crlf: Scenario = {
  name: 'crlf',
  summary: 'a whole reply with CRLF line ends',
  options: BASE_OPTIONS,
  wellFormed: true,
  reply: (stage) => {
    if (!stage.streams) return stage.respond(baseReply(stage))
    const frames = stage.frames(baseReply(stage))
    return stage.stream(stage.pacedSteps(frames.map((frame) => encoder.encode(decoder.decode(frame).replaceAll('\n', '\r\n')))))
  },
}

/** An event type from the future; the API documents that clients must ignore unknown events. */
export const unknownEvent: Scenario = {
  name: 'unknown-event',
  summary: 'a whole reply with event types and fields nobody knows yet, and comment lines',
  options: BASE_OPTIONS,
  wellFormed: true,
  reply: (stage) => {
    if (!stage.streams) return stage.respond(baseReply(stage))
    const frames = stage.frames(baseReply(stage))
    const strange = [
      sse('rehearsal_notice', { type: 'rehearsal_notice', note: 'ignore me', nested: { list: [1, null, 1e21] } }),
      encoder.encode(': a comment\n\n'),
    ]
    return stage.stream(stage.pacedSteps([...frames.slice(0, 3), ...strange, ...frames.slice(3)]))
  },
}

/** A stream that reports no usage anywhere, as some compatible upstreams do. */
export const noUsage: Scenario = {
  name: 'no-usage',
  summary: 'a whole reply without any usage',
  options: { ...BASE_OPTIONS, only: 'start or end: drop it just there (both)' },
  // Claude Code accepts it; the official SDK 1.12.0 throws on a message_delta without usage.
  wellFormed: false,
  reply: (stage) => {
    const only = stage.options.text('only', 'both')
    if (!stage.streams) {
      const whole = stage.respond(baseReply(stage))
      const steps = whole.steps.map((step) => ('bytes' in step ? { bytes: withoutUsage(asText(step.bytes)) } : step))
      return { ...whole, headers: stage.headers('application/json'), steps }
    }
    const frames = messageStream(stage.complete(baseReply(stage))).map((frame) => {
      const text = decoder.decode(frame)
      const starts = text.startsWith('event: message_start') && only !== 'end'
      const ends = text.startsWith('event: message_delta') && only !== 'start'
      if (!starts && !ends) return frame
      const [event = '', data = ''] = text.split('\n')
      return encoder.encode(`${event}\ndata: ${withoutUsage(data.slice(6))}\n\n`)
    })
    return stage.stream(stage.pacedSteps(frames))
  },
}

const asText = (bytes: Uint8Array | string): string => (typeof bytes === 'string' ? bytes : decoder.decode(bytes))

function withoutUsage(json: string): string {
  return JSON.stringify(JSON.parse(json), (key, value: unknown) => (key === 'usage' ? undefined : value))
}
