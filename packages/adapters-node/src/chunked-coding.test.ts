import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chunkOf, lastChunk } from './chunked-coding.ts'

/** Reads a body in the chunked coding, strictly; the bytes of its chunks. */
function decoded(coded: Buffer): Buffer {
  const chunks: Buffer[] = []
  for (let at = 0; ;) {
    const lineEnd = coded.indexOf('\r\n', at)
    const line = coded.toString('latin1', at, lineEnd)
    expect(line).toMatch(/^[0-9a-f]+$/)
    const bytes = Number.parseInt(line, 16)
    const start = lineEnd + 2
    expect(coded.toString('latin1', start + bytes, start + bytes + 2)).toBe('\r\n')
    at = start + bytes + 2
    if (bytes === 0) {
      expect(at).toBe(coded.length)
      return Buffer.concat(chunks)
    }
    chunks.push(coded.subarray(start, start + bytes))
  }
}

const batch = fc.array(
  fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 300 }),
    fc.integer({ min: 1, max: 90_000 }).map((length) => new Uint8Array(length).fill(length)),
  ),
  {
    minLength: 1,
    maxLength: 4,
  },
)
const sizeOf = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0)

test('whatever is coded in chunks of any size comes out the same, whether or not the last chunk ends the body', () => {
  fc.assert(
    fc.property(fc.array(batch, { minLength: 1, maxLength: 6 }), fc.boolean(), (batches, isEndApart) => {
      const parts = batches.flatMap((each, index) => chunkOf(each, sizeOf(each), !isEndApart && index === batches.length - 1))
      const coded = Buffer.concat([...parts, ...(isEndApart ? [lastChunk] : [])])
      expect(decoded(coded).equals(Buffer.concat(batches.flat()))).toBe(true)
    }),
    { numRuns: 200 },
  )
})

test('a small chunk is one part, and a large one is not copied', () => {
  const small = new Uint8Array(500)
  const large = new Uint8Array(100_000)
  expect(chunkOf([small, small], 1_000, true)).toHaveLength(1)
  expect(chunkOf([large], large.length, false)[1]).toBe(large)
})
