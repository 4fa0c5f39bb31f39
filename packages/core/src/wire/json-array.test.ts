import { fc, test as property } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { toBytes } from './bytes.ts'
import { bracketStart, readShortString, valueEnd, walkArray, walkObject } from './json-array.ts'
import { parseJson } from './json-scan.ts'

const spaced = fc.tuple(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 1, '\t\n'))

property.prop([spaced])('elements are found whole and in order', ([array, space]) => {
  const bytes = toBytes(JSON.stringify(array, undefined, space))
  const found: unknown[] = []
  const end = walkArray(bytes, 0, (start) => {
    const elementEnd = valueEnd(bytes, start)
    found.push(parseJson(bytes.subarray(start, elementEnd)))
    return elementEnd
  })
  expect(end).toBe(bytes.length)
  expect(JSON.stringify(found)).toBe(JSON.stringify(array))
})

property.prop([fc.dictionary(fc.string(), fc.jsonValue())])('members are found with their keys, escapes resolved', (object) => {
  const bytes = toBytes(JSON.stringify(object))
  const keys: string[] = []
  expect(walkObject(bytes, 0, (key, start) => (keys.push(key), valueEnd(bytes, start)))).toBe(bytes.length)
  expect(keys).toEqual(Object.keys(object))
})

property.prop([fc.array(fc.jsonValue()), fc.oneof(fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()))])(
  'the last element is found from behind',
  (before, last) => {
    const text = JSON.stringify([...before, last])
    const bytes = toBytes(text)
    expect(bracketStart(bytes, bytes.length - 1)).toBe(bytes.length - 1 - toBytes(JSON.stringify(last)).length)
  },
)

property.prop([fc.uint8Array(), fc.nat()])('no bytes make a walk throw or run on', (bytes, at) => {
  const start = at % (bytes.length + 1)
  walkArray(bytes, start, (element) => valueEnd(bytes, element))
  walkObject(bytes, start, (_key, value) => valueEnd(bytes, value))
  bracketStart(bytes, start)
})

test('a number at the end of an array ends before the bracket, and a visitor that does not advance ends the walk', () => {
  expect(walkArray(toBytes('[1,2]'), 0, (start) => valueEnd(toBytes('[1,2]'), start))).toBe(5)
  expect(walkArray(toBytes('[1,2]'), 0, (start) => start)).toBe(-1)
  expect(bracketStart(toBytes('[1,"x"'), 6)).toBe(-1)
  expect(bracketStart(toBytes('}'), 1)).toBe(-1)
})

property.prop([fc.string({ unit: 'binary', maxLength: 40 })])('a short string reads as JSON.parse reads it', (text) => {
  const bytes = toBytes(JSON.stringify(text))
  expect(readShortString(bytes, 0, bytes.length)).toBe(JSON.parse(JSON.stringify(text)))
})
