import { Stream } from '@anthropic-ai/sdk/core/streaming'
import { FrameSplitter, scanTopLevel } from '@sluice/core'
import { compilePolicy, type RouteFacts } from '@sluice/core/policy'
import { memoryBudgetBook } from '@sluice/storage-memory'
import { createParser } from 'eventsource-parser'
import { MessageMeter } from '../packages/core/src/meter/message-meter.ts'
import { claudeCodeBody } from './load.ts'
import { median, rounded } from './statistics.ts'

/** What one piece of work costs, done by us and by what a user would take instead. */
export interface MicroResult {
  readonly what: string
  readonly by: string
  /** CPU time for one: an event, a body, a decision. */
  readonly microseconds: number
  readonly per: string
}

/** How much is measured. */
export interface MicroOptions {
  readonly batchMillis: number
  readonly batches: number
}

const eventCount = 3_000
const chunkBytes = 16 * 1024
const maxFrameBytes = 256 * 1024
const ruleCount = 200

/** The pieces of the hot path by themselves, beside the libraries that do the same or part of it. */
export async function measureMicro({ batchMillis, batches }: MicroOptions): Promise<readonly MicroResult[]> {
  const results: MicroResult[] = []
  const measure = async (what: string, by: string, per: string, each: number, work: () => unknown): Promise<void> => {
    const costs: number[] = []
    // The first batch warms up, and is thrown away.
    for (let batch = 0; batch <= batches; batch += 1) {
      const until = performance.now() + batchMillis
      const before = process.cpuUsage()
      let count = 0
      while (performance.now() < until) {
        await work()
        count += 1
      }
      const { user, system } = process.cpuUsage(before)
      if (batch > 0) costs.push((user + system) / count / each)
    }
    results.push({ what, by, per, microseconds: rounded(median(costs)) })
  }
  const chunks = streamChunks()
  await measure('split a stream into events', 'Sluice', 'event', eventCount, () => split(chunks))
  await measure('split a stream into events', 'eventsource-parser', 'event', eventCount, () => parse(chunks, () => undefined))
  await measure('read usage from a stream', 'Sluice', 'event', eventCount, () => meter(chunks))
  await measure('read usage from a stream', 'eventsource-parser and JSON.parse', 'event', eventCount, () => parse(chunks, JSON.parse))
  await measure('read usage from a stream', 'stream of @anthropic-ai/sdk', 'event', eventCount, () => readBySdk(chunks))
  for (const kilobytes of [100, 350, 1024]) {
    const body = claudeCodeBody(kilobytes * 1024)
    const what = `find the model in a body of ${kilobytes} KB`
    await measure(what, 'Sluice', 'body', 1, () => scanTopLevel(body))
    await measure(what, 'JSON.parse', 'body', 1, () => JSON.parse(body.toString()) as unknown)
  }
  const policy = compilePolicy({ version: 1, rules: rules() })
  await measure(`decide by a policy of ${ruleCount} rules`, 'Sluice', 'decision', 100, () => {
    for (let count = 0; count < 100; count += 1) policy.evaluate(facts)
  })
  const book = memoryBudgetBook()
  let holds = 0
  await measure('reserve and settle on a budget', 'Sluice, in memory', 'decision', 1, async () => {
    const slot = { account: 'hot', bucket: 0, firstBucket: 0 }
    const holdId = `hold-${(holds += 1)}`
    await book.reserve({ holdId, claims: [{ ...slot, amount: 1_000n, cap: 1_000_000_000_000_000n }], expiresAt: Date.now() + 60_000 })
    await book.settle([{ holdId, charges: [{ ...slot, amount: 900n }] }])
  })
  return results
}

function streamChunks(): readonly Buffer[] {
  const frame = (event: string, data: object): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
  const usage = { input_tokens: 12, cache_creation_input_tokens: 400, cache_read_input_tokens: 27_000, output_tokens: 1 }
  const deltas = Array.from({ length: eventCount - 3 }, (_, index) =>
    frame('content_block_delta', { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: `word ${index} of a reply ` } }),
  )
  const start = frame('message_start', { type: 'message_start', message: { id: 'msg_bench', model: 'claude-opus-5-5', content: [], usage } })
  const end = frame('message_delta', { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage }) + frame('message_stop', { type: 'message_stop' })
  const bytes = Buffer.from(start + deltas.join('') + end)
  return Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, index) => bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes))
}

function split(chunks: readonly Buffer[]): number {
  const splitter = new FrameSplitter(maxFrameBytes, () => undefined)
  return chunks.reduce((sum, chunk) => sum + splitter.push(chunk).frames.length, 0)
}

function meter(chunks: readonly Buffer[]): MessageMeter {
  const splitter = new FrameSplitter(maxFrameBytes, () => undefined)
  const read = new MessageMeter()
  for (const chunk of chunks) for (const frame of splitter.push(chunk).frames) read.frame(frame)
  return read
}

function parse(chunks: readonly Buffer[], onData: (data: string) => unknown): void {
  const parser = createParser({ onEvent: ({ data }) => void onData(data) })
  const decoder = new TextDecoder()
  for (const chunk of chunks) parser.feed(decoder.decode(chunk, { stream: true }))
}

async function readBySdk(chunks: readonly Buffer[]): Promise<number> {
  const events = Stream.fromSSEResponse(new Response(ReadableStream.from(chunks) as ReadableStream<Uint8Array<ArrayBuffer>>), new AbortController())
  let count = 0
  for await (const event of events) if (event !== undefined) count += 1
  return count
}

/** Each looks at several facts, and only the last one matches. */
function rules(): readonly object[] {
  const never = Array.from({ length: ruleCount - 1 }, (_, index) => ({
    when: { model: ['claude-opus-5-5', 'claude-opus-5'], scope: `acme/retail/team-${index}`, inputTokens: { atLeast: 1_000 } },
    do: { target: { model: 'claude-sonnet-5-5' } },
  }))
  return [...never, { do: { target: { model: 'claude-haiku-4-5' } } }]
}

const facts: RouteFacts = {
  model: 'claude-opus-5-5',
  kind: 'main',
  inputTokens: 16_000,
  newTokens: 900,
  contextTokens: 144_000,
  hasTools: true,
  hasThinking: true,
  turn: 3,
  sessionAgeMillis: 600_000,
  scopes: ['acme', 'acme/retail', 'acme/retail/web'],
  tags: { team: 'payments' },
  repository: 'payments-api',
  at: Date.UTC(2026, 10, 24, 12, 0),
  mustDowngrade: false,
}
