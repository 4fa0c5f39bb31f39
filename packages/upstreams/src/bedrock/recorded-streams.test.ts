import Anthropic from '@anthropic-ai/sdk'
import { bytesSource } from '@sluice/core'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { sharedFolder } from '../../test/shared-material.ts'
import { upstreamBench } from '../../test/upstream-bench.ts'
import { bedrockInvoke } from './bedrock-invoke.ts'
import { messageStream } from './message-stream.ts'

const corpus = sharedFolder('corpus')

interface Recording {
  readonly name: string
  readonly bytes: Uint8Array
  readonly message: unknown
  readonly events: number
}

/** Streams of `InvokeModel`; those of Bedrock's other API, which has no final message, are not ours. */
const recordings: readonly Recording[] =
  corpus === undefined
    ? []
    : readdirSync(corpus, { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('/response.eventstream') && existsSync(join(corpus, path.replace('response.eventstream', 'final.json'))))
        .toSorted()
        .map((path) => {
          const final = JSON.parse(readFileSync(join(corpus, path.replace('response.eventstream', 'final.json')), 'utf8')) as {
            message: unknown
            n_events: number
          }
          return {
            name: path.replace('/response.eventstream', ''),
            bytes: new Uint8Array(readFileSync(join(corpus, path))),
            message: final.message,
            events: final.n_events,
          }
        })

async function decoded(chunks: readonly Uint8Array[]): Promise<string> {
  const parts: Uint8Array[] = []
  await messageStream(bytesSource(...chunks)).pump((chunk) => void parts.push(chunk))
  return Buffer.concat(parts).toString()
}

/** The message that the official SDK makes of a stream of the Messages API. */
async function sdkMessage(text: string): Promise<unknown> {
  const client = new Anthropic({
    apiKey: 'key',
    baseURL: 'https://api.test',
    fetch: () => Promise.resolve(new Response(text, { headers: { 'content-type': 'text/event-stream' } })),
  })
  const final = await client.beta.messages.stream({ model: 'any', max_tokens: 1, messages: [{ role: 'user', content: 'hi' }] }).finalMessage()
  // The SDK's own addition, which is on no wire.
  return JSON.parse(JSON.stringify(final), (key, value: unknown) => (key === 'parsed_output' && value === null ? undefined : value))
}

/** Every single place up to here; above it, every so many bytes. */
const everyPlaceUpTo = 3 * 1024

describe.skipIf(recordings.length === 0)('H8: recorded Bedrock streams', () => {
  it.each(recordings)(
    '$name decodes exactly at every split, to the final message of the official SDK',
    { timeout: 120_000 },
    async ({ bytes, message, events }) => {
      const whole = await decoded([bytes])
      expect(whole.split('\n\n')).toHaveLength(events + 1)
      const step = Math.ceil(bytes.length / everyPlaceUpTo)
      for (let cut = 1; cut < bytes.length; cut += step) {
        if ((await decoded([bytes.subarray(0, cut), bytes.subarray(cut)])) !== whole) expect.fail(`differs when cut at ${cut}`)
      }
      expect(await decoded(Array.from({ length: bytes.length }, (_, index) => bytes.subarray(index, index + 1)))).toBe(whole)
      if (message !== null) expect(await sdkMessage(whole)).toEqual(message)
    },
  )

  it.each(recordings.filter((_, index) => index % 4 === 0))('$name passes a gateway as a complete and metered stream', async ({ bytes }) => {
    const upstream = bedrockInvoke({
      region: 'us-east-1',
      bearerToken: 'token',
      models: { 'claude-sonnet-4-5-20250929': 'anthropic.claude-sonnet-4-5-20250929-v1:0' },
    })
    const { send } = upstreamBench(upstream, { headers: [['content-type', 'application/vnd.amazon.eventstream']], body: [bytes] })
    const { settlement, sink } = await send()
    expect(sink.text()).toBe(await decoded([bytes]))
    expect(settlement).toMatchObject({ outcome: { kind: 'completed' }, isStream: true, usage: { source: 'final' } })
  })
})
