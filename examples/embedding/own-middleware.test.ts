import { expect, test } from 'vitest'
import { ask, lineWith, runExample, sentByUpstream } from '../support/run-example.ts'

test('a listed model passes byte for byte, and the end of its exchange is told', async () => {
  const example = await runExample('embedding/own-middleware.ts')
  const { status, text } = await ask(example.url)
  expect(status).toBe(200)
  expect(text).toBe(sentByUpstream(example))
  expect(await lineWith(example, 'completed')).toBe('claude-opus-5-5: completed, usage is final')
  await example.stop()
})

test("another is refused in the API's envelope, and never reaches the upstream", async () => {
  const example = await runExample('embedding/own-middleware.ts', { MODELS: 'claude-haiku-5-5' })
  const { status, text } = await ask(example.url)
  expect(status).toBe(403)
  expect(JSON.parse(text)).toMatchObject({ type: 'error', error: { type: 'permission_error', message: 'This gateway does not serve claude-opus-5-5.' } })
  expect(example.upstream.calls).toEqual([])
  await example.stop()
})
