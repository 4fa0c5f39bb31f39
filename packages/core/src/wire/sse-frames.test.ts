import { fc, test } from '@fast-check/vitest'
import { createParser } from 'eventsource-parser'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { sharedFolder } from '../../test/shared-material.ts'
import { toBytes, toText } from './bytes.ts'
import { FrameSplitter, type SseFrame } from './sse-frames.ts'
import { splitAt } from '../../test/json-arbitraries.ts'

interface Event {
  readonly event: string
  readonly data: string
}

function split(
  chunks: readonly Uint8Array[],
  maxFrameBytes = 1 << 20,
): { readonly frames: readonly SseFrame[]; readonly oversize: number; readonly boundaries: readonly number[] } {
  const frames: SseFrame[] = []
  const boundaries: number[] = []
  let oversize = 0
  const splitter = new FrameSplitter(maxFrameBytes, () => {
    oversize += 1
  })
  for (const chunk of chunks) {
    const result = splitter.push(chunk)
    frames.push(...result.frames)
    boundaries.push(result.boundary)
  }
  return { frames, oversize, boundaries }
}

const events = (frames: readonly SseFrame[]): readonly Event[] =>
  frames.flatMap(({ event, data }) => (data === undefined ? [] : [{ event: event ?? '', data }]))

function parsedByLibrary(text: string): readonly Event[] {
  const found: Event[] = []
  const parser = createParser({ onEvent: ({ event, data }) => void found.push({ event: event ?? '', data }) })
  parser.feed(text)
  return found
}

const field = fc.oneof(
  fc.constantFrom(
    'event: message_start',
    'event: content_block_delta',
    'event:ping',
    'event',
    'data',
    'data:',
    'data: ',
    ': comment',
    ':',
    'id: 7',
    'retry: 10',
    'unknown: x',
    'data:{"a":1}',
    'event: ',
  ),
  fc.string({ unit: fc.constantFrom('a', ' ', ':', '日', '🎉', '{', '"') }).map((text) => `data: ${text}`),
)
const stream = fc
  .array(fc.tuple(fc.oneof(field, fc.constant('')), fc.constantFrom('\n', '\r\n', '\r')))
  .map((lines) => lines.map((line) => line.join('')).join(''))

describe('the frame splitter', () => {
  test.prop([stream, fc.array(fc.nat())], { numRuns: 2000 })('B1, B7: reports the same events for any chunks, and loses no byte', (text, cuts) => {
    const bytes = toBytes(text)
    const chunks = splitAt(bytes, cuts)
    const { frames } = split(chunks)
    expect(events(frames)).toEqual(events(split([bytes]).frames))
    expect(text.startsWith(frames.map(({ raw }) => toText(raw)).join(''))).toBe(true)
  })

  test.prop([stream], { numRuns: 2000 })('B7: agrees with eventsource-parser', (text) => {
    // That parser keeps a lone final CR for the next chunk; the standard lets the line end there.
    expect(events(split([toBytes(text)]).frames)).toEqual(parsedByLibrary(text.endsWith('\r') ? `${text}:` : text))
  })

  test.prop([fc.constantFrom('message_start', 'message_delta', 'content_block_delta', 'ping', 'error', 'other'), fc.json()])(
    'reads the usual frames by their bytes exactly as by their text',
    (name, json) => {
      const [frame] = split([toBytes(`event: ${name}\ndata: ${json}\n\n`)]).frames as [SseFrame]
      const [unusual] = split([toBytes(`event:${name}\ndata:${json}\n\n`)]).frames as [SseFrame]
      expect([frame.event, frame.data, frame.json]).toEqual([unusual.event, unusual.data, unusual.json])
    },
  )

  it('counts what belongs to complete frames, so that the rest can be held', () => {
    expect(split([toBytes('data: a\n\ndata: b'), toBytes('\n'), toBytes('\ndata: c\n\n')]).boundaries).toEqual([9, 0, 10])
  })

  test.prop([stream, fc.array(fc.nat()), fc.constantFrom(8, 40, 1 << 20)])(
    'what may go on, in order, is the stream without what is pending, at any limit',
    (text, cuts, limit) => {
      const bytes = toBytes(text)
      const splitter = new FrameSplitter(limit, () => undefined)
      const gone: Uint8Array[] = []
      for (const chunk of splitAt(bytes, cuts)) {
        const { held, boundary } = splitter.push(chunk)
        gone.push(...held, chunk.subarray(0, boundary))
      }
      expect(Buffer.concat([...gone, ...splitter.pending]).equals(bytes)).toBe(true)
    },
  )

  it('skips a frame over the limit, says so once, and goes on with the next', () => {
    const { frames, oversize } = split([toBytes('data: a\n\n'), toBytes(`data: ${'x'.repeat(50)}`), toBytes('y'.repeat(50)), toBytes('\n\ndata: b\n\n')], 40)
    expect(events(frames).map(({ data }) => data)).toEqual(['a', 'b'])
    expect(oversize).toBe(1)
  })

  it('is linear: a frame that comes byte by byte is joined once', () => {
    const bytes = toBytes(`data: ${'x'.repeat(100_000)}\n\n`)
    expect(split(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))).frames).toHaveLength(1)
  })
})

const vectors = sharedFolder('sse-vectors')

interface Vector {
  readonly id: string
  readonly name: string
  readonly chunks_b64: readonly string[]
  readonly expect?: readonly { readonly event: string; readonly data: string }[]
}

describe.skipIf(vectors === undefined)('published framing vectors', () => {
  const folder = vectors ?? ''
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json') && !name.startsWith('aws')) : []
  it.each(files)('%s', (file) => {
    const { vectors: all } = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')) as { vectors: readonly Vector[] }
    const checked = all.filter((vector) => vector.expect !== undefined)
    expect(checked.length).toBeGreaterThan(0)
    for (const vector of checked) {
      const chunks = vector.chunks_b64.map((chunk) => new Uint8Array(Buffer.from(chunk, 'base64')))
      const seen = events(split(chunks).frames).map(({ event, data }) => ({ event: event === 'message' ? '' : event, data }))
      expect(seen, `${vector.id}: ${vector.name}`).toEqual(vector.expect?.map(({ event, data }) => ({ event: event === 'message' ? '' : event, data })))
    }
  })
})
