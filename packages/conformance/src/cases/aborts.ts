import type { ConformanceCase } from '../case.ts'
import { pause, within } from '../unmet.ts'
import type { UpstreamTurn } from '../upstream/lane.ts'
import { messageBody, STREAM_HEADERS, textStream } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { expectSame, expectStream, expectThat } from './expect.ts'
import { pass } from './through.ts'

const FRAMES = textStream()
const SOURCE = 'vercel/ai#8325, OmniRoute#14342, litellm#30223, openclaw#54388; regression R9'
const REQUIREMENT = 'A client that leaves stops the upstream call: what nobody reads is still billed.'

/** Aborts after so many events of a stream; -1 is before the head. */
function abortCase(after: number): ConformanceCase {
  return conformanceCase(
    {
      id: after < 0 ? 'abort-before-head' : `abort-after-${after}`,
      group: 'aborts',
      title: after < 0 ? 'A client that leaves before the head stops the upstream call' : `A client that leaves after ${after} events stops the upstream call`,
      requirement: REQUIREMENT,
      source: SOURCE,
      severity: 'must',
    },
    async (context) => {
      const { promise: turned, resolve: give } = Promise.withResolvers<UpstreamTurn>()
      const lane = context.lane(async (turn) => {
        await turn.request.body()
        give(turn)
        if (after >= 0) {
          turn.head(200, STREAM_HEADERS)
          for (const each of FRAMES.slice(0, after)) await turn.write(each)
        }
        await turn.gone
      })
      const call = context.call({ lane: lane.id, body: messageBody(lane.id, { stream: true }) })
      const turn = await within(context.patienceMillis, turned, 'the request at the upstream')
      if (after > 0) {
        const reply = await call.reply
        await reply.atLeast(Buffer.byteLength(FRAMES.slice(0, after).join('')))
      }
      call.abort()
      await within(context.patienceMillis, turn.gone, 'the end of the upstream call after the client had left')
      await pause(context.graceMillis)
      expectSame(lane.requests.length, 1, 'requests at the upstream')
    },
  )
}

/** Cases about those who leave. */
export const ABORTS: readonly ConformanceCase[] = [
  abortCase(-1),
  abortCase(1),
  abortCase(3),
  abortCase(5),
  conformanceCase(
    {
      id: 'abort-json',
      group: 'aborts',
      title: 'A client that leaves while a JSON reply is awaited stops the upstream call',
      requirement: REQUIREMENT,
      source: SOURCE,
      severity: 'must',
    },
    async (context) => {
      const { promise: turned, resolve: give } = Promise.withResolvers<UpstreamTurn>()
      const lane = context.lane(async (turn) => {
        await turn.request.body()
        give(turn)
        await turn.gone
      })
      const call = context.call({ lane: lane.id, body: messageBody(lane.id) })
      const turn = await within(context.patienceMillis, turned, 'the request at the upstream')
      call.abort()
      await within(context.patienceMillis, turn.gone, 'the end of the upstream call after the client had left')
    },
  ),
  conformanceCase(
    {
      id: 'abort-upload',
      group: 'aborts',
      title: 'A request that breaks off half way is not completed for the upstream',
      requirement: 'Half a body never becomes a whole request.',
      source: 'RFC 9112 §8; agent-prompttrain#199',
      severity: 'must',
    },
    async (context) => {
      let whole = false
      const lane = context.lane(async (turn) => {
        const body = await turn.request.body().catch(() => undefined)
        whole = body !== undefined
        await turn.gone
      })
      const body = messageBody(lane.id, { padding: 'p'.repeat(100_000) })
      const connection = await context.connect()
      const head = context.clientHeaders({ lane: lane.id, body }).map(([name, value]) => `${name}: ${value}`)
      connection.write(`POST ${context.pathOf('/v1/messages')} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n${body.slice(0, 50_000)}`)
      await pause(100)
      connection.destroy()
      await pause(context.graceMillis * 2)
      expectThat(!whole, 'the upstream got a whole request of half a body')
    },
  ),
  conformanceCase(
    {
      id: 'abort-many',
      group: 'aborts',
      title: 'After fifty clients have left, requests still go through',
      requirement: 'What a client leaves behind is cleared away: no place, no connection is lost.',
      source: 'sub2api#3821, claude-relay-service#796',
      severity: 'must',
    },
    async (context) => {
      const lane = context.lane(async (turn) => {
        await turn.request.body()
        turn.head(200, STREAM_HEADERS)
        await turn.write(FRAMES[0] ?? '')
        await turn.gone
      })
      const calls = Array.from({ length: 50 }, () => context.call({ lane: lane.id, body: messageBody(lane.id, { stream: true }) }))
      await Promise.all(calls.map(async (call) => (await call.reply).atLeast(1)))
      for (const call of calls) call.abort()
      const { reply } = await pass(context)
      expectSame(reply.status, 200, 'status')
    },
  ),
  conformanceCase(
    {
      id: 'abort-one-of-two',
      group: 'aborts',
      title: 'A client that leaves takes no other stream with it',
      requirement: 'Streams live and die each for itself.',
      source: 'headroom#1639, sub2api#6900',
      severity: 'must',
    },
    async (context) => {
      const { promise: left, resolve: leave } = Promise.withResolvers<void>()
      const stays = context.lane(async (turn) => {
        await turn.request.body()
        turn.head(200, STREAM_HEADERS)
        await turn.write(FRAMES[0] ?? '')
        await left
        for (const each of FRAMES.slice(1)) await turn.write(each)
        turn.end()
      })
      const leaves = context.lane(async (turn) => {
        await turn.request.body()
        turn.head(200, STREAM_HEADERS)
        await turn.write(FRAMES[0] ?? '')
        await turn.gone
        leave()
      })
      const reply = await context.send({ lane: stays.id, body: messageBody(stays.id, { stream: true }) })
      const other = await context.send({ lane: leaves.id, body: messageBody(leaves.id, { stream: true }) })
      await other.atLeast(1)
      other.abort()
      // A gateway that does not notice is judged by the cases above.
      await Promise.race([left, pause(context.patienceMillis / 2)])
      leave()
      const { bytes, end } = await reply.read()
      expectStream(bytes, FRAMES.join(''), 'the other stream')
      expectSame(end, 'complete', 'how the other stream ended')
    },
  ),
]
