import { startRehearsal, type Rehearsal } from '@sluice/rehearsal'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { cases } from './cases/index.ts'
import { runtimes } from './runtimes/index.ts'
import { Target } from './support/target.ts'

/** A port that nobody listens on. */
async function deadPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

test('every case has an id of its own', () => {
  expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length)
})

for (const runtime of runtimes) {
  describe(runtime.name, () => {
    if (runtime.missing !== undefined) {
      test.skip(`all ${cases.length} cases: ${runtime.missing}`)
      return
    }
    let upstream: Rehearsal
    let target: Target

    const open = async (): Promise<void> => {
      upstream = await startRehearsal({ pace: 0 })
      const deadUrl = `http://127.0.0.1:${await deadPort()}`
      const start = () => runtime.start({ upstreamUrl: upstream.url, deadUrl })
      target = new Target(runtime, upstream, await start(), start)
    }
    const close = async (): Promise<void> => {
      target.client.close()
      await target.fixture.stop()
      await upstream.close()
    }
    beforeAll(open, 30_000)
    afterAll(close)
    beforeEach(() => target.reset())
    afterEach(async ({ task }) => {
      if (task.result?.state !== 'fail') return
      if (target.fixture.complaints() !== '') console.error(`${runtime.name} complained:\n${target.fixture.complaints()}`)
      // What a failed case has left behind must not fail the next.
      await close()
      await open()
    }, 30_000)

    for (const { id, title, notOn, run } of cases) {
      const reason = notOn?.({ can: runtime.can, name: runtime.name })
      if (reason === undefined) test(`${title} [${id}]`, () => run(target), 30_000)
      else test.skip(`${title} [${id}]: ${reason}`)
    }
  })
}
