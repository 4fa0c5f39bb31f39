import { fc, test as property } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { sampleEntries } from '../testing/sample-entries.ts'
import { sampleEntry } from '../testing/sample-entry.ts'
import { parseEntryJson, toEntryJson } from './entry-json.ts'
import { toStorableEntry, toStorableText } from './storable.ts'
import { compareText } from './text-order.ts'

const anyText = fc.string({
  unit: fc.oneof(fc.constantFrom('\0', '\ud800', '\udfff', '\uff21', '\u{1F6F6}'), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })),
})

property.prop([anyText])('storable text is well-formed and free of NUL, and text that was so is untouched', (text) => {
  const stored = toStorableText(text)
  expect(stored).toBe(text.toWellFormed().replaceAll('\0', '\uFFFD'))
  expect(toStorableText(stored)).toBe(stored)
})

property.prop([fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })])('texts are ordered as their UTF-8 bytes are', (left, right) => {
  const [one, two] = [left.toWellFormed(), right.toWellFormed()]
  expect(Math.sign(compareText(one, two))).toBe(Buffer.compare(Buffer.from(one), Buffer.from(two)))
})

test('a storable entry is a deep, frozen copy, tags named like prototype members included', () => {
  const tags = JSON.parse('{"__proto__":"a\\u0000b","constructor":"c"}') as Record<string, string>
  const stored = toStorableEntry(sampleEntry({ labels: { session: 's\ud83d', tags } }))
  expect(stored.attribution.session?.value).toBe('s\uFFFD')
  expect(Object.entries(stored.attribution.tags)).toEqual([
    ['__proto__', 'a\uFFFDb'],
    ['constructor', 'c'],
  ])
  expect(() => Object.assign(stored.cost.lines[0] as object, { nanoUsd: 0n })).toThrow(TypeError)
})

test('an entry survives its JSON, amounts beyond 2^53 exact', () => {
  for (const entry of sampleEntries(3, 50)) expect(parseEntryJson(toEntryJson(entry))).toEqual(entry)
})
