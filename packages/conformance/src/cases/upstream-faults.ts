import type { CaseContext, ConformanceCase } from '../case.ts'
import type { UpstreamTurn } from '../upstream/lane.ts'
import { messageBody, plainMessage, STREAM_HEADERS, textStream } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { brief, expectAnthropicError, expectSame, expectThat } from './expect.ts'
import { pass, type Passage } from './through.ts'

const FRAMES = textStream()
const SOURCE = 'litellm#41826, TRTLLM#18289, cindy#1055, Portkey#741; regression R7'

/** Asks that a stream that died does not look as if it had ended. */
function expectNoCleanEnd({ reply, bytes, end }: Passage, sent: string): void {
  const text = bytes.toString('utf8')
  if (reply.status !== 200) {
    // Nothing had been handed on yet, so that a status could still be chosen.
    expectThat(reply.status >= 500, `status ${reply.status}`)
    return
  }
  expectThat(sent.includes('event: message_stop') || !text.includes('message_stop'), 'a message_stop was made up')
  expectThat(!/"stop_reason":"/.test(text.slice(sent.length)), 'a stop_reason was made up')
  const events = text.split('\n\n').filter((each) => each.trim() !== '')
  const saysError = /^event: ?error\r?$/m.test(events.at(-1) ?? '') && (events.at(-1) ?? '').includes('"type":"error"')
  expectThat(end === 'broken' || saysError, `the stream ends in order after ${brief(events.at(-1))}, as if the answer were whole`)
}

/** Cuts the stream after so many frames, in one of two ways. */
function cutCase(after: number, how: 'reset' | 'close'): ConformanceCase {
  const where = after === 0 ? 'after the head' : `after event ${after} of ${FRAMES.length}`
  return conformanceCase(
    {
      id: `cut-${how}-${after}`,
      group: 'upstream-faults',
      title: `An upstream that ${how === 'reset' ? 'resets' : 'closes'} ${where} never looks like a clean end`,
      requirement: 'The client gets an `event: error`, or a broken connection; no message_stop and no stop_reason that the upstream did not send.',
      source: SOURCE,
      severity: 'must',
      disturbs: true,
    },
    async (context) => {
      const sent = FRAMES.slice(0, after).join('')
      const passage = await pass(context, {
        body: (lane) => messageBody(lane, { stream: true }),
        script: async (turn) => {
          await turn.request.body()
          turn.head(200, STREAM_HEADERS)
          for (const each of FRAMES.slice(0, after)) await turn.write(each)
          await settle(turn)
          if (how === 'reset') turn.reset()
          else turn.close()
        },
      })
      expectNoCleanEnd(passage, sent)
      expectThat(after === 0 || passage.lane.requests.length === 1, `the upstream was asked ${passage.lane.requests.length} times`)
      if (passage.reply.status === 200)
        expectThat(passage.bytes.toString('utf8').startsWith(sent) || how === 'reset', 'events that had come before the cut were lost')
    },
  )
}

/** Lets what was written leave before the connection is broken off: a reset may overtake it. */
function settle(turn: UpstreamTurn): Promise<void> {
  return turn.isGone()
    ? Promise.resolve()
    : new Promise((resolve) => {
        setTimeout(resolve, 20)
      })
}

/** Faults before the first byte of a reply. */
const BEFORE_HEAD: readonly (readonly [id: string, title: string, act: (turn: UpstreamTurn) => void])[] = [
  ['reset', 'An upstream that resets before it answers', (turn) => turn.reset()],
  ['close', 'An upstream that closes before it answers', (turn) => turn.close()],
  [
    'garbage',
    'An upstream that answers something that is not HTTP',
    (turn) => {
      turn.raw('SSH-2.0-OpenSSH_9.9\r\n\r\n')
      turn.close()
    },
  ],
  [
    'torn-head',
    'An upstream whose head breaks off',
    (turn) => {
      turn.raw('HTTP/1.1 200 OK\r\nContent-Type: text/ev')
      turn.close()
    },
  ],
]

function expectGatewayError({ reply, bytes }: Passage): void {
  expectThat(reply.status >= 500 && reply.status <= 599, `status ${reply.status}: Claude Code retries 5xx`)
  expectThat(reply.status !== 501, 'status 501 says that the endpoint does not exist')
  expectAnthropicError(reply, bytes)
}

const beforeHeadCases = BEFORE_HEAD.map(([id, title, act]) =>
  conformanceCase(
    {
      id: `fault-${id}`,
      group: 'upstream-faults',
      title: `${title} becomes a 5xx with an Anthropic error`,
      requirement: 'What the gateway answers by itself can be read by the SDKs and is retried by Claude Code.',
      source: 'aisix#352, litellm#39589; Claude gateway protocol 2.1.330 §Errors',
      severity: 'must',
      disturbs: true,
    },
    async (context) => {
      expectGatewayError(
        await pass(context, {
          body: (lane) => messageBody(lane, { stream: true }),
          script: async (turn) => {
            await turn.request.body()
            act(turn)
          },
        }),
      )
    },
  ),
)

/** Replies that break off in ways that only framing shows. */
const TORN: readonly (readonly [id: string, title: string, act: (turn: UpstreamTurn) => Promise<void>])[] = [
  [
    'in-frame',
    'A stream that is cut inside an event',
    async (turn) => {
      turn.head(200, STREAM_HEADERS)
      await turn.write(FRAMES.slice(0, 2).join(''))
      await turn.write((FRAMES[2] ?? '').slice(0, 40))
      await settle(turn)
      turn.close()
    },
  ],
  [
    'in-character',
    'A stream that is cut inside a character',
    async (turn) => {
      turn.head(200, STREAM_HEADERS)
      await turn.write(FRAMES.slice(0, 2).join(''))
      await turn.write(
        Buffer.from('event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"👩').subarray(0, -1),
      )
      await settle(turn)
      turn.close()
    },
  ],
  [
    'bad-chunk',
    'A stream whose chunk framing is broken',
    async (turn) => {
      turn.raw('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
      const first = FRAMES.slice(0, 2).join('')
      turn.raw(`${Buffer.byteLength(first).toString(16)}\r\n${first}\r\n`)
      await settle(turn)
      turn.raw('zz\r\nnonsense\r\n')
      await settle(turn)
      turn.close()
    },
  ],
  [
    'short-length',
    'A stream that is shorter than announced',
    async (turn) => {
      turn.head(200, [...STREAM_HEADERS, ['Content-Length', '100000']])
      await turn.write(FRAMES.slice(0, 4).join(''))
      await settle(turn)
      turn.close()
    },
  ],
]

const tornCases = TORN.map(([id, title, act]) =>
  conformanceCase(
    {
      id: `torn-${id}`,
      group: 'upstream-faults',
      title: `${title} never looks like a clean end`,
      requirement: 'The client gets an `event: error`, or a broken connection.',
      source: SOURCE,
      severity: 'must',
      disturbs: true,
    },
    async (context) => {
      const passage = await pass(context, {
        body: (lane) => messageBody(lane, { stream: true }),
        script: async (turn) => {
          await turn.request.body()
          await act(turn)
        },
      })
      expectNoCleanEnd(passage, FRAMES.slice(0, 4).join(''))
      expectSame(passage.lane.requests.length, 1, 'requests at the upstream')
    },
  ),
)

async function plainAfter(context: CaseContext): Promise<void> {
  const { reply, lane } = await pass(context)
  expectSame([reply.status, lane.requests.length], [200, 1], 'status and upstream requests of the next exchange')
}

/** Cases about upstreams that break. */
export const UPSTREAM_FAULTS: readonly ConformanceCase[] = [
  ...FRAMES.flatMap((_, after) => [cutCase(after, 'reset'), cutCase(after, 'close')]),
  ...tornCases,
  ...beforeHeadCases,
  conformanceCase(
    {
      id: 'torn-json',
      group: 'upstream-faults',
      title: 'A JSON reply that breaks off does not reach the client as a whole one',
      requirement: 'Half a message with a 200 and an orderly end is taken for a malformed answer, or for a whole one.',
      source: SOURCE,
      severity: 'must',
      disturbs: true,
    },
    async (context) => {
      const body = plainMessage()
      const { reply, end } = await pass(context, {
        script: async (turn) => {
          await turn.request.body()
          turn.head(200, [
            ['Content-Type', 'application/json'],
            ['Content-Length', String(body.length)],
          ])
          await turn.write(body.slice(0, 50))
          await settle(turn)
          turn.close()
        },
      })
      expectThat(reply.status >= 500 || end === 'broken', `status ${reply.status} with an orderly end`)
    },
  ),
  conformanceCase(
    {
      id: 'torn-json-chunked',
      group: 'upstream-faults',
      title: 'A chunked JSON reply that breaks off does not reach the client as a whole one',
      requirement: 'A missing last chunk is a broken reply.',
      source: 'RFC 9112 §8',
      severity: 'must',
      disturbs: true,
    },
    async (context) => {
      const { reply, end } = await pass(context, {
        script: async (turn) => {
          await turn.request.body()
          turn.head(200, [['Content-Type', 'application/json']])
          await turn.write(plainMessage().slice(0, 50))
          await settle(turn)
          turn.close()
        },
      })
      expectThat(reply.status >= 500 || end === 'broken', `status ${reply.status} with an orderly end`)
    },
  ),
  conformanceCase(
    {
      id: 'fault-connect',
      group: 'upstream-faults',
      title: 'An upstream that takes no connection becomes a 5xx with an Anthropic error',
      requirement: 'What the gateway answers by itself can be read by the SDKs and is retried by Claude Code.',
      source: 'aisix#352; Claude gateway protocol 2.1.330 §Errors',
      severity: 'must',
      disturbs: true,
    },
    async (context) => {
      const down = await context.upstreamDown()
      try {
        expectGatewayError(await pass(context, { body: (lane) => messageBody(lane, { stream: true }) }))
      } finally {
        await down.resume()
      }
    },
  ),
  conformanceCase(
    {
      id: 'fault-connect-json',
      group: 'upstream-faults',
      title: 'The same holds for a request that does not stream, and the answer is JSON',
      requirement: 'The error’s content type is application/json.',
      source: 'evenfire#287; Anthropic API docs, errors',
      severity: 'should',
      disturbs: true,
    },
    async (context) => {
      const down = await context.upstreamDown()
      try {
        const passage = await pass(context)
        expectGatewayError(passage)
        expectThat(
          passage.reply.header('content-type')?.startsWith('application/json') === true,
          `content-type ${passage.reply.header('content-type') ?? 'missing'}`,
        )
      } finally {
        await down.resume()
      }
    },
  ),
  conformanceCase(
    {
      id: 'fault-no-secrets',
      group: 'upstream-faults',
      title: 'An error of the gateway names no stack and no path of its own',
      requirement: 'What went wrong inside is for the operator’s log.',
      source: 'claude-code-router#527, litellm#39964',
      severity: 'should',
      disturbs: true,
    },
    async (context) => {
      const down = await context.upstreamDown()
      try {
        const { bytes } = await pass(context)
        const text = bytes.toString('utf8')
        expectThat(!/\bat \S+ \(|node_modules|Traceback|\.(?:js|ts|py|go|rs):\d+/.test(text), `the answer shows the inside: ${brief(text)}`)
      } finally {
        await down.resume()
      }
    },
  ),
  conformanceCase(
    {
      id: 'fault-recovers',
      group: 'upstream-faults',
      title: 'The exchange after a cut stream goes through',
      requirement: 'One broken stream does not keep others from the upstream.',
      source: 'headroom#1639, claude-code-hub#1134',
      severity: 'must',
      disturbs: true,
    },
    async (context) => {
      await pass(context, {
        body: (lane) => messageBody(lane, { stream: true }),
        script: async (turn) => {
          await turn.request.body()
          turn.head(200, STREAM_HEADERS)
          await turn.write(FRAMES[0] ?? '')
          await settle(turn)
          turn.reset()
        },
      })
      await plainAfter(context)
    },
  ),
]
