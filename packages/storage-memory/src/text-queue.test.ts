import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TextQueue, type TextPlace } from './text-queue.ts'

/** From nothing to more than a block, and to where a block just holds it. */
const someText = fc.record({
  part: fc.constantFrom('a', 'é', '\uFEFF', '\u{1F6F6}', '\uFFFD'),
  times: fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 90_000 }), fc.constantFrom(87_381, 87_382, 262_143, 262_144, 262_145, 700_000)),
})

test('texts of any length come back as they went in, until they are dropped', () => {
  fc.assert(
    fc.property(fc.array(someText, { maxLength: 30 }), fc.nat({ max: 8 }), (samples, kept) => {
      const queue = new TextQueue()
      const held: { readonly text: string; readonly place: TextPlace }[] = []
      for (const { part, times } of samples) {
        const text = part.repeat(times)
        held.push({ text, place: queue.push(text) })
        if (held.length > kept) {
          const { place } = held.shift() as { readonly place: TextPlace }
          queue.dropBefore(place.position)
        }
        expect(held.every((one) => queue.textAt(one.place) === one.text)).toBe(true)
      }
    }),
    { numRuns: 60 },
  )
})
