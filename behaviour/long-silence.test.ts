import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { joinBytes, startRehearsal } from '@sluice/rehearsal'
import { test } from 'vitest'
import { runtimes } from './runtimes/index.ts'
import type { BehaviourRuntime } from './runtimes/runtime.ts'
import { messageRequest, streamFrames, streamReply } from './support/replies.ts'
import { Target } from './support/target.ts'

/** Real time, so not for every run: `SLUICE_SILENCE_SECONDS=310 npx vitest run --project behaviour behaviour/long-silence.test.ts`. */
const seconds = Number(process.env['SLUICE_SILENCE_SECONDS'] ?? 0)
if (seconds === 0) console.log('skipped: silence in real time, since SLUICE_SILENCE_SECONDS is not set')

async function survives(runtime: BehaviourRuntime): Promise<string> {
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
    return `${runtime.name}: complete after ${Math.round((settlement.endedAt - settlement.startedAt) / 1000)} s`
  } finally {
    target.client.close()
    await target.fixture.stop()
    await upstream.close()
  }
}

test.skipIf(seconds === 0)(
  `R8, B15 on every runtime a stream survives ${seconds} s of its upstream's silence in real time, byte for byte, and is recorded`,
  async () => {
    const here = runtimes.filter(({ missing }) => missing === undefined)
    const results = await Promise.allSettled(here.map(survives))
    console.log(results.map((result, index) => (result.status === 'fulfilled' ? result.value : `${here[index]?.name}: ${String(result.reason)}`)).join('\n'))
    assert.deepEqual(
      results.filter(({ status }) => status === 'rejected'),
      [],
    )
  },
  (seconds + 120) * 1_000,
)
