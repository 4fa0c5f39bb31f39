import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../../test/key-bench.ts'
import { ConfigurationError } from '../errors.ts'
import { KeyFormat, newKeyId, newKeySecret } from './key-text.ts'

const format = new KeyFormat('sluice', 'live')
const key = fc.integer().map((seed) => {
  const random = seededRandom(seed)
  return format.write(newKeyId(random), newKeySecret(random))
})

test('a key has the form that scanners know, and this one has this checksum', () => {
  const { text } = format.write('AbCd1234', '0123456789abcdefghijABCDEFGHIJ01')
  expect(text).toMatch(/^sluice_live_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}$/)
  expect(text).toBe('sluice_live_AbCd1234_0123456789abcdefghijABCDEFGHIJ01' + text.slice(-6))
  expect(format.read(text)).toEqual({ text, id: 'AbCd1234', secret: '0123456789abcdefghijABCDEFGHIJ01' })
})

test('every key is read as it was written, and by no other prefix or environment', () => {
  fc.assert(
    fc.property(key, (written) => {
      expect(format.read(written.text)).toEqual(written)
      for (const other of [new KeyFormat('sluice', 'test'), new KeyFormat('sluicf', 'live')]) expect(other.read(written.text)).toBeUndefined()
    }),
  )
})

test('a slip of one or two characters, a swap, a cut or an addition is no key', () => {
  const character = fc.stringMatching(/^[0-9A-Za-z_]$/)
  fc.assert(
    fc.property(key, fc.nat({ max: 57 }), character, fc.nat({ max: 57 }), character, ({ text }, at, one, other, two) => {
      const replaced = (from: string, index: number, by: string): string => from.slice(0, index) + by + from.slice(index + 1)
      const slips = [
        replaced(text, at, one),
        replaced(replaced(text, at, one), other, two),
        text.slice(0, at) + text.slice(at + 1),
        text.slice(0, at) + one + text.slice(at),
      ]
      const swapped = replaced(replaced(text, at, text[other] ?? ''), other, text[at] ?? '')
      for (const slip of [...slips, swapped]) expect(slip === text || format.read(slip) === undefined).toBe(true)
    }),
    { numRuns: 500 },
  )
})

test('secrets use every character about equally often', () => {
  const counts = new Map<string, number>()
  const random = seededRandom(3)
  for (let turn = 0; turn < 3_100; turn += 1) for (const character of newKeySecret(random)) counts.set(character, (counts.get(character) ?? 0) + 1)
  expect(counts.size).toBe(62)
  for (const count of counts.values()) expect(Math.abs(count / 1_600 - 1)).toBeLessThan(0.12)
})

test('a mask shows at most four characters of the secret, none of the checksum, and nothing of anything else', () => {
  fc.assert(
    fc.property(key, ({ text, id, secret }) => {
      expect(format.mask(text)).toBe(`sluice_live_${id}_${secret.slice(0, 4)}…`)
    }),
  )
  for (const other of ['', 'sk-ant-api03-canary', 'eyJhbGciOiJIUzI1NiJ9.e30.x']) expect(format.mask(other)).toBe('[masked]')
})

test.each(['sk-ant', 'sk-ant-api03', 'S', 's', 'Sluice', 'a_b', '1a', 'x'.repeat(21), 'a.*'])('the prefix %j is refused', (prefix) => {
  expect(() => new KeyFormat(prefix, 'live')).toThrow(ConfigurationError)
})

test.each(['', 'LIVE', 'a_b', 'a-b', 'x'.repeat(13)])('the environment %j is refused', (environment) => {
  expect(() => new KeyFormat('sluice', environment)).toThrow(ConfigurationError)
})
