import type { ConformanceCase, Severity } from '../case.ts'
import type { Header } from '../headers.ts'
import { pause } from '../unmet.ts'
import type { UpstreamScript } from '../upstream/lane.ts'
import { answer, block, errorBody, frame, messageBody, messageStart, plainMessage, stream, STREAM_HEADERS, textStream } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { expectBytes, expectSame, expectThat } from './expect.ts'
import { pass } from './through.ts'

const JSON_TYPE: Header = ['Content-Type', 'application/json']

/** Failures that must, or should, not be asked again more than so often. */
interface RetryCase {
  readonly id: string
  readonly title: string
  readonly requirement: string
  readonly source: string
  readonly severity: Severity
  /** The most upstream requests that one client request may become. */
  readonly atMost: number
  readonly isStream?: boolean
  readonly script: UpstreamScript
}

const DUPLICATES = 'nuguard#455, ai-retry#51, litellm#38153, anthropic-sdk-python#1470; regression R5, B17'
const AFTER_BYTES = 'After a byte of the reply has come, the request is not sent again: it was billed, and the client would get two beginnings.'

/** Begins a reply, and ends the connection where it has come to. */
function brokenOff(headers: readonly Header[], beginning: string, how: 'reset' | 'close'): UpstreamScript {
  return async (turn) => {
    await turn.request.body()
    turn.head(200, headers)
    await turn.write(beginning)
    await pause(30)
    turn[how]()
  }
}

const RETRIES: readonly RetryCase[] = [
  {
    id: 'once-success',
    title: 'A request that succeeds is sent once',
    requirement: 'One request of the client is one call of the upstream.',
    source: DUPLICATES,
    severity: 'must',
    atMost: 1,
    script: answer(200, [JSON_TYPE], plainMessage()),
  },
  {
    id: 'once-cut-after-first-event',
    title: 'A stream that dies after its first event is not asked for again',
    requirement: AFTER_BYTES,
    source: DUPLICATES,
    severity: 'must',
    atMost: 1,
    isStream: true,
    script: brokenOff(STREAM_HEADERS, messageStart(), 'reset'),
  },
  {
    id: 'once-cut-in-tool',
    title: 'A stream that dies inside a tool call is not asked for again',
    requirement: AFTER_BYTES,
    source: DUPLICATES,
    severity: 'must',
    atMost: 1,
    isStream: true,
    script: brokenOff(STREAM_HEADERS, messageStart() + (block(0, { type: 'tool_use', id: 'toolu_01', name: 'Bash', input: {} }, [])[0] ?? ''), 'close'),
  },
  {
    id: 'once-error-event',
    title: 'An error event inside a stream is not a reason to ask again',
    requirement: AFTER_BYTES,
    source: DUPLICATES,
    severity: 'must',
    atMost: 1,
    isStream: true,
    script: stream([messageStart(), frame('error', { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } })]),
  },
  {
    id: 'once-torn-json',
    title: 'A JSON reply that breaks off is not asked for again',
    requirement: AFTER_BYTES,
    source: DUPLICATES,
    severity: 'must',
    atMost: 1,
    script: brokenOff([JSON_TYPE, ['Content-Length', '5000']], '{"id":"msg_1"', 'reset'),
  },
  {
    id: 'once-no-retry-wanted',
    title: 'An error with x-should-retry: false is not asked again',
    requirement: 'The upstream has said that it is of no use.',
    source: 'anthropic-sdk-typescript, shouldRetry; litellm#37754',
    severity: 'must',
    atMost: 1,
    script: answer(500, [JSON_TYPE, ['x-should-retry', 'false']], errorBody('api_error', 'No.')),
  },
  {
    id: 'once-400',
    title: 'A 400 is not asked again',
    requirement: 'What was wrong stays wrong; Claude Code mends requests by itself.',
    source: 'litellm#6532',
    severity: 'must',
    atMost: 1,
    script: answer(400, [JSON_TYPE], errorBody('invalid_request_error', 'No.')),
  },
  {
    id: 'once-413',
    title: 'A 413 is not asked again',
    requirement: 'What was too large stays too large.',
    source: 'litellm#6532',
    severity: 'must',
    atMost: 1,
    script: answer(413, [JSON_TYPE], errorBody('request_too_large', 'No.')),
  },
  {
    id: 'few-500',
    title: 'A 500 becomes at most three upstream calls',
    requirement: 'Claude Code retries ten times by itself: retries of the gateway multiply them.',
    source: 'litellm#23546, ocp#47',
    severity: 'should',
    atMost: 3,
    script: answer(500, [JSON_TYPE], errorBody('api_error', 'No.')),
  },
  {
    id: 'few-529',
    title: 'A 529 becomes at most three upstream calls',
    requirement: 'An overloaded upstream is not stormed.',
    source: 'rpc-plane#18, claude-code#45674',
    severity: 'should',
    atMost: 3,
    script: answer(529, [JSON_TYPE], errorBody('overloaded_error', 'No.')),
  },
  {
    id: 'few-429',
    title: 'A 429 becomes at most three upstream calls',
    requirement: 'A limit that is reached is not tried on.',
    source: 'litellm#37767, aisix#144',
    severity: 'should',
    atMost: 3,
    script: answer(429, [JSON_TYPE, ['retry-after', '1']], errorBody('rate_limit_error', 'No.')),
  },
  {
    id: 'few-reset',
    title: 'A request whose connection is reset after it was read is sent at most twice',
    requirement: 'POST is not idempotent: the first may have been served and billed.',
    source: 'RFC 9110 §9.2.2; teamclaude-rs#184',
    severity: 'should',
    atMost: 2,
    script: async (turn) => {
      await turn.request.body()
      turn.reset()
    },
  },
]

