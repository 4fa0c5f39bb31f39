import { expect, test } from 'vitest'
import { ask, runExample, sentByUpstream, upstreamKey } from '../support/run-example.ts'

test('a few lines are a gateway: a message passes with the key of the gateway, and SIGTERM ends it', async () => {
  const example = await runExample('embedding/embedding.ts')
  const { status, text } = await ask(example.url, { headers: { 'x-api-key': 'of-the-client' } })
  expect(status).toBe(200)
  expect(text).toBe(sentByUpstream(example))
  expect(text).toContain('event: message_stop')
  expect(example.upstream.calls[0]?.header('x-api-key')).toBe(upstreamKey)
  expect((await fetch(`${example.url}/readyz`)).status).toBe(200)
  await example.stop()
})
