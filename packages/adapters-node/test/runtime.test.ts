import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { nodeRuntime } from '../src/index.ts'

const zeros = new Uint8Array(20_000_000)

it.each([
  ['gzip', gzipSync(zeros)],
  ['deflate', deflateSync(zeros)],
  ['br', brotliCompressSync(zeros)],
  ['zstd', zstdCompressSync(zeros)],
])('a %s decoder that is stopped hands on nothing more, and who waits for its end waits no longer', async (coding, bytes) => {
  const runtime = nodeRuntime()
  let chunks = 0
  const errors: unknown[] = []
  const decoder = runtime.decoder?.(
    coding,
    () => {
      chunks += 1
      decoder?.stop?.()
    },
    (error) => void errors.push(error),
  )
  decoder?.write(bytes)
  await decoder?.end()
  expect([chunks, errors]).toEqual([1, []])
  await runtime.close()
})

it.each(['constructor', '__proto__', 'gzip, gzip', ''])('the coding "%s", which an upstream may name, has no decoder', async (coding) => {
  const runtime = nodeRuntime()
  expect(
    runtime.decoder?.(
      coding,
      () => undefined,
      () => undefined,
    ),
  ).toBeUndefined()
  await runtime.close()
})

it('hashes texts under a key as WebCrypto does, lone surrogates and empty texts included', async () => {
  const runtime = nodeRuntime()
  const key = new TextEncoder().encode('a key of more than sixty-four bytes, so that it is hashed itself before it is used')
  const hash = runtime.keyedHash?.(key)
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  for (const text of ['', 'sluice_live_12345678_secret', 'ü 🛶', '\ud83d alone', 'x'.repeat(10_000)]) {
    const expected = await crypto.subtle.sign('HMAC', imported, new TextEncoder().encode(text))
    expect(hash?.(text)).toBe(Buffer.from(expected).toString('base64url'))
  }
  await runtime.close()
})
