import { expect, test } from 'vitest'
import { ask, runExample } from '../support/run-example.ts'

const key = 'ada-ada-ada-ada-ada'
const asAda = (session: string): { readonly headers: Readonly<Record<string, string>> } => ({
  headers: { authorization: `Bearer ${key}`, 'x-claude-code-session-id': session },
})

test('twenty requests at once against a limit of five all succeed, in line', async () => {
  const example = await runExample('rate-limits/rate-limits.ts', { ADA_KEY: key })
  const replies = await Promise.all(Array.from({ length: 20 }, () => ask(example.url, asAda('session-1'))))
  expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200))
  expect(example.upstream.calls).toHaveLength(20)
  await example.stop()
})

test('a fourth session of a developer is refused by name, and those that are open go on', async () => {
  const example = await runExample('rate-limits/rate-limits.ts', { ADA_KEY: key })
  for (const session of ['one', 'two', 'three']) expect((await ask(example.url, asAda(`session-${session}`))).status).toBe(200)
  const fourth = await ask(example.url, asAda('session-four'))
  expect(fourth.status).toBe(429)
  expect(JSON.parse(fourth.text)).toMatchObject({
    error: { type: 'rate_limit_error', message: 'Rate limit "Sessions" is reached: 3 active sessions at a time for each developer. Try again in 10 minutes.' },
  })
  expect((await ask(example.url, asAda('session-two'))).status).toBe(200)
  await example.stop()
})
