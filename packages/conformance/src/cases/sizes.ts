import type { ConformanceCase, Severity } from '../case.ts'
import { answer, errorBody, json, messageBody, plainMessage } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { expectAnthropicError, expectBytes, expectSame, expectThat } from './expect.ts'
import { forwarded, pass } from './through.ts'

const SOURCE = 'claudex#6, claude-tap#2, agent-prompttrain#199, cluster-forge#832; Anthropic API docs, request size limits: 32 MB'
const MEGABYTE = 1_000_000

/** Sizes of request bodies, in bytes. */
const SIZES: readonly (readonly [name: string, bytes: number, severity: Severity])[] = [
  ['1KB', 1000, 'must'],
  ['64KB', 65_537, 'must'],
  ['350KB', 350_000, 'must'],
  ['1MB', 1_100_000, 'must'],
  ['5MB', 5 * MEGABYTE, 'must'],
  ['10MB', 10 * MEGABYTE + 1, 'must'],
  ['32MB', 32 * MEGABYTE, 'must'],
  ['33MB', 33 * 1024 * 1024, 'should'],
]

/** A body of exactly so many bytes. */
function bodyOf(lane: string, bytes: number): string {
  const bare = messageBody(lane, { padding: '' })
  return bare.replace('"padding":""', `"padding":"${'p'.repeat(Math.max(0, bytes - bare.length))}"`)
}

const requestCases = SIZES.map(([name, bytes, severity]) =>
  conformanceCase(
    {
      id: `size-request-${name}`,
      group: 'sizes',
      title: `A request of ${name} arrives whole`,
      requirement:
        bytes <= 32 * MEGABYTE
          ? 'The upstream takes 32 MB: a smaller limit in front of it ends sessions that would have gone on.'
          : 'What is too large is for the upstream to say: its 413 is what the client knows.',
      source: SOURCE,
      severity,
    },
    async (context) => {
      let sent = ''
      const seen = await forwarded(context, { body: (lane) => (sent = bodyOf(lane, bytes)) })
      expectBytes(await seen.body(), sent, 'the body at the upstream')
    },
  ),
)

const REPLY_SIZES: readonly (readonly [name: string, bytes: number])[] = [
  ['64KB', 65_537],
  ['1MB', MEGABYTE],
  ['20MB', 20 * MEGABYTE],
]

const replyCases = REPLY_SIZES.map(([name, bytes]) =>
  conformanceCase(
    {
      id: `size-reply-${name}`,
      group: 'sizes',
      title: `A reply of ${name} arrives whole`,
      requirement: 'Replies are not cut, whatever their size: files and batch results are large.',
      source: 'litellm#6404; Anthropic API docs, files',
      severity: 'should',
    },
    async (context) => {
      const body = plainMessage('r'.repeat(bytes))
      const { bytes: came, end } = await pass(context, { script: json(body) })
      expectBytes(came, body, 'the reply')
      expectSame(end, 'complete', 'how the reply ended')
    },
  ),
)

