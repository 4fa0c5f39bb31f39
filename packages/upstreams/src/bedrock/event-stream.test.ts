import { fc, it as property } from '@fast-check/vitest'
import { EventStreamCodec } from '@smithy/eventstream-codec'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { eventStreamMessage } from '../../test/event-stream-writer.ts'
import { sharedFolder } from '../../test/shared-material.ts'
import { EventStreamDecoder, EventStreamError } from './event-stream.ts'

const vectorsFolder = sharedFolder('sse-vectors')

interface Vector {
  readonly name: string
  readonly polarity: 'positive' | 'negative'
  readonly frame_b64: string
  readonly expect?: { readonly headers: readonly { readonly name: string; readonly type: number; readonly value: unknown }[]; readonly payload: string }
}

const vectors: readonly Vector[] =
  vectorsFolder === undefined ? [] : (JSON.parse(readFileSync(join(vectorsFolder, 'aws-eventstream.json'), 'utf8')) as { vectors: readonly Vector[] }).vectors

interface Decoded {
  readonly headers: Readonly<Record<string, string>>
  readonly payload: string
}

function decode(chunks: readonly Uint8Array[]): readonly Decoded[] {
  const stream = new EventStreamDecoder()
  const messages = chunks.flatMap((chunk) =>
    [...stream.push(chunk)].map(({ headers, payload }) => ({ headers: Object.fromEntries(headers), payload: Buffer.from(payload).toString('base64') })),
  )
  stream.end()
  return messages
}

describe.skipIf(vectors.length === 0)('the published vectors of the AWS event stream', () => {
  it.each(vectors)('$name is $polarity at every split', ({ polarity, frame_b64: frame, expect: expected }) => {
    const bytes = new Uint8Array(Buffer.from(frame, 'base64'))
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const chunks = [bytes.subarray(0, cut), bytes.subarray(cut)]
      if (polarity === 'negative') {
        expect(() => decode(chunks)).toThrow(EventStreamError)
        continue
      }
      const texts = expected?.headers
        .filter(({ type }) => type === 7)
        .map(({ name, value }) => [name, Buffer.from(value as string, 'base64').toString()] as const)
      expect(decode(chunks)).toEqual([{ headers: Object.fromEntries(texts ?? []), payload: expected?.payload }])
    }
  })
})

describe('an event stream', () => {
  const message = eventStreamMessage({ ':message-type': 'event', ':event-type': 'chunk' }, '{"bytes":""}')

  it('that ends inside a message is an error, wherever it ends', () => {
    for (let end = 1; end < message.length; end += 1) expect(() => decode([message.subarray(0, end)])).toThrow(EventStreamError)
    expect(decode([])).toEqual([])
  })

  it('with any bit wrong is an error, and is never decoded', () => {
    for (let bit = 0; bit < message.length * 8; bit += 1) {
      const wrong = Uint8Array.from(message)
      wrong[bit >> 3] = (wrong[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(() => decode([wrong])).toThrow(EventStreamError)
    }
  })

  it('is refused at its prelude where its length cannot be, before anything is kept for it', () => {
    const huge = Buffer.from(eventStreamMessage({}, new Uint8Array(0)))
    const codec = new EventStreamDecoder()
    huge.writeUInt32BE(0xffffffff, 0)
    expect(() => [...codec.push(huge)]).toThrow(/checksum/)
  })

  property.prop([
    fc.array(fc.tuple(fc.dictionary(fc.stringMatching(/^:?[a-z-]{1,12}$/), fc.string({ maxLength: 20 }), { maxKeys: 4 }), fc.uint8Array({ maxLength: 300 })), {
      maxLength: 6,
    }),
    fc.array(fc.nat(2000), { maxLength: 8 }),
  ])('decodes what it was made of however it is cut, and as the official codec does', (messages, cuts) => {
    const each = messages.map(([headers, payload]) => eventStreamMessage(headers, payload))
    const bytes = new Uint8Array(Buffer.concat(each))
    const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((left, right) => left - right), bytes.length]
    const chunks = places.slice(1).map((place, index) => bytes.subarray(places[index], place))
    const codec = new EventStreamCodec(
      (input) => (typeof input === 'string' ? input : new TextDecoder().decode(input)),
      (input) => new TextEncoder().encode(input),
    )
    const oracle = each.map((one) => {
      const { headers, body } = codec.decode(one)
      return {
        headers: Object.fromEntries(Object.entries(headers).map(([name, { value }]) => [name, value as string])),
        payload: Buffer.from(body).toString('base64'),
      }
    })
    expect(decode(chunks)).toEqual(oracle)
  })
})
