import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConfigurationError } from '../errors.ts'
import { isInNetworks, parseAddress, parseNetwork } from './networks.ts'

const isIn = (address: string, ...networks: readonly string[]): boolean => isInNetworks(address, networks.map(parseNetwork))

describe('networks', () => {
  test.each([
    ['10.1.2.3', '10.0.0.0/8', true],
    ['11.1.2.3', '10.0.0.0/8', false],
    ['1.2.3.4', '0.0.0.0/0', true],
    ['1.2.3.4', '1.2.3.4', true],
    ['1.2.3.5', '1.2.3.4/32', false],
    ['2001:db8::1', '2001:db8::/32', true],
    ['2001:DB8:0:0::1', '2001:0db8::/32', true],
    ['2001:db9::1', '2001:db8::/32', false],
    ['fe80::1%eth0', 'fe80::/10', true],
    ['::ffff:10.1.2.3', '10.0.0.0/8', true],
    ['::ffff:a01:203', '10.0.0.0/8', true],
    ['10.1.2.3', '::ffff:10.0.0.0/104', true],
    ['10.1.2.3', '::ffff:0:0/96', true],
    ['10.1.2.3', '::/0', false],
    ['::1', '::/0', true],
    ['::1', '0.0.0.0/0', false],
    ['::10.1.2.3', '10.0.0.0/8', false],
  ])('%s in %s: %s', (address, network, expected) => {
    expect(isIn(address, network)).toBe(expected)
  })

  test.each([
    '',
    '10.0.0.0/33',
    '10.0.0/8',
    '10.0.0.0.0/8',
    '010.0.0.0/8',
    '10.0.0.256/32',
    '::/129',
    ':::/0',
    '1::2::3/64',
    '1:2:3:4:5:6:7/64',
    '1:2:3:4:5:6:7:8:9/64',
  ])('refuses the network "%s"', (text) => {
    expect(() => parseNetwork(text)).toThrow(ConfigurationError)
  })

  test.each([
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0.0/ 8',
    '/8',
    '10.0.0.0/8/8',
    '12345::/16',
    'g::/16',
    'fe80::%eth0/64',
    '1.2.3.4::/16',
    '::1.2.3/128',
    '1:2:3:4:5:6:7::8/128',
  ])('refuses the network %j', (text) => {
    expect(() => parseNetwork(text)).toThrow(ConfigurationError)
  })

  test('bits behind the prefix are a slip, and the message says what was meant', () => {
    expect(() => parseNetwork('10.1.2.3/8')).toThrow('Write 10.0.0.0/8, or a single address')
    expect(() => parseNetwork('2001:db8::1/32')).toThrow('Write 2001:db8:0:0:0:0:0:0/32')
  })

  test('no address is in no network', () => {
    for (const address of [undefined, '', 'localhost', '1.2.3', '1.2.3.4 ', '1.2.3.04', '1.2.3.4:80', '[::1]', '/run/socket', '::1%', '::ffff:1.2.3.4.5'])
      expect(isInNetworks(address, ['0.0.0.0/0', '::/0'].map(parseNetwork))).toBe(address === '::1%')
  })
})

const groups = fc.array(fc.oneof(fc.constantFrom(0, 0xffff, 1), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 })
const bytes = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 })

/** The slow, obvious way: one big number for each family. */
const toNumber = (parts: readonly number[], bits: number): bigint => parts.reduce((sum, part) => (sum << BigInt(bits)) | BigInt(part), 0n)
const sixNumber = (parts: readonly number[]): bigint => toNumber(parts, 16)
const isMapped = (number: bigint): boolean => number >> 32n === 0xffffn

/** Every way to write an address that one can think of. */
function writings(parts: readonly number[]): readonly string[] {
  const hex = parts.map((part) => part.toString(16))
  const [high = 0, low = 0] = parts.slice(6)
  const tail = `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
  const all = [hex.join(':'), hex.map((part) => part.padStart(4, '0').toUpperCase()).join(':'), [...hex.slice(0, 6), tail].join(':')]
  for (let from = 0; from < 8; from += 1) {
    for (let to = from + 1; to <= 8 && parts.slice(from, to).every((part) => part === 0); to += 1)
      all.push(`${hex.slice(0, from).join(':')}::${hex.slice(to).join(':')}`)
  }
  return all
}

test('every writing of an IPv6 address is read as the same one', () => {
  fc.assert(
    fc.property(groups, (parts) => {
      const number = sixNumber(parts)
      for (const text of writings(parts)) {
        const address = parseAddress(text)
        expect([text, address?.family, sixNumber(address?.groups ?? [])]).toEqual([
          text,
          isMapped(number) ? 4 : 6,
          isMapped(number) ? number & 0xffffffffn : number,
        ])
      }
    }),
  )
})

test('membership equals that of big numbers, for both families and every prefix', () => {
  const near = (parts: readonly number[], limit: number) =>
    fc
      .tuple(fc.integer({ min: 0, max: parts.length - 1 }), fc.integer({ min: 0, max: limit }))
      .map(([at, part]) => parts.map((old, index) => (index === at ? part : old)))
  fc.assert(
    fc.property(
      bytes.chain((parts) => fc.tuple(fc.constant(parts), fc.oneof(bytes, near(parts, 255)), fc.integer({ min: 0, max: 32 }))),
      ([base, address, prefix]) => {
        const shift = BigInt(32 - prefix)
        const network = (toNumber(base, 8) >> shift) << shift
        const text = [24n, 16n, 8n, 0n].map((at) => (network >> at) & 255n).join('.')
        const expected = toNumber(address, 8) >> shift === network >> shift
        expect(isIn(address.join('.'), `${text}/${prefix}`)).toBe(expected)
        expect(isIn(`::ffff:${address.join('.')}`, `::FFFF:${text}/${prefix + 96}`)).toBe(expected)
      },
    ),
    { numRuns: 500 },
  )
  fc.assert(
    fc.property(
      groups.chain((parts) => fc.tuple(fc.constant(parts), fc.oneof(groups, near(parts, 0xffff)), fc.integer({ min: 0, max: 128 }))),
      ([base, address, prefix]) => {
        const shift = BigInt(128 - prefix)
        const network = (sixNumber(base) >> shift) << shift
        const text = Array.from({ length: 8 }, (_, index) => ((network >> BigInt(112 - 16 * index)) & 0xffffn).toString(16)).join(':')
        const isFour = isMapped(network) && prefix >= 96
        const expected = isMapped(sixNumber(address)) === isFour && sixNumber(address) >> shift === network >> shift
        expect(isIn(writings(address)[0] as string, `${text}/${prefix}`)).toBe(expected)
      },
    ),
    { numRuns: 500 },
  )
})

test('no text makes the parsers throw anything but a ConfigurationError, and what is taken is an address', () => {
  const characters = fc.stringMatching(/^[0-9a-f:./%x]{0,48}$/)
  fc.assert(
    fc.property(fc.oneof(characters, fc.string()), (text) => {
      const address = parseAddress(text)
      expect(address?.groups.every((group) => Number.isInteger(group) && group >= 0 && group <= 0xffff) ?? true).toBe(true)
      try {
        expect(parseNetwork(text).groups).toHaveLength(8)
      } catch (error) {
        expect(ConfigurationError.is(error)).toBe(true)
      }
    }),
    { numRuns: 2_000 },
  )
})
