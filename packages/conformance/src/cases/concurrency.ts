import { Agent } from 'node:http'
import type { CaseContext, ConformanceCase } from '../case.ts'
import { pause } from '../unmet.ts'
import { json, messageBody, plainMessage, STREAM_HEADERS, textStream } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { expectSame, expectStream, expectThat } from './expect.ts'
import { pass } from './through.ts'

const SOURCE = 'litellm#29955, litellm#25447, semantic-router#2130; regression I7'

/** Sends so many requests at once, each with an answer of its own, and asks that each gets its own. */
async function crowd(context: CaseContext, count: number, isStream: (index: number) => boolean, agent?: Agent): Promise<void> {
  const wrong = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const mine = `answer ${index} of ${count}`
      const frames = textStream([mine])
      const { reply, bytes, lane } = await pass(context, {
        ...(agent === undefined ? {} : { agent }),
        body: (each) => messageBody(each, { stream: isStream(index) }),
        script: async (turn) => {
          await turn.request.body()
          // Replies come in another order than the requests.
          await pause((index * 7) % 50)
          if (!isStream(index)) return json(plainMessage(mine))(turn)
          turn.head(200, STREAM_HEADERS)
          for (const each of frames) {
            await turn.write(each)
            await pause((index * 3) % 7)
          }
          turn.end()
        },
      })
      const expected = isStream(index) ? frames.join('') : plainMessage(mine)
      if (reply.status !== 200) return `${index}: status ${reply.status}`
      if (lane.requests.length !== 1) return `${index}: ${lane.requests.length} upstream calls`
      return bytes.toString('utf8') === expected ? undefined : `${index}: another's reply, or half of its own`
    }),
  )
  const faults = wrong.filter((each) => each !== undefined)
  expectThat(faults.length === 0, `${faults.length} of ${count} went wrong: ${faults.slice(0, 3).join('; ')}`)
}

/** Cases about many at once. */
export const CONCURRENCY: readonly ConformanceCase[] = [
  conformanceCase(
    {
      id: 'crowd-json',
      group: 'concurrency',
      title: 'Two hundred requests at once all get their own reply',
      requirement: 'Nobody gets another’s answer, and nobody is dropped.',
      source: SOURCE,
      severity: 'must',
    },
    (context) => crowd(context, 200, () => false),
  ),
  conformanceCase(
    {
      id: 'crowd-streams',
      group: 'concurrency',
      title: 'A hundred streams at once all get their own events',
      requirement: 'Events of one stream never show up in another.',
      source: SOURCE,
      severity: 'must',
    },
    (context) => crowd(context, 100, () => true),
  ),
  conformanceCase(
    {
      id: 'crowd-mixed',
      group: 'concurrency',
      title: 'Streams and JSON on eight shared connections do not get mixed up',
      requirement: 'A connection that is used again carries nothing over.',
      source: SOURCE,
      severity: 'must',
    },
    (context) => crowd(context, 120, (index) => index % 2 === 0, new Agent({ keepAlive: true, maxSockets: 8 })),
  ),
  conformanceCase(
    {
      id: 'same-body-twice',
      group: 'concurrency',
      title: 'The same body twice is two upstream calls',
      requirement: 'A reply is not replayed: a message id that comes twice puts Claude Code into an endless tool loop.',
      source: 'litellm-docs#833, nenya#18; measured with Claude Code 2.1.330',
      severity: 'must',
    },
    async (context) => {
      const lane = context.lane(async (turn) => json(plainMessage(`reply ${turn.number}`))(turn))
      const body = messageBody(lane.id)
      const replies: string[] = []
      for (let round = 0; round < 2; round += 1) {
        const reply = await context.send({ lane: lane.id, body })
        replies.push((await reply.read()).bytes.toString('utf8'))
      }
      expectSame(replies, [plainMessage('reply 1'), plainMessage('reply 2')], 'the two replies')
    },
  ),
  conformanceCase(
    {
      id: 'same-body-at-once',
      group: 'concurrency',
      title: 'The same body ten times at once is ten upstream calls',
      requirement: 'Requests in flight are not joined into one.',
      source: SOURCE,
      severity: 'must',
    },
    async (context) => {
      const lane = context.lane(async (turn) => {
        await turn.request.body()
        await pause(50)
        await json(plainMessage(`reply ${turn.number}`))(turn)
      })
      const replies = await Promise.all(
        Array.from({ length: 10 }, async () => {
          const reply = await context.send({ lane: lane.id, body: messageBody(lane.id) })
          return (await reply.read()).bytes.toString('utf8')
        }),
      )
      expectSame([lane.requests.length, new Set(replies).size], [10, 10], 'upstream calls, and different replies')
    },
  ),
  conformanceCase(
    {
      id: 'many-idle-streams',
      group: 'concurrency',
      title: 'Two hundred streams that stand still leave room for others',
      requirement: 'Open streams are not counted against a small pool of connections.',
      source: 'claude-code#68968, sub2api#3821',
      severity: 'must',
    },
    async (context) => {
      const { promise: over, resolve } = Promise.withResolvers<void>()
      const frames = textStream()
      const lane = context.lane(async (turn) => {
        await turn.request.body()
        turn.head(200, STREAM_HEADERS)
        await turn.write(frames[0] ?? '')
        await over
        turn.end(frames.slice(1).join(''))
      })
      const replies = await Promise.all(Array.from({ length: 200 }, () => context.send({ lane: lane.id, body: messageBody(lane.id, { stream: true }) })))
      await Promise.all(replies.map((reply) => reply.atLeast(Buffer.byteLength(frames[0] ?? ''))))
      const { reply } = await pass(context)
      expectSame(reply.status, 200, 'status of one more')
      resolve()
      for (const each of replies) expectStream((await each.read()).bytes, frames.join(''), 'a stream')
    },
  ),
]
