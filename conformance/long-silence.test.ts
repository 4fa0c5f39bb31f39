import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { joinBytes, startRehearsal } from '@sluice/rehearsal'
import { describe, test } from 'vitest'
import { runtimes } from './runtimes/index.ts'
import { messageRequest, streamFrames, streamReply } from './support/replies.ts'
import { Target } from './support/target.ts'

/** Real time, so not for every run: `SLUICE_SILENCE_SECONDS=310 npx vitest run --project behaviour --maxConcurrency 8 conformance/long-silence.test.ts`. */
const seconds = Number(process.env['SLUICE_SILENCE_SECONDS'] ?? 0)
if (seconds === 0) console.log('skipped: silence in real time, since SLUICE_SILENCE_SECONDS is not set')

describe.skipIf(seconds === 0).concurrent('R8, B15 an upstream that is silent for minutes, in real time', () => {
  for (const runtime of runtimes) {
    test.skipIf(runtime.missing !== undefined)(
      `${runtime.name}: the stream survives ${seconds} s of silence, byte for byte, and is recorded`,
      async () => {
        const upstream = await startRehearsal({ pace: 0 })
        const start = () => runtime.start({ upstreamUrl: upstream.url, deadUrl: 'http://127.0.0.1:9' })
        const target = new Target(runtime, upstream, await start(), start)
        try {
          const frames = streamFrames()
          target.answer(streamReply([{ bytes: joinBytes(frames.slice(0, 4)) }, { until: sleep(seconds * 1_000) }, { bytes: joinBytes(frames.slice(4)) }]))
          const { body } = await target.ask({ body: messageRequest })
          assert.deepEqual(body, Buffer.from(joinBytes(frames)))
          const settlement = await target.theSettlement()
          assert.equal(settlement.outcome.kind, 'completed')
          assert.ok(settlement.endedAt - settlement.startedAt >= seconds * 1_000)
        } finally {
          target.client.close()
          await target.fixture.stop()
          await upstream.close()
        }
      },
      (seconds + 90) * 1_000,
    )
  }
})
