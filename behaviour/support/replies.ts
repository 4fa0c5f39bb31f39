import { messageJson, messageStream, seededRandom, sse, type ScriptedReply, type Step } from '@sluice/rehearsal'

/** What replies are made of, with text that is awkward to cut. */
const text = 'Grüße, 世界! 👩‍👩‍👧‍👦 naïve “quotes” \u2028 and \\u0000 escapes\r\n'

const parts = (length: number) =>
  ({
    blocks: [{ type: 'text', text: text.repeat(length) }],
    usage: { input_tokens: 1200, output_tokens: 345, cache_read_input_tokens: 50 },
    random: seededRandom(7),
  }) as const

/** The frames of a whole stream. */
export function streamFrames(length = 2): Uint8Array[] {
  return messageStream(parts(length))
}

export const streamBytes = (length?: number): Uint8Array => Buffer.concat(streamFrames(length))

export const jsonBytes = (): Uint8Array => messageJson(parts(2))

/** The identity of every reply in these tests. */
export const eventStream: readonly (readonly [string, string])[] = [
  ['content-type', 'text/event-stream; charset=utf-8'],
  ['request-id', 'req_011CTest'],
]

export const json: readonly (readonly [string, string])[] = [
  ['content-type', 'application/json'],
  ['request-id', 'req_011CTest'],
]

export function streamReply(steps: readonly Step[]): ScriptedReply {
  return { status: 200, headers: eventStream, steps }
}

export function jsonReply(bytes: Uint8Array | string = jsonBytes(), status = 200): ScriptedReply {
  return { status, headers: json, steps: [{ bytes }] }
}

/** Bytes in pieces of seeded random length, each in a write of its own. */
export function pieces(bytes: Uint8Array, seed: number, longest: number): Uint8Array[] {
  const random = seededRandom(seed)
  const cut: Uint8Array[] = []
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + 1 + Math.floor(random() * longest))
    cut.push(bytes.subarray(at, end))
    at = end
  }
  return cut
}

/** Steps over pieces, with a turn of the event loop now and then so that they leave in more than one packet. */
export function steps(parts: readonly Uint8Array[]): Step[] {
  return parts.flatMap((bytes, index): Step[] => (index % 8 === 7 ? [{ bytes }, { waitMillis: 0 }] : [{ bytes }]))
}

export const messageRequest: string = JSON.stringify({ model: 'claude-opus-5-5', max_tokens: 64, stream: true, messages: [{ role: 'user', content: 'Hello' }] })

/** The frames of a stream that says an error and nothing after it. */
export const errorEvent: Uint8Array = sse('error', { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } })
