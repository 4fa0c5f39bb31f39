import { expect, test } from 'vitest'
import { fileURLToPath } from 'node:url'
import { ask, runCommand } from '../support/run-example.ts'

const keys = { ADA_KEY: 'ada-ada-ada-ada-ada', LINUS_KEY: 'linus-linus-linus-linus' }
const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

test('sluice start takes keys, prices and middleware from the file', async () => {
  const flags = ['start', '--port', '0', '--json-log', '--config', file('sluice.config.ts')]
  const command = [file('../../packages/cli/src/main.ts'), ...flags]
  const example = await runCommand(
    { program: process.execPath, args: ['--conditions=sluice-source', '--disable-warning=ExperimentalWarning', ...command] },
    keys,
  )
  const authorization = `Bearer ${keys.ADA_KEY}`
  expect((await ask(example.url)).status).toBe(401)
  expect((await ask(example.url, { headers: { authorization } })).status).toBe(200)
  const batches = await fetch(`${example.url}/v1/messages/batches`, { headers: { authorization } })
  expect([batches.status, await batches.text()]).toEqual([403, expect.stringContaining('does not take batches')])
  await example.stop()
})
