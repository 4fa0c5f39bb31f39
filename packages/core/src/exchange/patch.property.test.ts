import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { concatBytes, toBytes, toText } from '../wire/bytes.ts'
import { anyJsonBody, splitAt } from '../../test/json-arbitraries.ts'
import { applyPatches, replaceTopLevelString, type Patch } from './patch.ts'
import { RequestBody } from './request-body.ts'

function whole(chunks: readonly Uint8Array[]): Uint8Array {
  return concatBytes(
    chunks,
    chunks.reduce((sum, chunk) => sum + chunk.length, 0),
  )
}

describe('patches of a request body', () => {
  test.prop([anyJsonBody, fc.array(fc.nat())], { numRuns: 1000 })('R1: without a patch the very same arrays go on', (text, cuts) => {
    const body = new RequestBody(...splitAt(toBytes(text), cuts))
    expect(applyPatches(body, []).chunks).toBe(body.chunks)
  })

  test.prop([anyJsonBody, fc.string(), fc.array(fc.nat())], { numRuns: 1000 })(
    'R1: with one patch every byte outside its spans is equal, and the value is the new one',
    (text, model, cuts) => {
      const bytes = toBytes(text)
      const body = new RequestBody(...splitAt(bytes, cuts))
      const patched = applyPatches(body, [replaceTopLevelString('model', model)])
      const result = whole(patched.chunks)
      let at = 0
      let shift = 0
      for (const { start, end, insertedBytes } of patched.notes) {
        expect(result.subarray(at + shift, start + shift)).toEqual(bytes.subarray(at, start))
        shift += insertedBytes - (end - start)
        at = end
      }
      expect(result.subarray(at + shift)).toEqual(bytes.subarray(at))
      const members = body.members('model')
      expect(patched.notes).toHaveLength(members.length)
      if (members.length > 0) expect((JSON.parse(toText(result)) as { model: string }).model).toBe(JSON.parse(JSON.stringify(model).toWellFormed()))
    },
  )

  test.prop([fc.base64String({ minLength: 8 }), fc.string({ unit: 'binary' }), fc.boolean(), fc.array(fc.nat())])(
    'R20: a patched request keeps signed thinking byte for byte, empty thinking too',
    (signature, thought, isEmpty, cuts) => {
      const thinking = JSON.stringify({ type: 'thinking', thinking: isEmpty ? '' : thought, signature }).replace('"signature"', ' "signature"')
      const redacted = `{"type":"redacted_thinking","data":"${signature}"}`
      const messages = `[{"role":"assistant","content":[${thinking},${redacted} , {"type":"tool_use","id":"toolu_1","name":"Read","input":{"n":1.0}}]}]`
      const bytes = toBytes(`{"model":"claude-opus-5-5","messages":${messages},"stream":true}`)
      const { chunks } = applyPatches(new RequestBody(...splitAt(bytes, cuts)), [replaceTopLevelString('model', 'claude-opus-4-8')])
      expect(toText(whole(chunks))).toBe(toText(bytes).replace('claude-opus-5-5', 'claude-opus-4-8'))
      expect(toText(whole(new RequestBody(...chunks).parts(0, Infinity)))).toContain(messages.toWellFormed())
    },
  )

  it('replaces every occurrence of a repeated key, so that no two readers disagree', () => {
    const { chunks, notes } = applyPatches(new RequestBody(toBytes('{"model":"a", "x":1, "mod\\u0065l": "b"}')), [replaceTopLevelString('model', 'c')])
    expect(toText(whole(chunks))).toBe('{"model":"c", "x":1, "mod\\u0065l": "c"}')
    expect(notes).toEqual([
      { name: 'replace model', start: 9, end: 12, insertedBytes: 3 },
      { name: 'replace model', start: 35, end: 38, insertedBytes: 3 },
    ])
  })

  it('refuses patches that overlap or leave the body', () => {
    const at = (start: number, end: number): Patch => ({ name: 'p', splices: () => [{ start, end, replacement: toBytes('x') }] })
    const body = new RequestBody(toBytes('{"a":1}'))
    expect(() => applyPatches(body, [at(1, 4), at(3, 5)])).toThrow(/"p" overlaps/)
    expect(() => applyPatches(body, [at(5, 99)])).toThrow(RangeError)
  })
})
