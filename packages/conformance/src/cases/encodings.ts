import {
  brotliCompressSync,
  brotliDecompressSync,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  gunzipSync,
  gzipSync,
  constants,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib'
import type { ConformanceCase } from '../case.ts'
import type { ClientReply } from '../client/client-call.ts'
import { valueOf } from '../headers.ts'
import { Unmet } from '../unmet.ts'
import type { UpstreamScript } from '../upstream/lane.ts'
import { errorBody, messageBody, plainMessage, STREAM_HEADERS, textStream } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { expectBytes, expectSame, expectThat } from './expect.ts'
import { pass } from './through.ts'

const SOURCE = 'CLIProxyAPI#1834, OmniRoute#2291, claude-relay-service#1030; regression R12'

/** A content coding, as upstreams and clients do it. */
interface Coding {
  readonly name: 'gzip' | 'br' | 'zstd'
  readonly encode: (text: string) => Buffer
  readonly decode: (bytes: Buffer) => Buffer
}

const CODINGS: readonly Coding[] = [
  { name: 'gzip', encode: (text) => gzipSync(text), decode: (bytes) => gunzipSync(bytes) },
  { name: 'br', encode: (text) => brotliCompressSync(text), decode: (bytes) => brotliDecompressSync(bytes) },
  { name: 'zstd', encode: (text) => zstdCompressSync(text), decode: (bytes) => zstdDecompressSync(bytes) },
]

/** What a client makes of a body: it believes the head. */
function decoded(reply: ClientReply, bytes: Buffer): Buffer {
  const coding = reply.header('content-encoding')?.toLowerCase() ?? 'identity'
  if (coding === 'identity') return bytes
  const known = CODINGS.find(({ name }) => name === coding)
  if (known === undefined) throw new Unmet(`content-encoding ${coding}, which nobody asked for`)
  try {
    return known.decode(bytes)
  } catch {
    throw new Unmet(`content-encoding ${coding}, but the body is not that: it begins ${bytes.subarray(0, 8).toString('hex')}`)
  }
}

/** Answers in a coding where the request allows it, as a well-behaved upstream does. */
function coded(coding: Coding, status: number, type: string, text: string): UpstreamScript {
  return async (turn) => {
    await turn.request.body()
    const allows = (valueOf(turn.request.headers, 'accept-encoding') ?? '')
      .toLowerCase()
      .split(',')
      .some((each) => each.trim().split(';')[0] === coding.name)
    const body = allows ? coding.encode(text) : Buffer.from(text)
    turn.head(status, [
      ['Content-Type', type],
      ['x-should-retry', 'false'],
      ['Content-Length', String(body.length)],
      ...(allows ? [['Content-Encoding', coding.name] as const] : []),
    ])
    turn.end(body)
  }
}

const KINDS: readonly (readonly [kind: string, status: number, type: string, text: string])[] = [
  ['json', 200, 'application/json', plainMessage('é'.repeat(5000))],
  ['stream', 200, 'text/event-stream; charset=utf-8', textStream(['żółć ', '漢字 ', 'x'.repeat(9000)]).join('')],
  ['error', 400, 'application/json', errorBody('invalid_request_error', 'é'.repeat(3000))],
]

const codedCases = CODINGS.flatMap((coding) =>
  KINDS.map(([kind, status, type, text]) =>
    conformanceCase(
      {
        id: `encoding-${coding.name}-${kind}`,
        group: 'encodings',
        title: `A client that takes ${coding.name} can read ${kind === 'json' ? 'a JSON reply' : kind === 'stream' ? 'a stream' : 'an error'}`,
        requirement: 'Body, content-encoding and content-length fit each other, whether the gateway passes the coding on, undoes it or asks for none.',
        source: SOURCE,
        severity: 'must',
      },
      async (context) => {
        const { reply, bytes, end } = await pass(context, {
          headers: [['Accept-Encoding', `${coding.name}, gzip;q=0.5`]],
          body: (lane) => messageBody(lane, { stream: kind === 'stream' }),
          script: coded(coding, status, type, text),
        })
        expectSame([reply.status, end], [status, 'complete'], 'status and end')
        expectBytes(decoded(reply, bytes), text, 'the decoded body')
      },
    ),
  ),
)

/** Cases about content codings. */
export const ENCODINGS: readonly ConformanceCase[] = [
  ...codedCases,
  ...KINDS.map(([kind, status, type, text]) =>
    conformanceCase(
      {
        id: `encoding-identity-${kind}`,
        group: 'encodings',
        title: `A client that takes no coding gets none (${kind})`,
        requirement: 'What the client cannot decode is not sent to it, also if the gateway asks the upstream for codings by itself.',
        source: 'RFC 9110 §12.5.3; loreai#1711',
        severity: 'must',
      },
      async (context) => {
        const gzip = CODINGS[0] as Coding
        const { reply, bytes } = await pass(context, {
          headers: [['Accept-Encoding', 'identity']],
          body: (lane) => messageBody(lane, { stream: kind === 'stream' }),
          script: coded(gzip, status, type, text),
        })
        expectThat([undefined, 'identity'].includes(reply.header('content-encoding')), `content-encoding ${reply.header('content-encoding') ?? ''}`)
        expectBytes(bytes, text, 'the body')
      },
    ),
  ),
  conformanceCase(
    {
      id: 'encoding-claude-code',
      group: 'encodings',
      title: 'With the codings that Claude Code takes, each event still comes by itself',
      requirement: 'Where a coding is used in a stream, it is flushed at each event.',
      source: 'terrapod#71, ayunis#656; wire of Claude Code 2.1.330',
      severity: 'must',
    },
    async (context) => {
      const frames = textStream()
      const { promise: seen, resolve: see } = Promise.withResolvers<void>()
      let coding = 'identity'
      const lane = context.lane(async (turn) => {
        await turn.request.body()
        const accepted = (valueOf(turn.request.headers, 'accept-encoding') ?? '').toLowerCase()
        coding = CODINGS.find(({ name }) => accepted.includes(name))?.name ?? 'identity'
        turn.head(200, [...STREAM_HEADERS, ...(coding === 'identity' ? [] : [['Content-Encoding', coding] as const])])
        const encoder =
          coding === 'gzip'
            ? createGzip({ flush: constants.Z_SYNC_FLUSH })
            : coding === 'br'
              ? createBrotliCompress({ flush: constants.BROTLI_OPERATION_FLUSH })
              : createZstdCompress({ flush: constants.ZSTD_e_flush })
        if (coding === 'identity') {
          await turn.write(frames[0] ?? '')
          await seen
          turn.end(frames.slice(1).join(''))
          return
        }
        encoder.on('data', (chunk: Buffer) => void turn.write(chunk))
        encoder.on('end', () => turn.end())
        encoder.write(frames[0] ?? '')
        await seen
        encoder.end(frames.slice(1).join(''))
      })
      const reply = await context.send({
        lane: lane.id,
        headers: [['Accept-Encoding', 'gzip, deflate, br, zstd']],
        body: messageBody(lane.id, { stream: true }),
      })
      // With a coding, its header alone may come at once: some bytes of the first event are enough to tell.
      await reply.atLeast(reply.header('content-encoding') === undefined ? Buffer.byteLength(frames[0] ?? '') : 40)
      see()
      const { bytes, end } = await reply.read()
      expectSame(end, 'complete', 'how the stream ended')
      expectBytes(decoded(reply, bytes), frames.join(''), 'the decoded stream')
    },
  ),
  conformanceCase(
    {
      id: 'encoding-none-added',
      group: 'encodings',
      title: 'A stream is not compressed by the gateway itself',
      requirement: 'Compression that is not the upstream’s buffers events.',
      source: 'terrapod#71, Kong/kong#14425',
      severity: 'should',
    },
    async (context) => {
      const { reply, bytes } = await pass(context, {
        headers: [['Accept-Encoding', 'gzip, deflate, br, zstd']],
        body: (lane) => messageBody(lane, { stream: true }),
        script: async (turn) => {
          await turn.request.body()
          turn.head(200, STREAM_HEADERS)
          turn.end(textStream().join(''))
        },
      })
      expectSame(reply.header('content-encoding'), undefined, 'content-encoding')
      expectBytes(bytes, textStream().join(''), 'the stream')
    },
  ),
]
