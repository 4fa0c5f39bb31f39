import { createAnthropic } from '@ai-sdk/anthropic'
import Anthropic from '@anthropic-ai/sdk'
import { ChatAnthropic } from '@langchain/anthropic'
import { tool as langchainTool } from '@langchain/core/tools'
import { createGateway, swapCredential } from '@sluice/core'
import { messageJson, messageStream, startRehearsal, type Rehearsal, type RehearsalCall } from '@sluice/rehearsal'
import { memoryLedger, type MemoryLedger } from '@sluice/storage-memory'
import { generateText, stepCountIs, streamText, tool } from 'ai'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { nodeRuntime, serve, type Served } from '../src/index.ts'

/** Clients that developers use, streaming and not, with tools, through a gateway that must be invisible to them. */
const model = 'claude-sonnet-4-5'
const weather = z.object({ city: z.string() })
const answered = { sunny: true }

describe('client libraries through the gateway', () => {
  let rehearsal: Rehearsal
  let ledger: MemoryLedger
  let served: Served
  const runtime = nodeRuntime()

  beforeAll(async () => {
    rehearsal = await startRehearsal({ pace: 0 })
    rehearsal.script((call) => (call.path === '/v1/messages' ? reply(call) : undefined))
    ledger = memoryLedger()
    served = await serve(
      createGateway({ runtime, upstreams: [{ name: 'rehearsal', baseUrl: rehearsal.url, credential: swapCredential('sk-ant-upstream') }] }).record(ledger),
      { port: 0 },
    )
  })
  afterEach(async () => {
    const calls = rehearsal.calls.length
    const exchanges = await ledger.exchanges({})
    expect(exchanges).toHaveLength(calls)
    for (const { outcome, path, proof, usage } of exchanges) {
      expect(outcome.kind).toBe('completed')
      expect(usage.source).toBe(path === '/v1/messages' ? 'final' : 'none')
      expect([proof.upstreamRequestDigest, proof.upstreamResponseDigest]).toEqual([proof.requestDigest, proof.responseDigest])
    }
  })
  afterAll(async () => {
    await served.stop()
    await rehearsal.close()
    await runtime.close()
  })

  /** Asks for the tool until its result is in the conversation, then answers in words. */
  function reply(call: RehearsalCall): ReturnType<Parameters<Rehearsal['script']>[0] & object> {
    const body = call.json as { readonly tools?: readonly unknown[]; readonly messages: unknown; readonly stream?: boolean }
    const hasResult = JSON.stringify(body.messages).includes('tool_result')
    const wantsTool = (body.tools?.length ?? 0) > 0 && !hasResult
    const message = {
      model,
      blocks: wantsTool
        ? [
            { type: 'text' as const, text: 'Looking.' },
            { type: 'tool_use' as const, name: 'weather', input: { city: 'Zürich 🎉' } },
          ]
        : [{ type: 'text' as const, text: 'It is sunny in Zürich.' }],
      stopReason: wantsTool ? 'tool_use' : 'end_turn',
      usage: { input_tokens: 40, output_tokens: 12 },
    }
    return body.stream === true
      ? { status: 200, headers: [['content-type', 'text/event-stream; charset=utf-8']], steps: messageStream(message).map((bytes) => ({ bytes })) }
      : { status: 200, headers: [['content-type', 'application/json']], steps: [{ bytes: messageJson(message) }] }
  }

  const prompt = 'What is the weather in Zürich?'

  it('the official SDK: plain, streaming helper, and the tool runner', async () => {
    const client = new Anthropic({ baseURL: served.url, apiKey: 'sk-client', maxRetries: 0 })
    const request = { model, max_tokens: 100, messages: [{ role: 'user' as const, content: prompt }] }
    expect((await client.messages.create(request)).content).toMatchObject([{ text: 'It is sunny in Zürich.' }])
    const tools = [{ name: 'weather', input_schema: { type: 'object' as const, properties: { city: { type: 'string' } } } }]
    const stream = client.messages.stream({ ...request, tools })
    const deltas: string[] = []
    stream.on('inputJson', (part) => void deltas.push(part))
    const final = await stream.finalMessage()
    expect(final).toMatchObject({
      stop_reason: 'tool_use',
      usage: { input_tokens: 40, output_tokens: 12 },
      content: [{ text: 'Looking.' }, { name: 'weather', input: { city: 'Zürich 🎉' } }],
    })
    expect(JSON.parse(deltas.join(''))).toEqual({ city: 'Zürich 🎉' })
    expect((await client.messages.countTokens({ model, messages: request.messages })).input_tokens).toBeGreaterThan(0)
  })

  it('@ai-sdk/anthropic: generateText and streamText with a tool loop', async () => {
    const anthropic = createAnthropic({ baseURL: `${served.url}/v1`, apiKey: 'sk-client' })
    const tools = { weather: tool({ inputSchema: weather, execute: async () => answered }) }
    const generated = await generateText({ model: anthropic(model), prompt, tools, stopWhen: stepCountIs(3), maxRetries: 0 })
    expect(generated.text).toBe('It is sunny in Zürich.')
    expect(generated.steps).toHaveLength(2)
    const streamed = streamText({ model: anthropic(model), prompt, tools, stopWhen: stepCountIs(3), maxRetries: 0 })
    expect(await streamed.text).toBe('It is sunny in Zürich.')
    expect((await streamed.steps)[0]?.toolCalls[0]?.input).toEqual({ city: 'Zürich 🎉' })
  })

  it('LangChain: invoke and stream, with a bound tool', async () => {
    const chat = new ChatAnthropic({ model, apiKey: 'sk-client', anthropicApiUrl: served.url, maxTokens: 100, maxRetries: 0 })
    expect((await chat.invoke(prompt)).text).toBe('It is sunny in Zürich.')
    const bound = chat.bindTools([langchainTool(async () => JSON.stringify(answered), { name: 'weather', description: 'Weather of a city', schema: weather })])
    const parts = []
    for await (const part of await bound.stream(prompt)) parts.push(part)
    const whole = parts.reduce((sum, part) => sum.concat(part))
    expect(whole.tool_calls).toMatchObject([{ name: 'weather', args: { city: 'Zürich 🎉' } }])
  })

  it('counts every exchange of theirs', async () => {
    const [row] = await ledger.report({ groupBy: ['model'], where: { model } })
    const priced = (await ledger.exchanges({})).filter(({ path }) => path === '/v1/messages')
    expect(row?.costNanoUsd).toBe(BigInt(priced.length) * (40n * 3_000n + 12n * 15_000n))
  })
})
