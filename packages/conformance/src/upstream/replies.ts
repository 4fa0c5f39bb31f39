import type { Header } from '../headers.ts'
import { pause } from '../unmet.ts'
import type { UpstreamScript } from './lane.ts'

/** Headers of a JSON reply as the vendor sends them, but for what depends on the body. */
export const JSON_HEADERS: readonly Header[] = [
  ['Content-Type', 'application/json'],
  ['request-id', 'req_011CUxConformance00000001'],
]

/** Headers of a streamed reply as the vendor sends them. */
export const STREAM_HEADERS: readonly Header[] = [
  ['Content-Type', 'text/event-stream; charset=utf-8'],
  ['Cache-Control', 'no-cache'],
  ['request-id', 'req_011CUxConformance00000002'],
]

/** A message as JSON text. Its usage is what budget cases reckon with: 1,000 tokens in, 1,000 out. */
export function plainMessage(text = 'A plain reply.'): string {
  return JSON.stringify({
    id: 'msg_01ConformancePlain00000000',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-4-5',
    content: [{ type: 'text', text }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 1000, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 1000, service_tier: 'standard' },
  })
}

/** The body of an error, as the vendor writes it. */
export function errorBody(type: string, message: string): string {
  return JSON.stringify({ type: 'error', error: { type, message }, request_id: 'req_011CUxConformance00000003' })
}

/** One event of a stream. */
export function frame(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
}

/** The first event of a stream. */
export function messageStart(id = 'msg_01ConformanceStream000000'): string {
  return frame('message_start', {
    type: 'message_start',
    message: {
      id,
      type: 'message',
      role: 'assistant',
      model: 'claude-sonnet-4-5',
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 1000, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 1, service_tier: 'standard' },
    },
  })
}

/** The events of a content block, given its start and its deltas. */
export function block(index: number, contentBlock: unknown, deltas: readonly unknown[]): string[] {
  return [
    frame('content_block_start', { type: 'content_block_start', index, content_block: contentBlock }),
    ...deltas.map((delta) => frame('content_block_delta', { type: 'content_block_delta', index, delta })),
    frame('content_block_stop', { type: 'content_block_stop', index }),
  ]
}

/** The last two events of a stream. */
export function messageEnd(stopReason = 'end_turn'): string[] {
  return [
    frame('message_delta', { type: 'message_delta', delta: { stop_reason: stopReason, stop_sequence: null }, usage: { output_tokens: 1000 } }),
    frame('message_stop', { type: 'message_stop' }),
  ]
}

/** What the vendor sends in silence. */
export const PING: string = frame('ping', { type: 'ping' })

/** A whole stream of one text block. */
export function textStream(texts: readonly string[] = ['A ', 'streamed ', 'reply.']): string[] {
  return [
    messageStart(),
    ...block(
      0,
      { type: 'text', text: '' },
      texts.map((text) => ({ type: 'text_delta', text })),
    ),
    ...messageEnd(),
  ]
}

/** Answers with a body of known length. */
export function answer(status: number, headers: readonly Header[], body: Uint8Array | string): UpstreamScript {
  return async (turn) => {
    await turn.request.body()
    turn.head(status, [...headers, ['Content-Length', String(Buffer.byteLength(body))]])
    turn.end(body)
  }
}

/** Answers 200 with JSON. */
export function json(body: string, headers: readonly Header[] = JSON_HEADERS): UpstreamScript {
  return answer(200, headers, body)
}

/** Answers with a stream, one chunk for each piece. With a pause between them, pieces arrive one by one: written at once, they would be read as one. */
export function stream(pieces: readonly (Uint8Array | string)[], headers: readonly Header[] = STREAM_HEADERS, pauseMillis = 0): UpstreamScript {
  return async (turn) => {
    await turn.request.body()
    turn.head(200, headers)
    for (const piece of pieces) {
      if (!(await turn.write(piece))) return
      if (pauseMillis > 0) await pause(pauseMillis)
    }
    turn.end()
  }
}

/** A body as Claude Code sends it, in small: the lane's id stands in `metadata.user_id` and in the first message. `extra` is laid over its fields. */
export function messageBody(lane: string, extra: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    model: 'claude-sonnet-4-5',
    max_tokens: 1000,
    messages: [{ role: 'user', content: [{ type: 'text', text: `Say hello. (${lane})` }] }],
    metadata: { user_id: JSON.stringify({ device_id: 'd'.repeat(64), account_uuid: '', session_id: lane }) },
    ...extra,
  })
}
