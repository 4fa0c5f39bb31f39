import type { CaseContext, ConformanceCase } from '../case.ts'
import { block, json, messageBody, messageEnd, messageStart, PING, plainMessage, STREAM_HEADERS, textStream } from '../upstream/replies.ts'
import type { UpstreamTurn } from '../upstream/lane.ts'
import { conformanceCase, type Check } from './conformance-case.ts'
import { expectSame, expectThat } from './expect.ts'
import { pass } from './through.ts'

const SOURCE = 'Kong/kong#12680, litellm#28384, terrapod#71; Anthropic docs, llm-gateway-protocol: stream'

/**
 * Sends a stream piece by piece, each only when the client has all that went before. Nothing is measured by a clock: a gateway that holds a piece
 * back never gets the next.
 */
function causal(pieces: readonly string[], options: { readonly headers?: typeof STREAM_HEADERS } = {}): Check {
  return async (context) => {
    const turns = handOver<UpstreamTurn>()
    const done = handOver<void>()
    const lane = context.lane(async (turn) => {
      await turn.request.body()
      turn.head(200, options.headers ?? STREAM_HEADERS)
      // The head alone may be held back until there is a body: the first piece follows at once.
      await turn.write(pieces[0] ?? '')
      turns.give(turn)
      await done.taken
    })
    const reply = await context.send({ lane: lane.id, body: messageBody(lane.id, { stream: true }) })
    const turn = await turns.taken
    let sent = Buffer.byteLength(pieces[0] ?? '')
    await reply.atLeast(sent)
    for (const [index, piece] of pieces.slice(1).entries()) {
      await turn.write(piece)
      sent += Buffer.byteLength(piece)
      await naming(`piece ${index + 2} of ${pieces.length} was held back`, reply.atLeast(sent))
    }
    turn.end()
    done.give()
    expectSame((await reply.read()).end, 'complete', 'how the stream ended')
  }
}

async function naming(what: string, promise: Promise<void>): Promise<void> {
  try {
    await promise
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error)
    expectThat(false, `${what}: ${because}`)
  }
}

interface HandOver<T> {
  readonly give: (value: T) => void
  readonly taken: Promise<T>
}

function handOver<T>(): HandOver<T> {
  const { promise, resolve } = Promise.withResolvers<T>()
  return { give: resolve, taken: promise }
}

const REQUIREMENT = 'Each event reaches the client before the upstream sends the next: nothing is held back to be sent in bulk.'

/** A stream that has begun and stands still, for as long as the check runs. */
async function standing(context: CaseContext, check: () => Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const lane = context.lane(async (turn) => {
    await turn.request.body()
    turn.head(200, STREAM_HEADERS)
    await turn.write(messageStart())
    await promise
    turn.end()
  })
  const reply = await context.send({ lane: lane.id, body: messageBody(lane.id, { stream: true }) })
  await reply.atLeast(Buffer.byteLength(messageStart()))
  await check()
  resolve()
  await reply.read()
}

