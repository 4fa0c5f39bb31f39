import { expect, test } from 'vitest'
import { ask, runExample, sentByUpstream } from '../support/run-example.ts'

test('Fastify: messages pass byte for byte beside routes of the application, which tell what they cost', async () => {
  const example = await runExample('fastify/fastify.ts')
  const { status, text } = await ask(example.url, {
    scenario: 'thinking',
    headers: { 'x-claude-code-session-id': 'a-session-of-ada', 'x-sluice-repository': 'acme/payments-api' },
  })
  expect(status).toBe(200)
  expect(text).toBe(sentByUpstream(example))
  expect(Buffer.from(example.upstream.calls[0]?.body ?? []).toString()).toContain('"content":"Hello"')
  const spend: unknown = await (await fetch(`${example.url}/spend`)).json()
  expect(spend).toEqual([{ session: 'a-session-of-ada', exchanges: 1, costNanoUsd: expect.stringMatching(/^[1-9]\d*$/) as unknown }])
  await example.stop()
})

test('Fastify: an upstream that breaks within its reply leaves the client with an error event, never with a clean end', async () => {
  const example = await runExample('fastify/fastify.ts')
  const { text } = await ask(example.url, { scenario: 'cut; after-frames=6; how=reset' })
  expect(text).toMatch(/event: error\ndata: .*\n\n$/)
  expect(text).not.toContain('message_stop')
})
