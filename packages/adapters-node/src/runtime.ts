import { checksumDigests, crc32, type ContentDecoder, type Digest, type DigestFactory, type KeyedHash, type Runtime } from '@sluice/core'
import { createHash, createHmac, createSecretKey, type Hash } from 'node:crypto'
import type { Transform } from 'node:stream'
import zlib from 'node:zlib'
import { undiciTransport, type ConnectionOptions } from './undici-transport.ts'

/** Options of {@link nodeRuntime}. */
export interface NodeRuntimeOptions extends ConnectionOptions {}

/** Core's {@link Runtime} on Node. Own the one you make: `close` it when its gateways are done. */
export interface NodeRuntime extends Runtime {
  /** Closes the connections to upstreams. */
  readonly close: () => Promise<void>
}

/** undici as transport, native checksums and decoders. */
export function nodeRuntime(options: NodeRuntimeOptions = {}): NodeRuntime {
  const transport = undiciTransport(options)
  return {
    transport,
    digests: { crc32: checksumDigests(nativeCrc32), sha256: sha256Digests },
    decoder: (coding, onBytes, onError) => {
      const stream = decoderStream(coding)
      return stream && contentDecoder(stream, onBytes, onError)
    },
    keyedHash,
    close: transport.close,
  }
}

/** The key is made ready once: given as bytes it would be with each text. */
function keyedHash(key: Uint8Array): KeyedHash {
  const secret = createSecretKey(key)
  return (text) => createHmac('sha256', secret).update(text).digest('base64url')
}

/** Below this many bytes the call into native code costs more than the sum itself. */
const nativeFromBytes = 256

function nativeCrc32(chunk: Uint8Array, previous: number): number {
  return chunk.length < nativeFromBytes ? crc32(chunk, previous) : zlib.crc32(chunk, previous)
}

const sha256Digests: DigestFactory = { algorithm: 'sha256', create: () => sha256Digest(createHash('sha256')) }

function sha256Digest(hash: Hash): Digest {
  return {
    update: (chunk) => void hash.update(chunk),
    fork: () => sha256Digest(hash.copy()),
    value: () => `sha256:${hash.copy().digest('hex')}`,
  }
}

function decoderStream(coding: string): Transform | undefined {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return zlib.createGunzip()
    case 'deflate':
      return zlib.createInflate()
    case 'br':
      return zlib.createBrotliDecompress()
    case 'zstd':
      return zlib.createZstdDecompress()
    default:
      return undefined
  }
}

function contentDecoder(stream: Transform, onBytes: (chunk: Uint8Array) => void, onError: (error: unknown) => void): ContentDecoder {
  let isOver = false
  const ended = new Promise<void>((resolve) => {
    stream.on('data', onBytes)
    stream.once('end', resolve)
    // Stopped, it never ends.
    stream.once('close', resolve)
    stream.once('error', (error) => {
      isOver = true
      onError(error)
      resolve()
    })
  })
  return {
    write: (chunk) => {
      if (!isOver) stream.write(chunk)
    },
    end: () => {
      if (!isOver) stream.end()
      return ended
    },
    stop: () => {
      isOver = true
      stream.destroy()
    },
  }
}
