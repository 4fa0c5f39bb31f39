import { crc32 } from 'node:zlib'

const encoder = new TextEncoder()

/** A message of an AWS event stream with text headers, written by the format's own description. */
export function eventStreamMessage(headers: Readonly<Record<string, string>>, payload: string | Uint8Array): Uint8Array {
  const parts = Object.entries(headers).flatMap(([name, value]) => {
    const nameBytes = encoder.encode(name)
    const valueBytes = encoder.encode(value)
    return [Uint8Array.of(nameBytes.length), nameBytes, Uint8Array.of(7, valueBytes.length >> 8, valueBytes.length & 0xff), valueBytes]
  })
  const headerBytes = Buffer.concat(parts)
  const body = typeof payload === 'string' ? encoder.encode(payload) : payload
  const message = Buffer.alloc(16 + headerBytes.length + body.length)
  message.writeUInt32BE(message.length, 0)
  message.writeUInt32BE(headerBytes.length, 4)
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8)
  headerBytes.copy(message, 12)
  message.set(body, 12 + headerBytes.length)
  message.writeUInt32BE(crc32(message.subarray(0, message.length - 4)), message.length - 4)
  return new Uint8Array(message)
}

/** A chunk of a model's stream. */
export function chunkMessage(data: string): Uint8Array {
  return eventStreamMessage(
    { ':event-type': 'chunk', ':content-type': 'application/json', ':message-type': 'event' },
    JSON.stringify({ bytes: Buffer.from(data).toString('base64'), p: 'abcdef' }),
  )
}

/** An exception that ends a stream. */
export function exceptionMessage(name: string, message: string): Uint8Array {
  return eventStreamMessage({ ':exception-type': name, ':content-type': 'application/json', ':message-type': 'exception' }, JSON.stringify({ message }))
}
