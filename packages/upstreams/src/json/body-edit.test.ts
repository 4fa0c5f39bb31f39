import { fc, it as property } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { textOf } from '../../test/upstream-bench.ts'
import { BodyEdit } from './body-edit.ts'
import { parseFieldPath, type FieldPath } from './field-paths.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const path = (text: string): FieldPath => parseFieldPath(text) as FieldPath

function edited(text: string, change: (edit: BodyEdit) => void): string {
  const chunks = [bytesOf(text)]
  const edit = new BodyEdit(chunks, 'test')
  change(edit)
  return textOf(edit.apply(chunks).chunks)
}

describe('an edit of a body', () => {
  it.each([
    ['{"model":"m","a":1}', '{"v":1,"a":1}'],
    ['{ "model" : "m" , "a" : 1 }', '{ "v":1,"a" : 1 }'],
    ['{"a":1,"model":"m"}', '{"v":1,"a":1}'],
    ['{"a":1 , "model":"m" , "b":2}', '{"v":1,"a":1 , "b":2}'],
    ['{"model":"m","model":"n","a":1,"model":"o"}', '{"v":1,"a":1}'],
    ['{"model":"m"}', '{"v":1}'],
    ['{"model":"m","stream":true}', '{"v":1}'],
    ['{"mod\\u0065l":"m","a":12345678901234567890}', '{"v":1,"a":12345678901234567890}'],
    ['\ufeff{"model":"m","a":"\\ud83d"}', '\ufeff{"v":1,"a":"\\ud83d"}'],
    ['{}', '{"v":1}'],
    ['{"v":0,"a":{"v":0},"v":2}', '{"v":1,"a":{"v":0},"v":1}'],
  ])('takes members out of %s, puts one in, and leaves every other byte', (before, after) => {
    expect(edited(before, (edit) => edit.set('v', 1).remove('model').remove('stream'))).toBe(after)
  })

  it('lists each span under its name, in offsets of the body that came in', () => {
    const chunks = [bytesOf('{"model":"m","a":1,"stream":true}')]
    const edit = new BodyEdit(chunks, 'bedrock').set('anthropic_version', 'x').remove('model').remove('stream')
    expect(edit.apply(chunks).notes).toEqual([
      { name: 'bedrock:anthropic_version', start: 1, end: 1, insertedBytes: 24 },
      { name: 'bedrock:model', start: 1, end: 13, insertedBytes: 0 },
      { name: 'bedrock:stream', start: 18, end: 32, insertedBytes: 0 },
    ])
  })

  it('that changes nothing gives back the very arrays', () => {
    const chunks = [bytesOf('{"a":'), bytesOf('1}')]
    expect(
      new BodyEdit(chunks, 'test')
        .remove('b')
        .removeFields([path('c.d')], 'x')
        .apply(chunks).chunks,
    ).toBe(chunks)
  })

  it.each([
    ['context_management', '{"context_management":{"edits":[]},"a":1}', '{"a":1}'],
    ['output_config.effort', '{"output_config":{"effort":"high","format":{}},"a":1}', '{"output_config":{"format":{}},"a":1}'],
    ['output_config.effort', '{"a":1,"output_config":{"effort":"high"}}', '{"a":1}'],
    ['output_config.effort', '{"output_config":{},"effort":1}', '{"output_config":{},"effort":1}'],
    [
      'tools[].defer_loading',
      '{"tools":[{"name":"a","defer_loading":true},{"defer_loading":false, "name":"b"},{"name":"c"}]}',
      '{"tools":[{"name":"a"},{"name":"b"},{"name":"c"}]}',
    ],
    [
      'messages[].output_config',
      '{"messages":[{"role":"system","output_config":{"effort":"low"},"content":"}{]["}]}',
      '{"messages":[{"role":"system","content":"}{]["}]}',
    ],
    [
      'messages[].content[type=tool_addition]',
      '{"messages":[{"content":[{"type":"text"}, {"type":"tool_addition","tool":{}}, {"type":"text"}]},{"content":"tool_addition"}]}',
      '{"messages":[{"content":[{"type":"text"}, {"type":"text"}]},{"content":"tool_addition"}]}',
    ],
    [
      '**.cache_control.scope',
      '{"system":[{"text":"scope","cache_control":{"type":"ephemeral","scope":"global"}}],"tools":[{"cache_control":{"scope":"x","ttl":"1h"}}],"cache_control":{"scope":1}}',
      '{"system":[{"text":"scope","cache_control":{"type":"ephemeral"}}],"tools":[{"cache_control":{"ttl":"1h"}}]}',
    ],
    [
      'system[text^=x-anthropic-billing-header:]',
      '{"system":[{"type":"text","text":"x-anthropic-billing-header: cch=1;"},{"type":"text","text":"about x-anthropic-billing-header: no"}]}',
      '{"system":[{"type":"text","text":"about x-anthropic-billing-header: no"}]}',
    ],
    ['system[text^=x-anthropic-billing-header:]', '{"system":"x-anthropic-billing-header: cch=1;"}', '{"system":"x-anthropic-billing-header: cch=1;"}'],
    ['tools[].defer_loading', '{"tools":{"defer_loading":1}}', '{"tools":{"defer_loading":1}}'],
  ])('takes the fields at %s out of %s', (field, before, after) => {
    expect(edited(before, (edit) => edit.removeFields([path(field)], 'stripped'))).toBe(after)
  })

  it.each(['', '.', 'a..b', 'a.**', 'a.**.b', 'tools[', 'tools[0]', '**', 'a b'])('knows that "%s" is no path', (text) => {
    expect(parseFieldPath(text)).toBeUndefined()
  })
})

