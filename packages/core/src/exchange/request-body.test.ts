import { fc, test as property } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { splitAt } from '../../test/json-arbitraries.ts'
import { concatBytes, toBytes } from '../wire/bytes.ts'
import { RequestBody } from './request-body.ts'

property.prop([fc.uint8Array({ maxLength: 60 }), fc.array(fc.nat(), { maxLength: 8 }), fc.nat(), fc.nat()])(
  'a range is the same bytes for any chunks, and may reach beyond the end',
  (bytes, cuts, from, to) => {
    const body = new RequestBody(...splitAt(bytes, cuts))
    const start = from % (bytes.length + 1)
    const end = start + (to % (bytes.length + 2))
    expect(Array.from(body.range(start, end))).toEqual(Array.from(bytes.subarray(start, end)))
    const parts = body.parts(start, end)
    expect(
      Array.from(
        concatBytes(
          parts,
          parts.reduce((sum, part) => sum + part.length, 0),
        ),
      ),
    ).toEqual(Array.from(bytes.subarray(start, end)))
  },
)

test('a range within one chunk is a view, also at its edges', () => {
  const [first, second] = [toBytes('0123'), toBytes('4567')]
  const body = new RequestBody(first, second)
  for (const [start, end] of [
    [0, 4],
    [1, 3],
    [4, 8],
    [5, 8],
  ] as const) {
    expect([first.buffer, second.buffer]).toContain(body.range(start, end).buffer)
  }
  expect([first.buffer, second.buffer]).not.toContain(body.range(3, 5).buffer)
})

test('a value is read up to the length that the caller allows', () => {
  const body = new RequestBody(toBytes('{"a":[1,'), toBytes('2],"b":1}'))
  expect([body.value('a'), body.value('a', 5), body.value('a', 4), body.value('c')]).toEqual([[1, 2], [1, 2], undefined, undefined])
})
