import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import { splitAt } from '../../test/json-arbitraries.ts'
import { concatBytes, toBytes } from '../wire/bytes.ts'
import { noBody, RequestBody } from './request-body.ts'

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

describe('a body that is let go', () => {
  const bodyOf = (): RequestBody => new RequestBody(toBytes('{"model":"m",'), toBytes('"x":[1]}'))

  test.each<[string, (body: RequestBody) => unknown]>([
    ['its chunks', (body) => body.chunks],
    ['a range', (body) => body.range(0, 3)],
    ['parts', (body) => body.parts(0, 20)],
    ['the bytes of a value', (body) => body.slice('model')],
  ])('gives nothing back once somebody was shown %s', (_name, show) => {
    const body = bodyOf()
    show(body)
    expect(RequestBody.letGo(body)).toEqual([])
  })

  test('gives its chunks back where only values were read, or a glance was taken', () => {
    const body = bodyOf()
    expect([body.string('model'), body.value('x'), body.members('x').length, body.length]).toEqual(['m', [1], 1, 21])
    expect(RequestBody.glance(body, () => body.range(0, 1)[0])).toBe(0x7b)
    expect(RequestBody.letGo(body)).toHaveLength(2)
  })

  test('a glance does not undo what was shown before it', () => {
    const body = bodyOf()
    const view = body.chunks
    RequestBody.glance(body, () => body.chunks)
    expect(RequestBody.letGo(body)).toEqual([])
    expect(view).toHaveLength(2)
  })

  test('is not read any more, and its length stays', () => {
    const body = bodyOf()
    RequestBody.letGo(body)
    for (const read of [() => body.chunks, () => body.range(0, 1), () => body.string('model')]) expect(read).toThrow('read it before next()')
    expect(body.length).toBe(21)
  })

  test("the body of no bytes is everybody's, and stays", () => {
    expect(RequestBody.letGo(noBody)).toEqual([])
    expect(noBody.chunks).toEqual([])
  })
})