const retryCases = RETRIES.map(({ id, title, requirement, source, severity, atMost, isStream = false, script }) =>
  conformanceCase({ id, group: 'retries', title, requirement, source, severity, disturbs: id !== 'once-success' }, async (context) => {
    const { lane, bytes } = await pass(context, { body: (each) => messageBody(each, { stream: isStream }), script })
    await pause(context.graceMillis)
    expectThat(lane.requests.length <= atMost, `the upstream was asked ${lane.requests.length} times`)
    expectThat(lane.requests.length > 0, 'the upstream was not asked at all')
    const starts = bytes.toString('utf8').split('event: message_start').length - 1
    expectThat(starts <= 1, `the client got ${starts} message_start events`)
  }),
)

/** Cases about asking again. */
export const RETRY_MANNERS: readonly ConformanceCase[] = [
  ...retryCases,
  conformanceCase(
    {
      id: 'retry-same-bytes',
      group: 'retries',
      title: 'If a gateway asks again, it sends the same bytes',
      requirement: 'A second try has the whole body of the first.',
      source: 'claude-code#89608; regression R1',
      severity: 'must',
      disturbs: true,
    },
    async (context) => {
      const bodies: Promise<Buffer>[] = []
      const { lane } = await pass(context, {
        script: async (turn) => {
          const body = turn.request.body()
          bodies.push(body)
          await body
          if (turn.number === 1) turn.reset()
          else await answer(200, [JSON_TYPE], plainMessage())(turn)
        },
      })
      const sent = messageBody(lane.id)
      for (const body of bodies) expectBytes(await body, sent, 'the body of a try')
    },
  ),
  conformanceCase(
    {
      id: 'retry-after-not-absorbed',
      group: 'retries',
      title: 'A 429 with a retry-after of 30 seconds reaches the client at once',
      requirement: 'The client waits by itself, and tells the user; a gateway that waits instead looks dead.',
      source: 'teamclaude#431, shunt#74; Claude Code 2.1.330: up to 60 s are waited for',
      severity: 'should',
      disturbs: true,
    },
    async (context) => {
      const { reply } = await pass(context, { script: answer(429, [JSON_TYPE, ['retry-after', '30']], errorBody('rate_limit_error', 'Slow down.')) })
      expectSame([reply.status, reply.header('retry-after')], [429, '30'], 'status and retry-after')
    },
  ),
  conformanceCase(
    {
      id: 'retry-by-client',
      group: 'retries',
      title: 'A client that asks again is served',
      requirement: 'The same body again is a new request: it is neither answered from memory nor refused.',
      source: 'litellm#29955, semantic-router#2130',
      severity: 'must',
      disturbs: true,
    },
    async (context) => {
      const lane = context.lane(async (turn) => {
        if (turn.number === 1) await answer(503, [JSON_TYPE, ['x-should-retry', 'false']], errorBody('overloaded_error', 'Not now.'))(turn)
        else await answer(200, [JSON_TYPE], plainMessage())(turn)
      })
      const first = await context.send({ lane: lane.id, body: messageBody(lane.id) })
      await first.read()
      const second = await context.send({ lane: lane.id, body: messageBody(lane.id) })
      expectBytes((await second.read()).bytes, plainMessage(), 'the second reply')
    },
  ),
  conformanceCase(
    {
      id: 'keep-alive-race',
      group: 'retries',
      title: 'An upstream that closes idle connections costs no request',
      requirement: 'A connection that the upstream has closed meanwhile is not a failure that the client sees.',
      source: 'claude-code#89608, claude-code#47059, openclaw#97623',
      severity: 'should',
    },
    async (context) => {
      for (let round = 0; round < 5; round += 1) {
        const { reply } = await pass(context, {
          script: async (turn) => {
            await answer(200, [JSON_TYPE], plainMessage())(turn)
            // Closes the connection once it is idle, without having said so.
            setTimeout(() => turn.close(), 20)
          },
        })
        expectSame(reply.status, 200, `status of request ${round + 1}`)
        await pause(60)
      }
    },
  ),
  conformanceCase(
    {
      id: 'stream-order',
      group: 'retries',
      title: 'A stream has one message_start, and it comes first',
      requirement: 'Two beginnings in one stream are two answers to the client.',
      source: DUPLICATES,
      severity: 'must',
    },
    async (context) => {
      const { bytes } = await pass(context, { body: (lane) => messageBody(lane, { stream: true }), script: stream([textStream().join('')]) })
      const text = bytes.toString('utf8')
      expectSame([text.indexOf('event: message_start'), text.lastIndexOf('event: message_start')], [0, 0], 'positions of the first and last message_start')
    },
  ),
]
