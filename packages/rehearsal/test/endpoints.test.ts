import Anthropic, { toFile } from '@anthropic-ai/sdk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRehearsal, type Rehearsal } from '../src/index.ts'
import { post, prompt } from './support.ts'

let rehearsal: Rehearsal
let client: Anthropic
beforeAll(async () => {
  rehearsal = await startRehearsal()
  client = new Anthropic({ baseURL: rehearsal.url, apiKey: 'sk-test', maxRetries: 0 })
})
afterAll(() => rehearsal.close())

const ask = { model: 'claude-opus-5-5', messages: [{ role: 'user' as const, content: 'x'.repeat(400) }] }

describe('the other endpoints', () => {
  it('count_tokens counts what a reply to the same prompt reports', async () => {
    const { input_tokens } = await client.messages.countTokens(ask)
    expect((await client.messages.create({ ...ask, max_tokens: 9 })).usage.input_tokens).toBe(input_tokens)
    expect(input_tokens).toBe(103)
  })

  it('models are listed, paged and found one by one', async () => {
    const ids: string[] = []
    for await (const model of client.models.list({ limit: 3 })) ids.push(model.id)
    expect(ids).toContain('claude-opus-5-5')
    expect(new Set(ids).size).toBe(ids.length)
    expect((await client.models.retrieve('claude-haiku-5-5')).display_name).toBe('Claude Haiku 5.5')
    await expect(client.models.retrieve('claude-none')).rejects.toMatchObject({ status: 404 })
  })

  it('a batch goes from in progress to ended with a result a request', async () => {
    const batch = await client.messages.batches.create({
      requests: [
        { custom_id: 'a', params: { ...ask, max_tokens: 9 } },
        { custom_id: 'b', params: { ...ask, max_tokens: 9 } },
      ],
    })
    expect(batch.processing_status).toBe('in_progress')
    expect((await client.messages.batches.retrieve(batch.id)).processing_status).toBe('ended')
    expect((await client.messages.batches.list()).data.map(({ id }) => id)).toEqual([batch.id])
    const results: string[] = []
    for await (const line of await client.messages.batches.results(batch.id)) results.push(`${line.custom_id} ${line.result.type}`)
    expect(results).toEqual(['a succeeded', 'b succeeded'])
  })

  it('a file is stored, listed, found and deleted', async () => {
    const file = await client.beta.files.upload({
      file: await toFile(Buffer.from('hello files'), 'hello.txt', { type: 'text/plain' }),
    })
    expect(file).toMatchObject({ filename: 'hello.txt', mime_type: 'text/plain' })
    expect((await client.beta.files.retrieveMetadata(file.id)).id).toBe(file.id)
    expect((await client.beta.files.list()).data).toHaveLength(1)
    await client.beta.files.delete(file.id)
    expect((await client.beta.files.list()).data).toEqual([])
  })

  it('health probes are answered without a credential', async () => {
    expect((await fetch(rehearsal.url, { method: 'HEAD' })).status).toBe(200)
    expect((await fetch(`${rehearsal.url}/api/hello`, { method: 'HEAD' })).status).toBe(200)
  })

  it.each(['/', '/api/hello', '/v1/models', '/v1/models/claude-none', '/v1/messages/batches', '/v1/files', '/v1/messages', '/v3'])(
    'the answer to GET %s is dated, once, by the clock of the rehearsal',
    async (path) => {
      const dated = await startRehearsal({ now: () => Date.UTC(2026, 10, 24, 12) })
      for (const method of ['GET', 'HEAD']) expect((await fetch(dated.url + path, { method })).headers.get('date')).toBe('Tue, 24 Nov 2026 12:00:00 GMT')
      expect((await post(dated, 'error')).headers.get('date')).toBe('Tue, 24 Nov 2026 12:00:00 GMT')
      expect((await post(dated, 'text')).headers.get('date')).toBe('Tue, 24 Nov 2026 12:00:00 GMT')
      await dated.close()
    },
  )

  it("an unknown path gets the API's 404 envelope with the request id", async () => {
    const response = await fetch(`${rehearsal.url}/v1/nothing`)
    expect(response.status).toBe(404)
    expect(await response.json()).toEqual({
      type: 'error',
      error: { type: 'not_found_error', message: 'Not Found' },
      request_id: response.headers.get('request-id'),
    })
  })

  it.each([
    ['no version header', prompt(), { 'anthropic-version': '' }, 'max_tokens'],
    ['no max_tokens', { ...prompt(), max_tokens: undefined }, {}, 'max_tokens: Field required'],
    ['no messages', { ...prompt(), messages: [] }, {}, 'at least one message'],
    [
      'five cache breakpoints',
      prompt({
        system: Array.from({ length: 5 }, () => ({ type: 'text', text: 'x', cache_control: { type: 'ephemeral' } })),
      }),
      {},
      'Found 5',
    ],
  ])('a request with %s is refused as the API does', async (why, body, headers, message) => {
    if (why === 'no version header') {
      const response = await fetch(`${rehearsal.url}/v1/messages`, { method: 'POST', body: JSON.stringify(body) })
      return expect(await response.text()).toContain('anthropic-version: header is required')
    }
    const response = await post(rehearsal, undefined, body, { headers })
    expect(response.status).toBe(400)
    expect(await response.text()).toContain(message)
  })

  it('a body that is not JSON is refused', async () => {
    const response = await fetch(`${rehearsal.url}/v1/messages`, {
      method: 'POST',
      body: '{"model"',
      headers: { 'anthropic-version': '2023-06-01' },
    })
    expect(response.status).toBe(400)
    expect(await response.text()).toContain('not valid JSON')
  })
})
