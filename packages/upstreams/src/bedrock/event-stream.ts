import { crc32 } from '@sluice/core'

/** A message of an AWS event stream: its headers that are text, and its payload, a view of the bytes it came in. */
export interface EventStreamMessage {
  readonly headers: ReadonlyMap<string, string>
  readonly payload: Uint8Array
}

/** The stream is not what it should be: nothing after this place can be trusted. */
export class EventStreamError extends Error {
  override readonly name: string = 'EventStreamError'
}

const preludeBytes = 12
/** What surrounds headers and payload: the prelude and the checksum at the end. */
const envelopeBytes = 16
/** The format's own limit for a payload is 24 MiB. */
const mostMessageBytes = 25 * 1024 * 1024
const decoder = new TextDecoder()

/**
 * Decodes `application/vnd.amazon.eventstream` as it comes in, in chunks of any size. Both checksums of every message are verified: the prelude's before its
 * length is believed. The work is linear in the bytes.
 */
export class EventStreamDecoder {
  #parts: Uint8Array[] = []
  #held = 0
  /** Bytes of the message under way; undefined while its prelude is not whole. */
  #messageBytes: number | undefined;

  /** The messages that this chunk completes, each as it is asked for: those before a wrong one are had all the same. @throws EventStreamError */
  *push(chunk: Uint8Array): Generator<EventStreamMessage, void, undefined> {
    let rest = chunk
    for (;;) {
      const wanted = (this.#messageBytes ?? preludeBytes) - this.#held
      if (rest.length < wanted) break
      if (this.#messageBytes === undefined) {
        this.#messageBytes = checkPrelude(this.#joined(rest.subarray(0, wanted)))
        continue
      }
      const message = checkMessage(this.#joined(rest.subarray(0, wanted)))
      rest = rest.subarray(wanted)
      this.#parts = []
      this.#held = 0
      this.#messageBytes = undefined
      yield message
    }
    if (rest.length > 0) {
      this.#parts.push(rest)
      this.#held += rest.length
    }
  }

  /** The stream is over. @throws EventStreamError where it stopped inside a message */
  end(): void {
    if (this.#held > 0) throw new EventStreamError(`the event stream ended inside a message, after ${this.#held} of its bytes`)
  }

  #joined(last: Uint8Array): Uint8Array {
    if (this.#parts.length === 0) return last
    const whole = new Uint8Array(this.#held + last.length)
    let at = 0
    for (const part of [...this.#parts, last]) {
      whole.set(part, at)
      at += part.length
    }
    return whole
  }
}

function checkPrelude(prelude: Uint8Array): number {
  const view = viewOf(prelude)
  if (crc32(prelude.subarray(0, 8), 0) >>> 0 !== view.getUint32(8)) throw new EventStreamError('the checksum of a message prelude is wrong')
  const messageBytes = view.getUint32(0)
  if (messageBytes < envelopeBytes || messageBytes > mostMessageBytes || view.getUint32(4) > messageBytes - envelopeBytes)
    throw new EventStreamError(`a message of ${messageBytes} bytes with ${view.getUint32(4)} bytes of headers cannot be`)
  return messageBytes
}

function checkMessage(message: Uint8Array): EventStreamMessage {
  const view = viewOf(message)
  const end = message.length - 4
  if (crc32(message.subarray(0, end), 0) >>> 0 !== view.getUint32(end)) throw new EventStreamError('the checksum of a message is wrong')
  const headersEnd = preludeBytes + view.getUint32(4)
  return { headers: readHeaders(message, view, headersEnd), payload: message.subarray(headersEnd, end) }
}

/** Sizes of header values by type; undefined where two bytes before the value say it. */
const valueBytes: readonly (number | undefined)[] = [0, 0, 1, 2, 4, 8, undefined, undefined, 8, 16]
const textType = 7

function readHeaders(message: Uint8Array, view: DataView, end: number): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  for (let at = preludeBytes; at < end;) {
    const nameStart = at + 1
    const nameEnd = nameStart + view.getUint8(at)
    const type = nameEnd < end ? view.getUint8(nameEnd) : valueBytes.length
    if (type >= valueBytes.length) throw new EventStreamError('a message header cannot be read')
    const size = valueBytes[type]
    const valueStart = nameEnd + (size === undefined ? 3 : 1)
    if (valueStart > end) throw new EventStreamError('a message header cannot be read')
    const valueEnd = valueStart + (size ?? view.getUint16(nameEnd + 1))
    if (valueEnd > end) throw new EventStreamError('a message header cannot be read')
    if (type === textType) headers.set(decoder.decode(message.subarray(nameStart, nameEnd)), decoder.decode(message.subarray(valueStart, valueEnd)))
    at = valueEnd
  }
  return headers
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
