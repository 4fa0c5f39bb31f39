import { Agent } from 'node:http'
import type { ConformanceCase } from '../case.ts'
import { pause } from '../unmet.ts'
import { answer, JSON_HEADERS, messageBody, PING, plainMessage, STREAM_HEADERS, textStream } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { expectBytes, expectSame, expectStream, expectThat } from './expect.ts'
import { pass } from './through.ts'

/** How long the upstream is silent in these cases, in milliseconds: longer than any first time-out that is set in haste. */
const SILENCE_MILLIS = 2000
const SOURCE = 'claude-code#45224, litellm#36024, openclaw#70739; Claude Code 2.1.330: silence of up to 300 s is borne'

const FRAMES = textStream()
const TEXT = FRAMES.join('')
const IN_SECOND_FRAME = (FRAMES[0] ?? '').length + 30

/** A stream that is silent somewhere. */
interface SilentStream {
  readonly id: string
  readonly title: string
  readonly requirement: string
  readonly source: string
  /** What the upstream writes; a number is a silence of so many milliseconds. */
  readonly pieces: readonly (string | number)[]
}

const SILENT_STREAMS: readonly SilentStream[] = [
  {
    id: 'silence-in-stream',
    title: 'A stream that pauses between events goes on where it stopped',
    requirement: 'Thinking is silent for long. Pings of the gateway are welcome, in the vendor’s form and between events.',
    source: SOURCE,
    pieces: [FRAMES.slice(0, 3).join(''), SILENCE_MILLIS, FRAMES.slice(3).join('')],
  },
  {
    id: 'silence-in-event',
    title: 'A stream that pauses inside an event is not torn by a heartbeat',
    requirement: 'What a gateway adds stands between events, never inside one.',
    source: 'copilot-api#88, ark#1346; regression R8',
    pieces: [TEXT.slice(0, IN_SECOND_FRAME), SILENCE_MILLIS, TEXT.slice(IN_SECOND_FRAME)],
  },
  {
    id: 'silence-after-head',
    title: 'A stream that is silent after its head is waited for',
    requirement: 'Nothing is taken for broken because it has not begun.',
    source: SOURCE,
    pieces: [SILENCE_MILLIS, TEXT],
  },
  {
    id: 'pings-only',
    title: 'A stream of nothing but pings for a while is kept alive',
    requirement: 'Pings are bytes like others: they are passed, and show that the upstream lives.',
    source: SOURCE,
    pieces: [FRAMES[0] ?? '', ...Array.from({ length: 10 }, () => [PING, 100]).flat(), ...FRAMES.slice(1)],
  },
]

const silentStreams = SILENT_STREAMS.map(({ pieces, ...described }) =>
  conformanceCase({ ...described, group: 'heartbeat', severity: 'must' }, async (context) => {
    const { bytes, end } = await pass(context, {
      body: (lane) => messageBody(lane, { stream: true }),
      script: async (turn) => {
        await turn.request.body()
        turn.head(200, STREAM_HEADERS)
        for (const piece of pieces) await (typeof piece === 'number' ? pause(piece) : turn.write(piece))
        turn.end()
      },
    })
    expectStream(bytes, pieces.filter((piece) => typeof piece === 'string').join(''), 'the stream at the client')
    expectSame(end, 'complete', 'how the stream ended')
  }),
)

/** Cases about silence. */
export const HEARTBEAT: readonly ConformanceCase[] = [
  ...silentStreams,
  conformanceCase(
    {
      id: 'silence-before-head',
      group: 'heartbeat',
      title: 'An upstream that takes its time before the head is waited for',
      requirement: 'Long prompts take long to read: the client waits up to ten minutes for the head.',
      source: `${SOURCE}; API_TIMEOUT_MS of Claude Code 2.1.330`,
      severity: 'must',
    },
    async (context) => {
      const { bytes, reply } = await pass(context, {
        script: async (turn) => {
          await turn.request.body()
          await pause(SILENCE_MILLIS)
          await answer(200, JSON_HEADERS, plainMessage())(turn)
        },
      })
      expectSame(reply.status, 200, 'status')
      expectBytes(bytes, plainMessage(), 'the reply')
    },
  ),
  conformanceCase(
    {
      id: 'no-ping-in-json',
      group: 'heartbeat',
      title: 'A JSON reply that pauses in the middle gets nothing between its bytes',
      requirement: 'A heartbeat belongs into streams of events only.',
      source: 'copilot-api#88',
      severity: 'must',
    },
    async (context) => {
      const body = plainMessage()
      const { bytes } = await pass(context, {
        script: async (turn) => {
          await turn.request.body()
          turn.head(200, [['Content-Type', 'application/json']])
          await turn.write(body.slice(0, 60))
          await pause(SILENCE_MILLIS)
          await turn.write(body.slice(60))
          turn.end()
        },
      })
      expectBytes(bytes, body, 'the reply')
    },
  ),
  conformanceCase(
    {
      id: 'idle-connection',
      group: 'heartbeat',
      title: 'A client connection that has been idle for seconds can be used again',
      requirement: 'The client keeps one connection for a whole session, and people think between turns.',
      source: 'claude-code#47059; wire of Claude Code 2.1.330',
      severity: 'should',
    },
    async (context) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      await pass(context, { agent })
      await pause(SILENCE_MILLIS)
      const { reply } = await pass(context, { agent })
      expectThat(reply.status === 200, `status ${reply.status}`)
    },
  ),
]
