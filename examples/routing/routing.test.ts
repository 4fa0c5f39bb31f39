import { expect, test } from 'vitest'
import { ask, lineWith, openUpstream, runExample, upstreamKey } from '../support/run-example.ts'

test('the rule moves what is small, the second upstream serves what the first cannot, and each exchange says why it went where it went', async () => {
  const second = await openUpstream()
  const example = await runExample('routing/routing.ts', { SECOND_URL: second.url, SECOND_KEY: upstreamKey })
  const first = await ask(example.url)
  expect([first.status, example.upstream.calls.length, second.calls.length]).toEqual([200, 1, 0])
  expect(example.upstream.calls[0]?.json).toMatchObject({ model: 'claude-haiku-4-5' })

  example.upstream.script(() => ({
    status: 529,
    headers: [['content-type', 'application/json']],
    steps: [{ bytes: '{"type":"error","error":{"type":"overloaded_error"}}' }],
  }))
  const moved = await ask(example.url)
  expect([moved.status, example.upstream.calls.length, second.calls.length]).toEqual([200, 2, 1])
  expect(moved.text.match(/event: message_start/g)).toHaveLength(1)

  await example.stop()
  expect(await lineWith(example, 'first 529')).toBe('claude-opus-5-5 -> claude-haiku-4-5 (rules[0]): first 529, then second 200')
  expect(await lineWith(example, 'first 200')).toBe('claude-opus-5-5 -> claude-haiku-4-5 (rules[0]): first 200')
})
