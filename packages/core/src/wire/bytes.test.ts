import { fc, test as property } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { splitAt } from '../../test/json-arbitraries.ts'
import { indexOfBytes, indexOfInParts, toBytes } from './bytes.ts'

const fewLetters = (maxLength: number, minLength = 0): fc.Arbitrary<Uint8Array> => fc.uint8Array({ min: 0x61, max: 0x62, minLength, maxLength })

property.prop([fewLetters(60), fewLetters(6, 1), fc.array(fc.nat(), { maxLength: 20 })], { numRuns: 2000 })(
  'a needle is found in parts where it is found in the whole, empty parts and parts shorter than it included',
  (bytes, needle, cuts) => {
    expect(indexOfInParts(splitAt(bytes, cuts), needle)).toBe(indexOfBytes(bytes, needle))
  },
)

test('a needle that begins in one part and ends two parts on is found, one that never ends is not', () => {
  const parts = ['..wor', 'king dir', 'ec', 'tory: /x'].map(toBytes)
  expect(indexOfInParts(parts, toBytes('working directory'))).toBe(2)
  expect(indexOfInParts(parts, toBytes('directory: /xy'))).toBe(-1)
  expect(indexOfInParts([], toBytes('x'))).toBe(-1)
})
