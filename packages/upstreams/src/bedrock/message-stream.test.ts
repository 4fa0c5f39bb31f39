import { fc, it as property } from '@fast-check/vitest'
import { bytesSource, FrameSplitter } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { chunkMessage, eventStreamMessage, exceptionMessage } from '../../test/event-stream-writer.ts'
import { asFrame, streamEvents } from '../../test/upstream-bench.ts'
import { EventStreamError } from './event-stream.ts'
import { messageStream } from './message-stream.ts'

const decoder = new TextDecoder()
const join = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))
const stream = join(streamEvents.map(chunkMessage))

async function relay(...chunks: readonly Uint8Array[]): Promise<{ readonly text: string; readonly error: unknown }> {
  const parts: Uint8Array[] = []
  let error: unknown
  await messageStream(bytesSource(...chunks))
    .pump((chunk) => void parts.push(chunk))
    .catch((cause: unknown) => (error = cause))
  return { text: decoder.decode(Buffer.concat(parts)), error }
}

describe('a Bedrock stream', () => {
  it('H8: becomes the events of the Messages API at every split, data byte for byte, each under the name of its type', async () => {
    const expected = streamEvents.map(asFrame).join('')
    for (let cut = 0; cut <= stream.length; cut += 1) {
      expect(await relay(stream.subarray(0, cut), stream.subarray(cut))).toEqual({ text: expected, error: undefined })
    }
  })

  it('B2: has in every frame an event name equal to the type in its data', async () => {
    const { text } = await relay(stream)
    const { frames } = new FrameSplitter(1_000_000, () => undefined).push(new TextEncoder().encode(text))
    expect(frames).toHaveLength(streamEvents.length)
    for (const frame of frames) expect(frame.event).toBe((frame.json as { type: string }).type)
  })

  it('with line breaks in its JSON stays one event', async () => {
    const { text } = await relay(chunkMessage('{\r\n"type":\n"message_stop"\r}'))
    const [frame] = new FrameSplitter(1_000, () => undefined).push(new TextEncoder().encode(text)).frames
    expect(frame?.event).toBe('message_stop')
    expect(frame?.json).toEqual({ type: 'message_stop' })
  })

  it.each([
    ['throttlingException', 'rate_limit_error'],
    ['ThrottlingException', 'rate_limit_error'],
    ['serviceUnavailableException', 'overloaded_error'],
    ['modelTimeoutException', 'timeout_error'],
    ['modelStreamErrorException', 'api_error'],
    ['internalServerException', 'api_error'],
    ['validationException', 'invalid_request_error'],
    ['toString', 'api_error'],
  ])('B4: that ends with %s ends with an error event of type %s, and nothing after it', async (exception, type) => {
    const arn = 'arn:aws:bedrock:us-east-1:123456789012:inference-profile/canary'
    const bytes = join([chunkMessage(streamEvents[0] as string), exceptionMessage(exception, `Slow down for ${arn}.`), chunkMessage(streamEvents[1] as string)])
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const { text, error } = await relay(bytes.subarray(0, cut), bytes.subarray(cut))
      expect(error).toBeUndefined()
      const event = { type: 'error', error: { type, message: 'Slow down for (resource)' } }
      expect(text).toBe(`${asFrame(streamEvents[0] as string)}event: error\ndata: ${JSON.stringify(event)}\n\n`)
    }
  })

  it('with an error of the service itself ends with an error event', async () => {
    const { text } = await relay(eventStreamMessage({ ':message-type': 'error', ':error-code': 'InternalServerException', ':error-message': 'Oops' }, ''))
    expect(text).toBe('event: error\ndata: {"type":"error","error":{"type":"api_error","message":"Oops"}}\n\n')
  })

  it('leaves out what is no chunk, such as an initial response or an event of later years', async () => {
    const { text, error } = await relay(
      eventStreamMessage({ ':message-type': 'event', ':event-type': 'initial-response' }, '{}'),
      eventStreamMessage({ ':message-type': 'event', ':event-type': 'novelty' }, '{"x":1}'),
      chunkMessage('{"type":"ping"}'),
    )
    expect({ text, error }).toEqual({ text: asFrame('{"type":"ping"}'), error: undefined })
  })

  it('B5: that is cut short breaks, and what was whole before it has gone on', async () => {
    const first = chunkMessage(streamEvents[0] as string)
    for (let end = first.length + 1; end < first.length + 40; end += 1) {
      const { text, error } = await relay(stream.subarray(0, end))
      expect(text).toBe(asFrame(streamEvents[0] as string))
      expect(error).toBeInstanceOf(EventStreamError)
    }
  })

  it('with a wrong checksum breaks, and what was whole before it has gone on', async () => {
    const first = chunkMessage(streamEvents[0] as string).length
    const wrong = Uint8Array.from(stream)
    wrong[first + 60] = (wrong[first + 60] as number) ^ 1
    const { text, error } = await relay(wrong)
    expect(text).toBe(asFrame(streamEvents[0] as string))
    expect(error).toBeInstanceOf(EventStreamError)
  })

  it.each(['{"no":"type"}', '{"type":"a\\nb"}', '[1]', 'null', 'not json'])('with a chunk that is no event (%s) breaks', async (data) => {
    expect((await relay(chunkMessage(data))).error).toBeInstanceOf(EventStreamError)
  })

  it('waits for a slow client, and cancels its source', async () => {
    const seen: string[] = []
    const source = bytesSource(chunkMessage('{"type":"ping"}'), chunkMessage('{"type":"message_stop"}'))
    const adapted = messageStream(source)
    let release: (() => void) | undefined
    const pumping = adapted.pump((chunk) => {
      seen.push(decoder.decode(chunk))
      return seen.length === 1 ? new Promise<void>((resolve) => (release = resolve)) : undefined
    })
    await new Promise((resolve) => setTimeout(resolve, 0))
    expect(seen).toHaveLength(1)
    adapted.cancel(new Error('gone'))
    release?.()
    await expect(pumping).rejects.toThrow('gone')
  })

  property.prop([fc.array(fc.constantFrom(...streamEvents), { maxLength: 8 }), fc.array(fc.nat(10_000), { maxLength: 10 })])(
    'is the same for every cutting into many pieces',
    async (events, cuts) => {
      const bytes = join(events.map(chunkMessage))
      const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((left, right) => left - right), bytes.length]
      const { text } = await relay(...places.slice(1).map((place, index) => bytes.subarray(places[index], place)))
      expect(text).toBe(events.map(asFrame).join(''))
    },
  )
})
