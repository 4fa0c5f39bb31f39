import { createHash } from 'node:crypto'
import zlib from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { contentDecoder } from './content-decoder.ts'
import { fetchDigests } from './digests.ts'

const bytes = Buffer.from('event: ping\ndata: {"type": "ping"}\n\n'.repeat(1000))

describe('contentDecoder', () => {
  const encoders = { gzip: zlib.gzipSync, 'x-gzip': zlib.gzipSync, deflate: zlib.deflateSync, br: zlib.brotliCompressSync, zstd: zlib.zstdCompressSync }

  for (const [coding, encodeSync] of Object.entries(encoders)) {
    test(`decodes ${coding} in pieces`, async () => {
      const got: Uint8Array[] = []
      const errors: unknown[] = []
      const decoder = contentDecoder(
        coding,
        (chunk) => got.push(chunk),
        (error) => errors.push(error),
      )
      const encoded = encodeSync(bytes)
      for (let at = 0; at < encoded.length; at += 7) decoder?.write(encoded.subarray(at, at + 7))
      await decoder?.end()
      expect([Buffer.concat(got).equals(bytes), errors]).toEqual([true, []])
    })

    test(`reports broken ${coding} once, and ends`, async () => {
      const errors: unknown[] = []
      const decoder = contentDecoder(
        coding,
        () => undefined,
        (error) => errors.push(error),
      )
      for (let round = 0; round < 3; round += 1) decoder?.write(Buffer.from('this is not compressed at all'))
      await decoder?.end()
      expect(errors.length).toBe(1)
    })
  }

  test('has none for an unknown coding', () => {
    expect(
      contentDecoder(
        'compress',
        () => undefined,
        () => undefined,
      ),
    ).toBeUndefined()
  })
})

test('sha256 digests agree with the native ones, and forks go on by themselves', () => {
  const digest = fetchDigests.sha256?.create()
  digest?.update(bytes)
  const fork = digest?.fork()
  fork?.update(bytes)
  const native = (...parts: readonly Uint8Array[]): string => `sha256:${createHash('sha256').update(Buffer.concat(parts)).digest('hex')}`
  expect([digest?.value(), fork?.value(), digest?.value()]).toEqual([native(bytes), native(bytes, bytes), native(bytes)])
})
