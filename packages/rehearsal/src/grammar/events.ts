/** One event of a stream as the event-stream format delimits it. */
export interface StreamEvent {
  /** The value of its last `event:` line, empty when there was none. */
  readonly event: string
  /** Its `data:` lines joined by line feeds. */
  readonly data: string
}

/** What the bytes of a stream hold. */
export interface StreamEvents {
  readonly events: readonly StreamEvent[]
  /** Text after the last blank line, which the format says to discard. */
  readonly unfinished: string
}

/**
 * Splits a whole stream into events by the WHATWG event-stream format: LF, CRLF or CR ends a line, a blank line ends an
 * event, comments and unknown fields are skipped, one space after the colon belongs to the syntax.
 */
export function readEvents(bytes: Uint8Array): StreamEvents {
  const lines = new TextDecoder('utf-8', { fatal: true }).decode(bytes).split(/\r\n|\n|\r/)
  const unfinishedLine = lines.pop() ?? ''
  const events: StreamEvent[] = []
  let event = ''
  let data: string[] = []
  let pending: string[] = []
  for (const line of lines) {
    if (line === '') {
      if (data.length > 0) events.push({ event, data: data.join('\n') })
      event = ''
      data = []
      pending = []
      continue
    }
    pending.push(line)
    const colon = line.indexOf(':')
    if (colon === 0) continue
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(line.charAt(colon + 1) === ' ' ? colon + 2 : colon + 1)
    if (field === 'event') event = value
    else if (field === 'data') data.push(value)
  }
  return { events, unfinished: [...pending, unfinishedLine].join('\n') }
}
