import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { ask, runExample } from '../support/run-example.ts'

const folder = await mkdtemp(join(tmpdir(), 'budgets-'))
afterAll(() => rm(folder, { recursive: true }))
const key = 'ada-ada-ada-ada-ada'
const headers = { authorization: `Bearer ${key}` }

test('a developer with money left is served, and may ask how far the budget is used', async () => {
  const example = await runExample('budgets/budgets.ts', { ADA_KEY: key, STORE: join(folder, 'served.db') })
  expect((await ask(example.url, { headers })).status).toBe(200)
  const usage = await fetch(`${example.url}/api/oauth/usage`, { headers })
  expect(usage.status).toBe(200)
  await example.stop()
})

test('without money an exchange is refused by name before anything is sent, also after a restart', async () => {
  const environment = { ADA_KEY: key, STORE: join(folder, 'refused.db'), DAILY_USD: '0' }
  for (let start = 0; start < 2; start += 1) {
    const example = await runExample('budgets/budgets.ts', environment)
    const { status, text } = await ask(example.url, { headers })
    expect(status).toBe(429)
    expect(JSON.parse(text)).toMatchObject({ error: { type: 'billing_error', message: expect.stringMatching(/Ada, a day.*Ask in #ai-budget\./) } })
    expect(example.upstream.calls).toEqual([])
    await example.stop()
  }
})
