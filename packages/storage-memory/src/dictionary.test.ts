import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Dictionary, noLabel } from './dictionary.ts'

const someText = fc.constantFrom('', 'ada', '\uFEFFada', '\u{1F6F6}', '__proto__', 'null', null)

test('a label has one number and its own text as long as it is in use, and is forgotten after its last use', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ text: someText, release: fc.boolean() }), { maxLength: 200 }), (steps) => {
      const dictionary = new Dictionary()
      const uses = new Map<string, number[]>()
      for (const { text, release } of steps) {
        if (text === null) {
          expect(dictionary.take(null)).toBe(noLabel)
          dictionary.release(noLabel)
          continue
        }
        const numbers = uses.get(text) ?? []
        uses.set(text, numbers)
        if (!release) numbers.push(dictionary.take(text))
        else if (numbers.length > 0) dictionary.release(numbers.pop() as number)
        for (const [label, [number, ...others]] of uses) {
          expect(dictionary.find(label)).toBe(number)
          if (number !== undefined) expect(dictionary.textOf(number)).toBe(label)
          expect(others.every((other) => other === number)).toBe(true)
        }
      }
      expect(dictionary.size).toBe([...uses.values()].filter(({ length }) => length > 0).length)
      expect(dictionary.textOf(noLabel)).toBe(null)
    }),
  )
})

test('numbers are given away again, so labels that come and go take no room', () => {
  const dictionary = new Dictionary()
  const numbers = Array.from({ length: 1_000 }, (_, index) => {
    const number = dictionary.take(`session ${index}`)
    dictionary.release(number)
    return number
  })
  expect([Math.max(...numbers), dictionary.size]).toEqual([1, 0])
})
