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
