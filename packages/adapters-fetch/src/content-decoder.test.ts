import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { contentDecoder } from './content-decoder.ts'

it.each(['constructor', '__proto__', 'toString', 'br, constructor', ''])('the coding "%s", which an upstream may name, has no decoder', (coding) => {
  expect(
    contentDecoder(
      coding,
      () => undefined,
      () => undefined,
    ),
  ).toBeUndefined()
})

const zeros = new Uint8Array(20_000_000)

it.each([
  ['gzip', gzipSync(zeros)],
  ['br', brotliCompressSync(zeros)],
  ['zstd', zstdCompressSync(zeros)],
])('a %s decoder that is stopped hands on nothing more, and who waits for its end waits no longer', async (coding, bytes) => {
  let chunks = 0
  const errors: unknown[] = []
  const decoder = contentDecoder(
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
})
