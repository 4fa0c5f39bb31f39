import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { toBytes, toText } from './bytes.ts'
import { readString, scanTopLevel, type JsonScan } from './json-scan.ts'
import { anyJsonBody, splitAt } from '../../test/json-arbitraries.ts'

function parts(bytes: Uint8Array, scan: JsonScan): Record<string, unknown> {
  if (scan.kind !== 'object') throw new Error(`not an object: ${JSON.stringify(scan)}`)
  // Later members win, as in JSON.parse; `__proto__` must stay an ordinary key.
  const found = new Map(scan.members.map(({ key, start, end }) => [key, JSON.parse(toText(bytes.subarray(start, end))) as unknown]))
  return Object.fromEntries(found)
}

describe('the top-level scanner', () => {
  test.prop([anyJsonBody, fc.array(fc.nat())], { numRuns: 1000 })('finds what JSON.parse finds, whatever the chunks', (body, cuts) => {
    const bytes = toBytes(body)
    expect(parts(bytes, scanTopLevel(...splitAt(bytes, cuts)))).toEqual(JSON.parse(toText(bytes)))
  })

  test.prop([fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat())])('never throws on any bytes, and says the same for any chunks', (bytes, cuts) => {
    expect(scanTopLevel(...splitAt(bytes, cuts))).toEqual(scanTopLevel(bytes))
  })

  test.prop([fc.string({ unit: 'binary' })])('reads strings as JSON.parse does', (text) => {
    expect(readString(toBytes(JSON.stringify(text)))).toBe(JSON.parse(toText(toBytes(JSON.stringify(text)))))
  })

  it.each([
    ['', 'the body is empty'],
    ['{', 'the object is not closed'],
    ['{"a"', 'a colon is missing'],
    ['{"a":', 'a value is missing'],
    ['{"a":}', 'a value is missing'],
    ['{"a":1', 'the object is not closed'],
    ['{"a":[1,{"b":2}', 'not closed'],
    ['{"a":"x}', 'not closed'],
    ['{"a":1,}', 'a key in double quotes is missing'],
    ['{"a":1 "b":2}', 'a comma or closing brace is missing'],
    ['{a:1}', 'is not closed'],
    ['{"a":1} x', 'text after the closing brace'],
  ])('says what is wrong with %j', (body, problem) => {
    expect(scanTopLevel(toBytes(body))).toMatchObject({ kind: 'malformed', problem: expect.stringContaining(problem) as string })
  })

  it('accepts a byte order mark, even one that is split', () => {
    const bytes = new Uint8Array([0xef, 0xbb, 0xbf, ...toBytes('{"model":"x"}')])
    expect(scanTopLevel(bytes.subarray(0, 1), bytes.subarray(1))).toMatchObject({ kind: 'object', members: [{ key: 'model', start: 12, end: 15 }] })
  })

  it('tells other JSON from no JSON', () => {
    for (const body of ['[1]', '"x"', '1', 'null']) expect(scanTopLevel(toBytes(body)).kind).toBe('not-an-object')
  })
})
