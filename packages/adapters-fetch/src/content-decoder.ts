import type { ContentDecoder, DecoderFactory } from '@sluice/core'
import { nodeZlib, type NodeTransform } from './surroundings.ts'

/** Names in `DecompressionStream` of the codings of HTTP; the last two only on some runtimes. */
const formats: ReadonlyMap<string, string> = new Map(Object.entries({ gzip: 'gzip', 'x-gzip': 'gzip', deflate: 'deflate', br: 'brotli', zstd: 'zstd' }))

const nodeDecoders: Readonly<Record<string, (() => NodeTransform) | undefined>> = {
  br: nodeZlib?.createBrotliDecompress,
  zstd: nodeZlib?.createZstdDecompress,
}

/** Decodes with `DecompressionStream` where it knows the coding, else with `node:zlib` where the runtime has it. */
export const contentDecoder: DecoderFactory = (coding, onBytes, onError) => {
  const format = formats.get(coding)
  if (format === undefined) return undefined
  let pair: DecompressionStream
  try {
    pair = new DecompressionStream(format as CompressionFormat)
  } catch {
    const make = nodeDecoders[coding]
    return make && nodeDecoder(make(), onBytes, onError)
  }
  return streamDecoder(pair, onBytes, onError)
}

type CompressionFormat = ConstructorParameters<typeof DecompressionStream>[0]

function streamDecoder({ readable, writable }: DecompressionStream, onBytes: (chunk: Uint8Array) => void, onError: (error: unknown) => void): ContentDecoder {
  const writer = writable.getWriter()
  const reader = readable.getReader() as ReadableStreamDefaultReader<Uint8Array>
  let isStopped = false
  const read = async (): Promise<void> => {
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (done || isStopped) return
        onBytes(value)
      }
    } catch (error) {
      if (!isStopped) onError(error)
    }
  }
  const ended = read()
  // A broken stream is reported by the reader, once.
  const ignore = (): undefined => undefined
  writer.closed.catch(ignore)
  return {
    write: (chunk) => void writer.write(chunk as Uint8Array<ArrayBuffer>).catch(ignore),
    end: () => {
      writer.close().catch(ignore)
      return ended
    },
    stop: () => {
      isStopped = true
      writer.abort().catch(ignore)
      reader.cancel().catch(ignore)
    },
  }
}

function nodeDecoder(stream: NodeTransform, onBytes: (chunk: Uint8Array) => void, onError: (error: unknown) => void): ContentDecoder {
  let isOver = false
  const ended = new Promise<void>((resolve) => {
    stream.on('data', onBytes)
    stream.on('end', resolve)
    // Stopped, it never ends.
    stream.on('close', resolve)
    stream.on('error', (error: unknown) => {
      if (isOver) return
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