/** A plain walk over parsed JSON: what the splices must come to. */
function without(value: unknown, steps: readonly (readonly string[])[]): unknown {
  if (Array.isArray(value))
    return value.map((item) =>
      without(
        item,
        steps.filter(([first]) => first === '[]').map(([, ...rest]) => rest),
      ),
    )
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) => {
      const below = steps.filter(([first]) => first === key).map(([, ...rest]) => rest)
      if (below.some((rest) => rest.length === 0)) return []
      const left = without(member, below)
      const isEmptied =
        typeof left === 'object' && left !== null && !Array.isArray(left) && Object.keys(left).length === 0 && Object.keys(member as object).length > 0
      return isEmptied ? [] : [[key, left]]
    }),
  )
}

const key = fc.constantFrom('model', 'stream', 'tools', 'messages', 'a', 'output_config', 'effort', 'defer_loading')
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(fc.string({ unit: 'grapheme', maxLength: 6 }), fc.integer(), fc.boolean(), fc.constant(null), fc.constantFrom('}{][",:\\', '"')),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4 }),
  ),
}))
const body = fc.dictionary(key, value, { maxKeys: 6 })
const printed = fc.tuple(body, fc.constantFrom(undefined, 1, '\t')).map(([object, indent]) => [object, JSON.stringify(object, null, indent)] as const)
const paths = ['tools[].defer_loading', 'output_config.effort', 'messages[].output_config', 'a', 'messages[].a.effort', 'tools.a']

describe('edits of any body', () => {
  property.prop([printed, fc.subarray(paths), fc.array(fc.nat(400), { maxLength: 4 })])(
    'come to what the same change of the parsed value comes to, in any chunks, and leave the bytes between their spans',
    ([object, text], fields, cuts) => {
      const bytes = bytesOf(text)
      const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((left, right) => left - right), bytes.length]
      const chunks = places.slice(1).map((place, index) => bytes.subarray(places[index], place))
      const edit = new BodyEdit(chunks, 'test')
      edit.set('version', 'x').remove('model').remove('stream')
      edit.removeFields(fields.map(path), 'stripped')
      const { chunks: sent, notes } = edit.apply(chunks)
      const steps = [
        ['model'],
        ['stream'],
        ...fields.map((field) => field.split('.').flatMap((part) => (part.endsWith('[]') ? [part.slice(0, -2), '[]'] : [part]))),
      ]
      expect(JSON.parse(textOf(sent))).toEqual({ version: 'x', ...(without(object, steps) as object) })
      let at = 0
      const out = Buffer.concat(sent)
      let outAt = 0
      for (const { start, end, insertedBytes } of notes) {
        expect(out.subarray(outAt, outAt + start - at).equals(bytes.subarray(at, start))).toBe(true)
        outAt += start - at + insertedBytes
        at = end
      }
      expect(out.subarray(outAt).equals(bytes.subarray(at))).toBe(true)
    },
  )
})
