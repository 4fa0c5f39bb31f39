import assert from 'node:assert/strict'
import { joinBytes, readEvents, validateMessageStream, type Step } from '@sluice/rehearsal'
import { header, type Answer } from '../support/client.ts'
import { json, jsonBytes, messageRequest, streamFrames, streamReply } from '../support/replies.ts'
import type { Target } from '../support/target.ts'
import type { BehaviourCase } from './case.ts'

interface Envelope {
  readonly type: string
  readonly error: { readonly type: string; readonly message: string }
  readonly request_id: string
}

function envelopeOf(answer: Answer): Envelope {
  const envelope = JSON.parse(answer.body.toString()) as Envelope
  assert.equal(envelope.type, 'error')
  assert.equal(header(answer.headers, 'request-id'), envelope.request_id)
  return envelope
}

/** What the client must have got when the upstream broke after `sent`: its whole frames, an error event, and a clean end. */
async function assertCutStream(target: Target, steps: readonly Step[], sent: Uint8Array): Promise<void> {
  await target.reset()
  target.answer(streamReply(steps))
  const answer = await target.ask({ body: messageRequest })
  assert.equal(answer.status, 200)
  assert.ok(answer.isWhole, 'the stream ends cleanly')
  const last = answer.body.lastIndexOf('event: error\ndata: ')
  assert.notEqual(last, -1, answer.body.toString().slice(-300))
  assert.deepEqual(answer.body.subarray(0, last), Buffer.from(sent), 'whole frames, untouched')
  const report = validateMessageStream(answer.body)
  assert.deepEqual([report.problems, report.errorType, report.complete], [[], 'api_error', false])
  const { event, data } = readEvents(answer.body).events.at(-1) as { readonly event: string; readonly data: string }
  const settlement = await target.theSettlement()
  assert.deepEqual([event, (JSON.parse(data) as Envelope).request_id], ['error', settlement.exchangeId])
  assert.deepEqual([settlement.outcome.kind, settlement.attempts.length, target.upstream.calls.length], ['upstream-truncated', 1, 1])
}

export const failureCases: readonly BehaviourCase[] = [
  {
    id: 'death-between-frames',
    title: 'R7 an upstream that dies after any frame leaves an error event last, no invented message_stop, and one call',
    run: async (target) => {
      const frames = streamFrames()
      for (let count = 1; count < frames.length; count += 1) {
        const sent = joinBytes(frames.slice(0, count))
        await assertCutStream(target, [{ bytes: sent }, { cut: count % 2 === 0 ? 'reset' : 'fin', afterMillis: 40 }], sent)
      }
    },
  },
  {
    id: 'death-mid-frame',
    title: 'R7 an upstream that dies within a frame leaves whole frames and an error event; the torn frame is dropped',
    run: async (target) => {
      const frames = streamFrames()
      for (const [count, share] of [
        [1, 0.5],
        [3, 0.1],
        [5, 0.99],
      ] as const) {
        const torn = frames[count] as Uint8Array
        const sent = joinBytes(frames.slice(0, count))
        await assertCutStream(target, [{ bytes: sent }, { bytes: torn.subarray(0, Math.floor(torn.length * share)) }, { cut: 'reset', afterMillis: 40 }], sent)
      }
    },
  },
  {
    id: 'clean-early-end',
    title: 'R7 a stream that ends cleanly without message_stop is truncated all the same',
    run: async (target) => {
      const frames = streamFrames()
      for (const count of [1, 2, 4, frames.length - 1]) {
        const sent = joinBytes(frames.slice(0, count))
        await assertCutStream(target, [{ bytes: sent }], sent)
      }
    },
  },
  {
    id: 'late-death',
    title: 'R7 an upstream connection that dies after message_stop changes nothing for the client',
    run: async (target) => {
      const bytes = joinBytes(streamFrames())
      target.answer(streamReply([{ bytes }, { cut: 'reset', afterMillis: 40 }]))
      const answer = await target.ask({ body: messageRequest })
      assert.deepEqual(answer.body, Buffer.from(bytes))
      assert.ok(answer.isWhole)
      assert.equal((await target.theSettlement()).outcome.kind, 'completed')
    },
  },
  {
    id: 'torn-json',
    title: 'R7 a JSON reply that breaks off is a broken connection for the client, never a clean end',
    run: async (target) => {
      const bytes = jsonBytes()
      for (const [headers, cut] of [
        [json, 'reset'],
        [json, 'fin'],
        [[...json, ['content-length', String(bytes.length)]], 'reset'],
        [[...json, ['content-length', String(bytes.length)]], 'fin'],
      ] as const) {
        await target.reset()
        target.answer({ status: 200, headers: headers as [string, string][], steps: [{ bytes: bytes.subarray(0, 100) }, { cut, afterMillis: 40 }] })
        const answer = await target.ask({ body: messageRequest })
        assert.equal(answer.isWhole, false, `${cut}, ${headers.length} headers`)
        assert.equal((await target.theSettlement()).outcome.kind, 'upstream-truncated')
      }
    },
  },
  {
    id: 'refused-connection',
    title: 'an upstream that refuses connections is answered with an error envelope that says whether a retry is safe',
    run: async (target) => {
      const answer = await target.ask({ profile: 'dead', body: messageRequest })
      const { error } = envelopeOf(answer)
      assert.equal(error.type, 'api_error')
      assert.deepEqual([answer.status, header(answer.headers, 'x-should-retry')], target.can.knowsRefusal ? [503, 'true'] : [502, undefined])
      const settlement = await target.theSettlement()
      assert.deepEqual([settlement.outcome, settlement.cost.nanoUsd], [{ kind: 'failed', error: { origin: 'gateway', code: 'upstream-unreachable' } }, '0'])
    },
  },
  {
    id: 'broken-before-head',
    title: 'B17 a connection that breaks before the head is answered 502 and not repeated',
    run: async (target) => {
      for (const cut of ['reset', 'fin'] as const) {
        await target.reset()
        target.answer({ status: 200, steps: [{ cut }, { head: true }] })
        const answer = await target.ask({ body: messageRequest })
        assert.deepEqual([answer.status, envelopeOf(answer).error.type], [502, 'api_error'])
        assert.equal(target.upstream.calls.length, 1, 'the upstream was asked once')
        assert.equal((await target.theSettlement()).attempts.length, 1)
      }
    },
  },
  {
    id: 'silent-head',
    title: 'an upstream that never answers is given up on with 504 and the exchange id',
    run: async (target) => {
      target.answer(streamReply([{ stall: true }, { head: true }]))
      const answer = await target.ask({ profile: 'impatient', body: messageRequest })
      assert.deepEqual([answer.status, envelopeOf(answer).error.type], [504, 'timeout_error'])
      assert.deepEqual((await target.theSettlement()).outcome, { kind: 'failed', error: { origin: 'gateway', code: 'upstream-timeout' } })
    },
  },
  {
    id: 'silent-stream',
    title: 'R8 a stream that falls silent past its deadline ends with a timeout error event',
    run: async (target) => {
      const sent = joinBytes(streamFrames().slice(0, 4))
      target.answer(streamReply([{ bytes: sent }, { stall: true }]))
      const answer = await target.ask({ profile: 'impatient', body: messageRequest })
      assert.ok(answer.isWhole)
      assert.equal(validateMessageStream(answer.body).errorType, 'timeout_error')
      assert.deepEqual((await target.theSettlement()).outcome, { kind: 'upstream-truncated', error: { origin: 'gateway', code: 'upstream-timeout' } })
    },
  },
]
