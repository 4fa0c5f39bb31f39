const encoder = new TextEncoder()

/**
 * One server-sent event: `event:` line, one `data:` line, blank line. `data` that is not text is written as JSON.
 * The API always sends the `event:` line, and Claude Code ignores events that lack it.
 */
export function sse(eventName: string, data: unknown): Uint8Array {
  return encoder.encode(`event: ${eventName}\ndata: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`)
}

/** The API's keep-alive event, byte for byte: its JSON has a space after the colon, unlike every other event's. */
export const PING_FRAME: Uint8Array = sse('ping', '{"type": "ping"}')

/** An event whose JSON is padded with spaces before the last brace, as the API pads all but pings. */
export function paddedSse(eventName: string, data: object, spaces: number): Uint8Array {
  const json = JSON.stringify(data)
  return sse(eventName, `${json.slice(0, -1)}${' '.repeat(spaces)}}`)
}

/** Joins frames into one array of bytes. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}
