import type { ConformanceCase } from '../case.ts'
import { pause } from '../unmet.ts'
import { frame, messageBody, messageEnd, messageStart, STREAM_HEADERS } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { expectSame, expectThat } from './expect.ts'
import { pass } from './through.ts'

const SOURCE = 'commandcode-proxy#20, vercel/ai#9475, litellm#6404; regression R10'
const MEGABYTE = 1 << 20
/** What the two connections may hold in buffers of the system, with room to spare. */
const BOUND_BYTES = 24 * MEGABYTE
const TOTAL_BYTES = 64 * MEGABYTE

/** An event of about 64 KB. */
const EVENT = frame('content_block_delta', { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'x'.repeat(65_000) } })

/** Cases about readers that are slow. */
export const BACK_PRESSURE: readonly ConformanceCase[] = [
  conformanceCase(
    {
      id: 'slow-reader-bounds-upstream',
      group: 'back-pressure',
      title: 'A client that does not read stops the upstream from sending on',
      requirement: `Of ${TOTAL_BYTES / MEGABYTE} MB no more than ${BOUND_BYTES / MEGABYTE} MB are taken from the upstream while the client reads nothing; when it reads again, all of it arrives.`,
      source: SOURCE,
      severity: 'must',
    },
    async (context) => {
      let written = 0
      const count = Math.ceil(TOTAL_BYTES / EVENT.length)
      const lane = context.lane(async (turn) => {
        await turn.request.body()
        turn.head(200, STREAM_HEADERS)
        await turn.write(messageStart())
        for (let index = 0; index < count; index += 1) {
          if (!(await turn.write(EVENT))) return
          written += EVENT.length
        }
        turn.end(messageEnd().join(''))
      })
      const reply = await context.send({ lane: lane.id, body: messageBody(lane.id, { stream: true }) })
      reply.pause()
      // The upstream has stalled when nothing more was taken for a while.
      for (let before = -1, now = 0; before !== now; before = now, now = written) await pause(400)
      const taken = written
      expectThat(taken < BOUND_BYTES, `${Math.round(taken / MEGABYTE)} MB were taken from the upstream while the client read nothing`)
      reply.resume()
      const { bytes, end } = await reply.read()
      expectSame(
        [bytes.length, end],
        [Buffer.byteLength(messageStart()) + count * EVENT.length + Buffer.byteLength(messageEnd().join('')), 'complete'],
        'length and end of the stream',
      )
    },
  ),
  conformanceCase(
    {
      id: 'slow-reader-alone',
      group: 'back-pressure',
      title: 'A client that does not read holds up nobody else',
      requirement: 'Streams wait each for their own reader.',
      source: SOURCE,
      severity: 'must',
    },
    async (context) => {
      const lane = context.lane(async (turn) => {
        await turn.request.body()
        turn.head(200, STREAM_HEADERS)
        await turn.write(messageStart())
        while (await turn.write(EVENT)) await pause(0)
      })
      const reply = await context.send({ lane: lane.id, body: messageBody(lane.id, { stream: true }) })
      reply.pause()
      await pause(300)
      const { reply: other } = await pass(context)
      expectSame(other.status, 200, 'status of the other request')
      reply.abort()
    },
  ),
  conformanceCase(
    {
      id: 'slow-reader-leaves',
      group: 'back-pressure',
      title: 'A client that reads nothing and then leaves stops the upstream call',
      requirement: 'Waiting for a reader ends when the reader is gone.',
      source: `${SOURCE}; vercel/ai#8325`,
      severity: 'must',
    },
    async (context) => {
      const { promise: gone, resolve } = Promise.withResolvers<void>()
      const lane = context.lane(async (turn) => {
        await turn.request.body()
        turn.head(200, STREAM_HEADERS)
        await turn.write(messageStart())
        while (await turn.write(EVENT)) await pause(0)
        resolve()
      })
      const reply = await context.send({ lane: lane.id, body: messageBody(lane.id, { stream: true }) })
      reply.pause()
      await pause(500)
      reply.abort()
      const isGone = await Promise.race([gone.then(() => true), pause(context.patienceMillis).then(() => false)])
      expectThat(isGone, 'the upstream call was still open after the client had left')
    },
  ),
]
