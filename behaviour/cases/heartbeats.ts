import assert from 'node:assert/strict'
import { joinBytes, PING_FRAME } from '@sluice/rehearsal'
import { messageRequest, streamFrames, streamReply } from '../support/replies.ts'
import type { BehaviourCase } from './case.ts'

export const heartbeatCases: readonly BehaviourCase[] = [
  {
    id: 'heartbeat',
    title: 'R8 a silent upstream is bridged by typed pings between frames, even when it fell silent within one',
    run: async (target) => {
      const frames = streamFrames()
      const gate = Promise.withResolvers<void>()
      const torn = frames[5] as Uint8Array
      const before = joinBytes(frames.slice(0, 5))
      const after = joinBytes(frames.slice(5))
      target.answer(streamReply([{ bytes: joinBytes([before, torn.subarray(0, 20)]) }, { until: gate.promise }, { bytes: after.subarray(20) }]))
      let got = Buffer.alloc(0)
      const answer = await target.ask({
        profile: 'heartbeat',
        body: messageRequest,
        onChunk: (chunk) => {
          got = Buffer.concat([got, chunk])
          if (got.length >= before.length + 2 * PING_FRAME.length) gate.resolve()
        },
      })
      const between = answer.body.subarray(before.length, answer.body.length - after.length)
      assert.deepEqual(answer.body.subarray(0, before.length), Buffer.from(before))
      assert.deepEqual(answer.body.subarray(answer.body.length - after.length), Buffer.from(after))
      const count = between.length / PING_FRAME.length
      assert.ok(count >= 2, `${count} pings`)
      assert.deepEqual(between, Buffer.concat(Array.from({ length: count }, () => PING_FRAME)))
      assert.equal((await target.theSettlement()).outcome.kind, 'completed')
    },
  },
  {
    id: 'heartbeat-pressed',
    title: 'R8 a client that takes no bytes gets no pings piled up',
    run: async (target) => {
      const block = Buffer.from(
        `event: content_block_delta\ndata: ${JSON.stringify({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'x'.repeat(60_000) } })}\n\n`,
      )
      const frames = streamFrames()
      const rounds = 600
      const bytes = [joinBytes(frames.slice(0, 2)), joinBytes(frames.slice(3))] as const
      target.answer(streamReply([{ bytes: bytes[0] }, { repeat: [{ bytes: block }], times: rounds }, { bytes: bytes[1] }]))
      const answer = await target.ask({
        profile: 'heartbeat',
        body: messageRequest,
        onHead: (reply) => {
          reply.pause()
          setTimeout(() => reply.resume(), 3500)
        },
      })
      const pings = (answer.body.length - bytes[0].length - bytes[1].length - rounds * block.length) / PING_FRAME.length
      assert.ok(pings === 0, `${pings} pings`)
    },
  },
]