/** Cases about how large things may be. */
export const SIZES_OF_BODIES: readonly ConformanceCase[] = [
  conformanceCase(
    {
      id: 'size-request-1B',
      group: 'sizes',
      title: 'A request of one byte arrives',
      requirement: 'A body is not judged by its size.',
      source: SOURCE,
      severity: 'may',
    },
    async (context) => {
      const seen = await forwarded(context, { body: () => '0' })
      expectBytes(await seen.body(), '0', 'the body at the upstream')
    },
  ),
  ...requestCases,
  ...replyCases,
  conformanceCase(
    {
      id: 'size-upstream-413',
      group: 'sizes',
      title: 'The upstream’s 413 reaches the client unchanged',
      requirement: 'Claude Code answers it by making the request smaller.',
      source: 'context-guru#278, CLIProxyAPI#3880',
      severity: 'must',
    },
    async (context) => {
      const body = errorBody('request_too_large', 'Request exceeds the maximum size')
      const { reply, bytes } = await pass(context, {
        body: (lane) => bodyOf(lane, 3 * MEGABYTE),
        script: answer(413, [['Content-Type', 'application/json']], body),
      })
      expectSame(reply.status, 413, 'status')
      expectBytes(bytes, body, 'the error at the client')
    },
  ),
  conformanceCase(
    {
      id: 'size-early-answer',
      group: 'sizes',
      title: 'An upstream that answers before it has read the body is heard',
      requirement: 'A refusal that comes early is passed on, not turned into a broken connection.',
      source: 'RFC 9112 §9.5; agent-prompttrain#199',
      severity: 'should',
      disturbs: true,
    },
    async (context) => {
      const body = errorBody('request_too_large', 'Request exceeds the maximum size')
      const { reply } = await pass(context, {
        body: (lane) => bodyOf(lane, 8 * MEGABYTE),
        script: async (turn) => {
          turn.head(413, [
            ['Content-Type', 'application/json'],
            ['Content-Length', String(body.length)],
          ])
          turn.end(body)
          // Reads on, so that the answer is not lost to a reset.
          await turn.request.body().catch(() => undefined)
        },
      })
      expectSame(reply.status, 413, 'status')
    },
  ),
  conformanceCase(
    {
      id: 'size-own-limit',
      group: 'sizes',
      title: 'A gateway’s own limit is answered with a 413 that the SDKs read',
      requirement: 'A limit of the gateway says whose it is, in the vendor’s form: request_too_large. Skipped where 100 MB pass.',
      source: 'evenfire#287, cc-router#41; Claude gateway protocol 2.1.330 §Errors',
      severity: 'should',
    },
    async (context) => {
      const lane = context.lane(json(plainMessage()))
      const length = 100 * MEGABYTE
      const connection = await context.connect()
      const head = context.clientHeaders({ lane: lane.id, body: '' }).filter(([name]) => name.toLowerCase() !== 'content-length')
      connection.write(
        `POST ${context.pathOf('/v1/messages')} HTTP/1.1\r\n${[...head, ['Content-Length', String(length)]].map(([name, value]) => `${name}: ${value}`).join('\r\n')}\r\n\r\n`,
      )
      // Most gateways judge by the announced length; for the others the body follows.
      const early = await connection.settled(context.graceMillis)
      if (early.text === '') {
        const piece = Buffer.alloc(MEGABYTE, 0x20)
        for (let sent = 0; sent < length; sent += piece.length) connection.write(piece)
      }
      const text = await connection.until((each) => /\r\n\r\n[^]*\}/.test(each) || each.startsWith('HTTP/1.1 200'), 'an answer to 100 MB')
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0)
      if (status === 200) return { verdict: 'skip', detail: 'the gateway has no limit below 100 MB' }
      expectSame(status, 413, 'status')
      const body = text.slice(text.indexOf('\r\n\r\n') + 4)
      expectThat(body.includes('"request_too_large"') && body.includes('"error"'), 'the body of the 413 is not an Anthropic error')
      return { verdict: 'pass' }
    },
  ),
  conformanceCase(
    {
      id: 'size-chunked-request',
      group: 'sizes',
      title: 'A chunked request is taken, or refused with a 411 that the SDKs read',
      requirement: 'Clients of other make do not announce a length. A gateway may ask for one.',
      source: 'Claude gateway protocol 2.1.330 §Messages; RFC 9112 §6.3',
      severity: 'should',
    },
    async (context) => {
      let sent = ''
      const { lane, reply, bytes } = await pass(context, { chunked: true, body: (each) => (sent = messageBody(each)) })
      if (reply.status === 411) {
        expectAnthropicError(reply, bytes)
        return
      }
      const seen = lane.requests[0]
      expectThat(seen !== undefined, `not forwarded: status ${reply.status}`)
      expectBytes(await seen.body(), sent, 'the body at the upstream')
    },
  ),
]
