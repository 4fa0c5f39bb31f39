import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keyBench, pepper } from '../../test/key-bench.ts'
import { toBytes, toText } from '../wire/bytes.ts'
import { fromBase64Url, KeyHashes, toBase64Url } from './key-hash.ts'

const decoded = (part: string | undefined): unknown => JSON.parse(toText(fromBase64Url(part ?? '') ?? new Uint8Array()))
const encoded = (value: unknown): string => toBase64Url(toBytes(JSON.stringify(value)))
const year = 365 * 86_400

describe("a key's token", () => {
  test('is what Claude Code takes for a gateway of its kind: its audience and an expiry', async () => {
    const { clock, issue } = keyBench()
    const { jwt, record } = await issue()
    const [header, payload, signature] = jwt.split('.')
    const now = clock.now() / 1000
    expect(decoded(header)).toEqual({ alg: 'HS256', typ: 'JWT' })
    expect(decoded(payload)).toEqual({
      iss: 'sluice',
      aud: 'claude-gateway',
      sub: record.id,
      exp: now + year,
      iat: now,
      gen: record.secrets[0]?.hash.slice(0, 16),
    })
    expect(signature).toMatch(/^[A-Za-z0-9_-]{43}$/)
    const expiring = await issue({ expiresAt: clock.now() + 5_000 })
    expect(decoded(expiring.jwt.split('.')[1])).toMatchObject({ exp: now + 5 })
  })

  test('of a key without an expiry is taken for a year, and says then that it was the token', async () => {
    const { clock, issue, verdict } = keyBench()
    const { jwt, key, record } = await issue()
    clock.advance(year * 1000 - 1)
    expect(await verdict(jwt)).toBe('ada')
    clock.advance(1)
    expect(await verdict(jwt)).toBe(`This token of the key ${record.id} expired on 2027-11-24T12:00Z. Ask this gateway's operator for a new key.`)
    expect(await verdict(key)).toBe('ada')
  })

  test('is ours by its signature alone: no other algorithm, header, payload, pepper or writing of it is taken, or costs a look-up', async () => {
    const { keys, store, issue } = keyBench()
    const { jwt, record } = await issue()
    const [header = '', payload = '', signature = ''] = jwt.split('.')
    const claims = decoded(payload) as object
    const hashes = new KeyHashes(pepper)
    const signed = async (first: string, second: string): Promise<string> => `${first}.${second}.${await hashes.ofToken(`${first}.${second}`)}`
    const forged = [
      `${encoded({ alg: 'none', typ: 'JWT' })}.${payload}.`,
      `${encoded({ alg: 'none' })}.${payload}.${signature}`,
      `${encoded({ typ: 'JWT', alg: 'HS256' })}.${payload}.${signature}`,
      // Even under our own signing key: the header is one text.
      await signed(encoded({ alg: 'HS512', typ: 'JWT' }), payload),
      await signed(encoded({ alg: 'HS256', typ: 'JWT', kid: '../../dev/null' }), payload),
      await signed(header, encoded({ ...claims, aud: 'other' })),
      await signed(header, encoded({ ...claims, iss: 'other' })),
      await signed(header, encoded({ ...claims, exp: undefined })),
      await signed(header, encoded({ ...claims, exp: '9999999999' })),
      await signed(header, encoded({ ...claims, gen: '' })),
      await signed(header, `${payload}=`),
      `${header}.${encoded({ ...claims, sub: 'aaaaaaaa' })}.${signature}`,
      `${header}.${payload}.`,
      `${header}.${payload}`,
      `${header}.${payload}.${signature}.`,
      `${header}.${payload}.${signature}.${signature}`,
      `${header}.${payload}.${signature}=`,
      `${header}.${payload}.${signature} `,
      ` ${jwt}`,
      `${header}..${payload}.${signature}`,
      `${jwt}${'A'.repeat(2_000)}`,
      (await keyBench({ pepper: `${pepper}!` }).issue()).jwt,
      // What is hashed as a key is no signature.
      `${header}.${payload}.${record.secrets[0]?.hash}`,
      `${header}.${payload}.${await hashes.ofKey(`${header}.${payload}`)}`,
    ]
    for (const token of forged) expect([token, await keys.verify(token)]).toEqual([token, undefined])
    expect(store.lookUps).toEqual([])
    expect((await keys.verify(jwt))?.keyId).toBe(record.id)
  })

  test('with any one character changed is not taken', async () => {
    const { keys, store, issue } = keyBench()
    const { jwt } = await issue()
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: jwt.length - 1 }), fc.stringMatching(/^[A-Za-z0-9_.=+/-]$/), async (at, character) => {
        fc.pre(jwt[at] !== character)
        expect(await keys.verify(jwt.slice(0, at) + character + jwt.slice(at + 1))).toBeUndefined()
      }),
      { numRuns: 500 },
    )
    expect(store.lookUps).toEqual([])
  })

  test('of a secret that was rotated out fails like that secret, whatever it says', async () => {
    const { keys, issue, verdict } = keyBench()
    const first = await issue()
    await keys.rotate(first.record.id, { overlapMillis: 0 })
    expect(await verdict(first.jwt)).toContain('was rotated')
    await keys.rotate(first.record.id, { overlapMillis: 0 })
    expect(await verdict(first.jwt)).toBe('unknown')
  })
})

test('base64url is read only as it is written', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const text = toBase64Url(bytes)
      expect(fromBase64Url(text)).toEqual(bytes)
      for (const other of [`${text}=`, `${text} `, `${text}A`.length % 4 === 1 ? `${text}A` : '+', '/', 'é']) expect(fromBase64Url(other)).toBeUndefined()
    }),
  )
  // The unused bits of the last character have to be zero.
  expect([fromBase64Url('AA'), fromBase64Url('AB')]).toEqual([new Uint8Array([0]), undefined])
})

test('keys and tokens of before are taken when the runtime has lent hashes of its own, and those are what is asked from then on', async () => {
  const { keys, issue, verdict } = keyBench()
  const before = await issue()
  let asked = 0
  // As WebCrypto answers, remembered: the lent ones answer at once.
  const answers = new Map<string, string>()
  const reference = new KeyHashes(pepper)
  answers.set(`sluice key 1\n${before.key}`, await reference.ofKey(before.key))
  const signed = before.jwt.slice(0, before.jwt.lastIndexOf('.'))
  answers.set(signed, await reference.ofToken(signed))
  answers.set('sluice token signing key 1', 'A'.repeat(43))
  keys.hashWith?.(() => (text) => {
    asked += 1
    return answers.get(text) ?? ''
  })
  expect([await verdict(before.key), await verdict(before.jwt)]).toEqual(['ada', 'ada'])
  expect(asked).toBe(3)
})
