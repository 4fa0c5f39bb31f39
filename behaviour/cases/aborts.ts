import assert from 'node:assert/strict'
import { joinBytes } from '@sluice/rehearsal'
import { setTimeout as sleep } from 'node:timers/promises'
import { jsonReply, messageRequest, streamFrames, streamReply } from '../support/replies.ts'
import { eventually, type Target } from '../support/target.ts'
import type { BehaviourCase } from './case.ts'

/** Asks, and leaves once `bytes` of the reply are here. */
async function leaveAfter(target: Target, bytes: number, profile = 'default'): Promise<void> {
  let got = 0
  await target.ask({
    profile,
    body: messageRequest,
    onChunk: (chunk, reply) => {
      got += chunk.length
      if (got >= bytes) target.client.leave(reply)
    },
  })
}

/** Asks, and leaves once the upstream has the request. */
async function leaveBeforeHead(target: Target, body: string): Promise<void> {
  const leave = new AbortController()
  const asked = target.ask({ body, leave: leave.signal })
  await eventually(
    () => target.upstream.calls.length,
    (count) => count === 1,
  )
  leave.abort()
  await assert.rejects(asked)
}

const upstreamIsClosed = (target: Target): Promise<unknown> =>
  eventually(
    () => target.upstream.openStreams,
    (open) => open === 0,
    (open) => `${open} upstream streams are open`,
  )

export const abortCases: readonly BehaviourCase[] = [
  {
    id: 'abort-mid-stream',
    title: 'R9 R15 a client that leaves within a stream closes the upstream at once, and what it got is charged',
    run: async (target) => {
      const frames = streamFrames()
      for (const count of [1, 3, 6]) {
        await target.reset()
        const sent = joinBytes(frames.slice(0, count))
        target.answer(streamReply([{ bytes: sent }, { stall: true }]))
        await leaveAfter(target, sent.length)
        await upstreamIsClosed(target)
        const settlement = await target.theSettlement()
        assert.equal(settlement.outcome.kind, 'client-gone')
        assert.equal(settlement.usage.source, 'partial')
        assert.equal(settlement.usage.total.freshInputTokens, 1200)
        assert.ok(BigInt(settlement.cost.nanoUsd) > 0n)
        assert.equal(target.theCall().outcome, 'client-gone')
      }
    },
  },
  {
    id: 'abort-busy-stream',
    title: 'R9 a client that leaves a stream in full flow stops it',
    run: async (target) => {
      const frame = streamFrames()[3] as Uint8Array
      target.answer(streamReply([{ bytes: joinBytes(streamFrames().slice(0, 3)) }, { repeat: [{ bytes: frame }, { waitMillis: 0 }], times: 1_000_000 }]))
      await leaveAfter(target, 20_000)
      await upstreamIsClosed(target)
      assert.equal((await target.theSettlement()).outcome.kind, 'client-gone')
    },
  },
  {
    id: 'abort-before-head',
    title: 'R9 R15 a client that leaves before the head closes the upstream too, and its prompt is charged as estimated',
    run: async (target) => {
      target.answer(streamReply([{ stall: true }, { head: true }]))
      await leaveBeforeHead(target, messageRequest)
      await upstreamIsClosed(target)
      const settlement = await target.theSettlement()
      assert.deepEqual([settlement.outcome, settlement.status], [{ kind: 'client-gone' }, undefined])
      // The upstream has had the prompt, and may bill it: it is no free ride, and the estimate says that it is one.
      assert.equal(settlement.usage.source, 'estimated')
      assert.ok(BigInt(settlement.cost.nanoUsd) > 0n)
    },
  },
  {
    id: 'abort-long-before-head',
    title: 'R9 a client that leaves before the head is noticed after a long request as after a short one',
    run: async (target) => {
      const answer = Promise.withResolvers<void>()
      target.answer(streamReply([{ until: answer.promise }, { head: true }, { stall: true }]))
      await leaveBeforeHead(target, JSON.stringify({ ...(JSON.parse(messageRequest) as object), system: 'long '.repeat(20_000) }))
      if (!target.can.noticesLeaveBeforeHead) {
        await sleep(500)
        assert.equal(target.upstream.openStreams, 1)
        answer.resolve()
      }
      await upstreamIsClosed(target)
      assert.equal((await target.theSettlement()).outcome.kind, 'client-gone')
    },
  },
  {
    id: 'many-aborts',
    title: 'R9 two hundred aborts leave no open stream, nothing under way, and two hundred settlements',
    run: async (target) => {
      const sent = joinBytes(streamFrames().slice(0, 5))
      target.answer(streamReply([{ bytes: sent }, { stall: true }]))
      for (let round = 0; round < 10; round += 1) await Promise.all(Array.from({ length: 20 }, () => leaveAfter(target, sent.length)))
      await upstreamIsClosed(target)
      const { settlements, underWay } = await target.settled(200)
      assert.deepEqual([settlements.length, underWay], [200, 0])
      for (const { outcome, cost } of settlements) assert.ok(outcome.kind === 'client-gone' && BigInt(cost.nanoUsd) > 0n)
    },
  },
  {
    id: 'drain-for-usage',
    title: 'R9 with drain, a stream that its client has left is read to its end and charged exactly',
    run: async (target) => {
      const frames = streamFrames()
      const gate = Promise.withResolvers<void>()
      const [early, late] = [joinBytes(frames.slice(0, 4)), joinBytes(frames.slice(4))]
      target.answer(streamReply([{ bytes: early }, { until: gate.promise }, { bytes: late }]))
      await leaveAfter(target, early.length, 'exact')
      setTimeout(() => gate.resolve(), 300)
      const settlement = await target.theSettlement()
      assert.deepEqual([settlement.outcome.kind, settlement.usage.source, settlement.usage.total.outputTokens], ['client-gone', 'final', 345])
      assert.equal(target.theCall().outcome, 'completed')
    },
  },
  {
    id: 'complete-is-complete',
    title: 'R9 a client that hangs up on the last byte has a completed exchange',
    run: async (target) => {
      const bytes = joinBytes(streamFrames())
      target.answer(streamReply([{ bytes }, { stall: true }]))
      await leaveAfter(target, bytes.length)
      assert.equal((await target.theSettlement()).outcome.kind, 'completed')
      await upstreamIsClosed(target)
    },
  },
  {
    id: 'ordinary-ends',
    title: 'R9 two hundred ordinary exchanges, sixteen at a time, are completed, none taken for an abort',
    run: async (target) => {
      target.answer((call) => (call.id % 2 === 0 ? jsonReply() : streamReply([{ bytes: joinBytes(streamFrames()) }])))
      let left = 200
      const worker = async (): Promise<void> => {
        for (; left > 0;) {
          left -= 1
          const answer = await target.ask({ body: messageRequest })
          assert.ok(answer.isWhole && answer.status === 200)
        }
      }
      await Promise.all(Array.from({ length: 16 }, worker))
      const { settlements } = await target.settled(200)
      assert.deepEqual(new Set(settlements.map(({ outcome }) => outcome.kind)), new Set(['completed']))
    },
  },
]
