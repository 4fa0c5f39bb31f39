import assert from 'node:assert/strict'
import zlib from 'node:zlib'
import { header, type Headers } from '../support/client.ts'
import { eventStream, json, jsonBytes, messageRequest, pieces, steps, streamBytes, streamFrames } from '../support/replies.ts'
import type { Target } from '../support/target.ts'
import type { BehaviourCase } from './case.ts'

const codings = {
  gzip: { encode: zlib.gzipSync, decode: zlib.gunzipSync, stream: () => zlib.createGzip() },
  br: { encode: zlib.brotliCompressSync, decode: zlib.brotliDecompressSync, stream: () => zlib.createBrotliCompress() },
  zstd: { encode: zlib.zstdCompressSync, decode: zlib.zstdDecompressSync, stream: () => zlib.createZstdCompress() },
} as const

type Coding = keyof typeof codings

/** The body as the client reads it: what the headers say is what it is. */
function decoded(headers: Headers, body: Buffer): Buffer {
  const coding = header(headers, 'content-encoding')
  return coding === undefined ? body : codings[coding as Coding].decode(body)
}

async function assertEncoded(
  target: Target,
  coding: Coding,
  profile: 'default' | 'forward',
  status: number,
  headers: Headers,
  bytes: Uint8Array,
): Promise<void> {
  await target.reset()
  const encoded = codings[coding].encode(bytes)
  target.answer({ status, headers: [...headers, ['content-encoding', coding]], steps: steps(pieces(encoded, encoded.length, 200)) })
  const answer = await target.ask({ profile, headers: [['accept-encoding', 'gzip, br, zstd']], body: messageRequest })
  const what = `${coding}, ${profile}, ${status} ${headers[0]?.[1]}`
  assert.equal(answer.status, status, what)
  const isDecoded = target.can.decodes[profile].includes(coding)
  assert.equal(header(answer.headers, 'content-encoding'), isDecoded ? undefined : coding, what)
  assert.deepEqual(decoded(answer.headers, answer.body), Buffer.from(bytes), what)
  if (!isDecoded) assert.deepEqual(answer.body, encoded, `${what}: not encoded anew`)
  assert.equal(target.theCall().header('accept-encoding'), profile === 'forward' ? 'gzip, br, zstd' : 'identity')
  const settlement = await target.theSettlement()
  const isRead = isDecoded || target.can.metersCodings.includes(coding)
  if (status >= 400) assert.equal(settlement.outcome.error?.code, isRead ? 'overloaded_error' : `status-${status}`, what)
  else if (isRead) assert.deepEqual([settlement.outcome.kind, settlement.usage.source, settlement.usage.total.outputTokens], ['completed', 'final', 345], what)
  else assert.equal(settlement.usage.source, 'estimated', what)
}

export const encodingCases: readonly BehaviourCase[] = [
  {
    id: 'encodings',
    title: 'R12 gzip, br and zstd replies, JSON, SSE and errors, reach the client decodable, with headers that fit, and are metered',
    run: async (target) => {
      const error = Buffer.from('{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}')
      for (const coding of Object.keys(codings) as Coding[]) {
        for (const profile of ['default', 'forward'] as const) {
          await assertEncoded(target, coding, profile, 200, json, jsonBytes())
          await assertEncoded(target, coding, profile, 200, eventStream, streamBytes())
          await assertEncoded(target, coding, profile, 529, json, error)
        }
      }
    },
  },
  {
    id: 'encoded-unbuffered',
    title: 'R12 a compressed stream is not buffered: each flushed frame arrives before the next is sent',
    run: async (target) => {
      for (const coding of Object.keys(codings) as Coding[]) {
        await target.reset()
        const parts = await flushedParts(coding, streamFrames())
        const gates = parts.map(() => Promise.withResolvers<void>())
        target.answer({
          status: 200,
          headers: [...eventStream, ['content-encoding', coding]],
          steps: parts.flatMap((bytes, index) => [{ bytes }, { until: (gates[index] as { readonly promise: Promise<void> }).promise }]),
        })
        let released = 0
        const answer = await target.ask({
          profile: 'forward',
          headers: [['accept-encoding', coding]],
          body: messageRequest,
          onChunk: () => {
            gates[released]?.resolve()
            released += 1
          },
        })
        for (const gate of gates) gate.resolve()
        assert.deepEqual(decoded(answer.headers, answer.body), Buffer.from(streamBytes()))
      }
    },
  },
]

/** The coding of frames, flushed after each. */
async function flushedParts(coding: Coding, frames: readonly Uint8Array[]): Promise<Uint8Array[]> {
  const encoder = codings[coding].stream()
  const parts: Uint8Array[] = []
  let part: Buffer[] = []
  encoder.on('data', (chunk: Buffer) => part.push(chunk))
  const take = (): void => {
    if (part.length > 0) parts.push(Buffer.concat(part))
    part = []
  }
  for (const frame of frames) {
    await new Promise<void>((resolve) => {
      encoder.write(frame)
      encoder.flush(() => setImmediate(resolve))
    })
    take()
  }
  await new Promise<void>((resolve) => {
    encoder.once('end', resolve)
    encoder.end()
  })
  take()
  return parts
}
