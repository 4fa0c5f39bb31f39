import type { ByteSource } from '@sluice/core'
import { withoutIdentifiers } from '../reply/error-reply.ts'
import { streamErrorType } from './bedrock-errors.ts'
import { EventStreamDecoder, EventStreamError, type EventStreamMessage } from './event-stream.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const frameEnd: Uint8Array = encoder.encode('\n\n')

/**
 * A Bedrock event stream as the server-sent events of the Messages API: for each chunk a frame whose data are the very bytes that the model sent, and whose
 * name is their `type`. An exception becomes an `error` event, and nothing follows it. A wrong checksum or a message cut short breaks the body,
 * so that whoever relays it tells the client.
 */
export function messageStream(source: ByteSource): ByteSource {
  return {
    pump: async (write) => {
      const stream = new EventStreamDecoder()
      let isOver = false
      await source.pump((chunk) => {
        if (isOver) return undefined
        const parts: Uint8Array[] = []
        try {
          for (const message of stream.push(chunk)) {
            const frame = frameOf(message)
            parts.push(...frame.parts)
            isOver = frame.isLast
            if (isOver) break
          }
        } catch (cause) {
          // What was whole before the place of the error is the client's all the same.
          const pressure = parts.length > 0 ? write(joined(parts)) : undefined
          if (pressure === undefined) throw cause
          return pressure.then(() => {
            throw cause
          })
        }
        return parts.length > 0 ? write(joined(parts)) : undefined
      })
      if (!isOver) stream.end()
    },
    cancel: (reason) => source.cancel(reason),
  }
}

interface Frame {
  readonly parts: readonly Uint8Array[]
  readonly isLast: boolean
}

const noFrame: Frame = { parts: [], isLast: false }

function frameOf({ headers, payload }: EventStreamMessage): Frame {
  const kind = headers.get(':message-type')
  if (kind === 'exception') return errorFrame(headers.get(':exception-type') ?? '', messageOf(payload))
  if (kind === 'error') return errorFrame(headers.get(':error-code') ?? '', headers.get(':error-message'))
  if (kind !== 'event' || headers.get(':event-type') !== 'chunk') return noFrame
  const { bytes } = parse(decoder.decode(payload)) as { readonly bytes?: unknown }
  if (typeof bytes !== 'string') throw new EventStreamError('a chunk of the event stream holds no bytes')
  return { parts: messageFrame(fromBase64(bytes)), isLast: false }
}

function messageFrame(data: Uint8Array): readonly Uint8Array[] {
  const text = decoder.decode(data)
  const { type } = parse(text) as { readonly type?: unknown }
  if (typeof type !== 'string' || !/^\w+$/.test(type)) throw new EventStreamError('a chunk of the event stream is no event of the Messages API')
  // A line break in JSON is white space; in an event stream it would end the line.
  const hasBreaks = data.includes(0x0a) || data.includes(0x0d)
  return [encoder.encode(`event: ${type}\ndata: `), hasBreaks ? encoder.encode(text.replaceAll(/\r\n|\r|\n/g, '\ndata: ')) : data, frameEnd]
}

function errorFrame(exception: string, message: string | undefined): Frame {
  const error = { type: streamErrorType(exception), message: withoutIdentifiers(message ?? 'Bedrock ended the stream with an error.') }
  return { parts: [encoder.encode(`event: error\ndata: ${JSON.stringify({ type: 'error', error })}\n\n`)], isLast: true }
}

function messageOf(payload: Uint8Array): string | undefined {
  try {
    const { message } = JSON.parse(decoder.decode(payload)) as { readonly message?: unknown }
    return typeof message === 'string' ? message : undefined
  } catch {
    return undefined
  }
}

function parse(text: string): object {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new EventStreamError('a chunk of the event stream is not JSON', { cause })
  }
  return typeof value === 'object' && value !== null ? value : {}
}

function fromBase64(text: string): Uint8Array {
  let letters: string
  try {
    letters = atob(text)
  } catch (cause) {
    throw new EventStreamError('a chunk of the event stream is not base64', { cause })
  }
  return Uint8Array.from(letters, (letter) => letter.charCodeAt(0))
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
