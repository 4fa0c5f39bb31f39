import { expect, test } from 'vitest'
import { ask, lineWith, runExample, sentByUpstream } from '../support/run-example.ts'

const scenario = 'parallel-tools; calls=3'

test('the observer counts the tools of a stream, and the stream is what the upstream sent', async () => {
  const example = await runExample('observer/observer.ts')
  const { text } = await ask(example.url, { scenario })
  expect(text).toBe(sentByUpstream(example))
  const calls = text.match(/"type": ?"tool_use"/g)?.length ?? 0
  const { outcome, tools } = JSON.parse(await lineWith(example, '"tools"')) as { readonly outcome: string; readonly tools: Readonly<Record<string, number>> }
  expect(outcome).toBe('completed')
  expect(Object.values(tools).reduce((sum, count) => sum + count, 0)).toBe(calls)
  await example.stop()
})

test('the gate ends the stream before the denied call; what the client has is whole frames and one valid error', async () => {
  const open = await runExample('observer/observer.ts')
  const tool = /"type": ?"tool_use".*?"name": ?"([^"]+)"/.exec((await ask(open.url, { scenario })).text)?.[1] ?? ''
  const example = await runExample('observer/observer.ts', { DENIED_TOOLS: tool })
  const { status, text } = await ask(example.url, { scenario })
  expect(status).toBe(200)
  expect(text).not.toMatch(/"type": ?"tool_use"/)
  expect(text).toMatch(/event: error\ndata: .*"permission_error".*\n\n$/)
  expect(text).not.toContain('message_stop')
  expect(JSON.parse(await lineWith(example, '"tools"'))).toMatchObject({ outcome: 'cut' })
})

test('a client that asks again without a stream gets past neither', async () => {
  const open = await runExample('observer/observer.ts')
  const tool = /"type": ?"tool_use".*?"name": ?"([^"]+)"/.exec((await ask(open.url, { scenario })).text)?.[1] ?? ''
  const example = await runExample('observer/observer.ts', { DENIED_TOOLS: tool })
  const { status, text } = await ask(example.url, { scenario, isStream: false })
  expect(status).toBe(403)
  expect(JSON.parse(text)).toMatchObject({ error: { type: 'permission_error' } })
  const { outcome, tools } = JSON.parse(await lineWith(example, '"tools"')) as { readonly outcome: string; readonly tools: Readonly<Record<string, number>> }
  expect(outcome).toBe('cut')
  expect(tools[tool]).toBeGreaterThan(0)
})
