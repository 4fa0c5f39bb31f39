import { expect, test } from 'vitest'
import { ask, lineWith, runExample, sentByUpstream } from '../support/run-example.ts'

const keys = { ADA_KEY: 'ada-ada-ada-ada-ada', LINUS_KEY: 'linus-linus-linus-linus' }

test('keys let in, strangers are refused, and the report on exit has what each developer spent', async () => {
  const example = await runExample('node-http/node-http.ts', keys)
  const stranger = await ask(example.url, { headers: { authorization: 'Bearer not-a-key-of-anyone' } })
  expect(stranger.status).toBe(401)
  expect(stranger.text).toContain('"authentication_error"')
  expect(example.upstream.calls).toEqual([])
  const ofAda = await ask(example.url, { headers: { authorization: `Bearer ${keys.ADA_KEY}` } })
  expect(ofAda.status).toBe(200)
  expect(ofAda.text).toBe(sentByUpstream(example))
  await ask(example.url, { isStream: false, headers: { 'x-api-key': keys.LINUS_KEY } })
  await ask(example.url, { isStream: false, headers: { 'x-api-key': keys.LINUS_KEY } })
  await example.stop()
  expect(await lineWith(example, 'linus')).toMatch(/^linus, claude-opus-5-5: 2 exchanges, \d+ output tokens, 0\.\d{6} USD$/)
  expect(await lineWith(example, 'ada')).toMatch(/^ada, claude-opus-5-5: 1 exchanges, /)
  expect(example.lines.join()).not.toContain(keys.ADA_KEY)
})

test('a key that is missing from the environment keeps it from starting, and says which', async () => {
  await expect(runExample('node-http/node-http.ts')).rejects.toThrow('keys[0].secret: has 0 characters')
})