/** Cases about when a reply reaches the client. */
export const STREAMING: readonly ConformanceCase[] = [
  conformanceCase(
    {
      id: 'delay-each-event',
      group: 'streaming',
      title: 'Event n reaches the client before event n+1 is sent',
      requirement: REQUIREMENT,
      source: SOURCE,
      severity: 'must',
    },
    causal(textStream(['one ', 'two ', 'three ', 'four ', 'five '])),
  ),
  conformanceCase(
    {
      id: 'delay-small-events',
      group: 'streaming',
      title: 'A hundred events of one word each are passed one by one',
      requirement: REQUIREMENT,
      source: SOURCE,
      severity: 'must',
    },
    causal(textStream(Array.from({ length: 100 }, (_, index) => `${index} `))),
  ),
  conformanceCase(
    {
      id: 'delay-crlf',
      group: 'streaming',
      title: 'Events with CRLF line ends are passed one by one',
      requirement: REQUIREMENT,
      source: 'praxis#739; WHATWG HTML §9.2.6',
      severity: 'should',
    },
    causal(textStream().map((each) => each.replaceAll('\n', '\r\n'))),
  ),
  conformanceCase(
    {
      id: 'delay-pings',
      group: 'streaming',
      title: 'Pings are passed when they come',
      requirement: REQUIREMENT,
      source: 'Claude Code 2.1.330: a ping held back is an idle timeout',
      severity: 'must',
    },
    causal([messageStart(), PING, PING, PING, ...block(0, { type: 'text', text: '' }, []), ...messageEnd()]),
  ),
  conformanceCase(
    {
      id: 'delay-comments',
      group: 'streaming',
      title: 'Comments are passed when they come',
      requirement: REQUIREMENT,
      source: 'WHATWG HTML §9.2.7: comments keep connections alive',
      severity: 'should',
    },
    causal([messageStart(), ': still here\n\n', ': and still\n\n', ...messageEnd()]),
  ),
  conformanceCase(
    {
      id: 'delay-unknown-events',
      group: 'streaming',
      title: 'Unknown events are passed when they come',
      requirement: REQUIREMENT,
      source: SOURCE,
      severity: 'should',
    },
    causal([messageStart(), 'event: zz_new\ndata: {"type":"zz_new"}\n\n', 'data: {"type":"zz_nameless"}\n\n', ...messageEnd()]),
  ),
  conformanceCase(
    {
      id: 'delay-large-events',
      group: 'streaming',
      title: 'Events of 100 KB are passed one by one',
      requirement: REQUIREMENT,
      source: SOURCE,
      severity: 'should',
    },
    causal(textStream(Array.from({ length: 5 }, () => 'x'.repeat(100_000)))),
  ),
  conformanceCase(
    {
      id: 'delay-tool-input',
      group: 'streaming',
      title: 'Fragments of a tool’s input are passed one by one',
      requirement: REQUIREMENT,
      source: 'litellm#31503',
      severity: 'should',
    },
    causal([
      messageStart(),
      ...block(
        0,
        { type: 'tool_use', id: 'toolu_01', name: 'Write', input: {} },
        ['{"a', '":', '"b"}'].map((each) => ({ type: 'input_json_delta', partial_json: each })),
      ),
      ...messageEnd('tool_use'),
    ]),
  ),
  conformanceCase(
    { id: 'delay-thinking', group: 'streaming', title: 'Thinking is passed as it comes', requirement: REQUIREMENT, source: SOURCE, severity: 'should' },
    causal([
      messageStart(),
      ...block(
        0,
        { type: 'thinking', thinking: '', signature: '' },
        ['Let ', 'me ', 'see.'].map((each) => ({ type: 'thinking_delta', thinking: each })),
      ),
      ...messageEnd(),
    ]),
  ),
  conformanceCase(
    {
      id: 'delay-with-length',
      group: 'streaming',
      title: 'A stream of announced length is passed piece by piece',
      requirement: REQUIREMENT,
      source: SOURCE,
      severity: 'may',
    },
    async (context) => {
      const pieces = textStream()
      await causal(pieces, { headers: [...STREAM_HEADERS, ['Content-Length', String(pieces.reduce((sum, each) => sum + Buffer.byteLength(each), 0))]] })(
        context,
      )
    },
  ),
  conformanceCase(
    {
      id: 'delay-end',
      group: 'streaming',
      title: 'The last event reaches the client while the upstream’s connection is still open',
      requirement: 'message_stop is not held back until the upstream closes.',
      source: SOURCE,
      severity: 'must',
    },
    async (context) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const text = textStream().join('')
      const lane = context.lane(async (turn) => {
        await turn.request.body()
        turn.head(200, STREAM_HEADERS)
        await turn.write(text)
        await promise
        turn.end()
      })
      const reply = await context.send({ lane: lane.id, body: messageBody(lane.id, { stream: true }) })
      await reply.atLeast(Buffer.byteLength(text))
      resolve()
      expectSame((await reply.read()).end, 'complete', 'how the stream ended')
    },
  ),
  conformanceCase(
    {
      id: 'delay-others',
      group: 'streaming',
      title: 'While one stream stands still, other requests are answered',
      requirement: 'Exchanges do not wait for each other.',
      source: 'headroom#1639',
      severity: 'must',
    },
    async (context) => {
      await standing(context, async () => {
        const { reply } = await pass(context)
        expectSame(reply.status, 200, 'status')
        const streamed = await pass(context, { body: (lane) => messageBody(lane, { stream: true }), script: json(plainMessage()) })
        expectSame(streamed.reply.status, 200, 'status')
      })
    },
  ),
  conformanceCase(
    {
      id: 'delay-status',
      group: 'streaming',
      title: 'The status is the upstream’s, also when it takes its time',
      requirement: 'No 200 is sent before the upstream has answered: an error that comes late could no longer be retried.',
      source: 'routatic#59, langwatch#6207',
      severity: 'must',
    },
    async (context) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const lane = context.lane(async (turn) => {
        await turn.request.body()
        await promise
        const body = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
        turn.head(529, [
          ['Content-Type', 'application/json'],
          ['Content-Length', String(body.length)],
          ['x-should-retry', 'false'],
        ])
        turn.end(body)
      })
      const call = context.call({ lane: lane.id, body: messageBody(lane.id, { stream: true }) })
      await lane.request()
      setTimeout(resolve, Math.min(1500, context.patienceMillis / 2))
      expectSame((await call.reply).status, 529, 'status')
    },
  ),
]
