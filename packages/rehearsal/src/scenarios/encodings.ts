import { once } from 'node:events'
import { constants, createBrotliCompress, createGzip, createZstdCompress, type BrotliCompress, type Gzip, type ZstdCompress } from 'node:zlib'
import { joinBytes } from '../wire/sse.ts'
import { toSteps } from '../wire/reply.ts'
import { messageJson } from '../wire/message.ts'
import { BASE_OPTIONS, baseReply } from './base-reply.ts'
import type { Scenario } from './scenario.ts'

type Encoding = 'gzip' | 'br' | 'zstd'

/** A scenario whose body is compressed, flushed after every event so that nothing waits for the next one. */
function encoding(name: Encoding): Scenario {
  return {
    name,
    summary: `a whole reply in content-encoding ${name}, flushed per event`,
    options: { ...BASE_OPTIONS, 'delay-millis': 'pause between events (0)' },
    wellFormed: true,
    reply: async (stage) => {
      const frames = stage.streams ? stage.frames(baseReply(stage)) : [messageJson(stage.complete(baseReply(stage)))]
      const delay = stage.options.number('delayMillis', 0)
      const steps = toSteps(await compressEach(name, frames)).flatMap((step) => (delay === 0 ? [step] : [step, { waitMillis: delay }]))
      const type = stage.streams ? 'text/event-stream; charset=utf-8' : 'application/json'
      return {
        status: 200,
        headers: [...stage.headers(type), ['content-encoding', name], ['vary', 'Accept-Encoding']],
        steps,
      }
    },
  }
}

/** Compresses frames as one stream; the parts, one a frame and one for the end, join to a valid body. */
export async function compressEach(name: Encoding, frames: readonly Uint8Array[]): Promise<Uint8Array[]> {
  const stream = compressor(name)
  let pending: Uint8Array[] = []
  stream.on('data', (part: Uint8Array) => pending.push(part))
  const take = (): Uint8Array => {
    const part = joinBytes(pending)
    pending = []
    return part
  }
  const parts: Uint8Array[] = []
  for (const frame of frames) {
    stream.write(frame)
    await new Promise<void>((resolve) => stream.flush(name === 'gzip' ? constants.Z_SYNC_FLUSH : undefined, resolve))
    parts.push(take())
  }
  const ended = once(stream, 'end')
  stream.end()
  await ended
  return [...parts, take()]
}

function compressor(name: Encoding): Gzip | BrotliCompress | ZstdCompress {
  if (name === 'gzip') return createGzip()
  return name === 'br' ? createBrotliCompress() : createZstdCompress()
}

export const gzip: Scenario = encoding('gzip')
export const br: Scenario = encoding('br')
export const zstd: Scenario = encoding('zstd')
