import type { LiveCall } from '../server/call.ts'
import { inputUsage, type PromptCache, type PromptTokens } from '../prompt/prompt-cache.ts'
import { tokensFromBytes, tokensOfText } from '../prompt/canonical.ts'
import { isObject, objectsOf } from '../prompt/json.ts'
import { readRequest, type MessagesRequest } from '../prompt/request.ts'
import { scanRequest } from '../prompt/scan.ts'
import type { ScenarioOptions } from '../prompt/selection.ts'
import type { ReplyBlock } from '../wire/blocks.ts'
import { chunked, type Chunking } from '../wire/chunked.ts'
import { dateHeader, identityHeaders, rateLimitHeaders, type HeaderList } from '../wire/headers.ts'
import { mintId, type RandomSource } from '../wire/ids.ts'
import { messageJson, messageStream, type MessageParts } from '../wire/message.ts'
import { toSteps, type ScriptedReply, type Step } from '../wire/reply.ts'
import type { PartialUsage } from '../wire/usage.ts'

/** What outlives a single call: the cache simulation and a few counters. */
export interface StageMemory {
  readonly cache: PromptCache
  readonly random: RandomSource
  readonly now: () => number
  readonly organization: string
  /** Values that a scenario computes once, e.g. precomputed frames. */
  readonly shared: Map<string, readonly Uint8Array[]>
}

/** A reply as a scenario states it; model, usage and ids are filled in. */
export type ReplyParts = Omit<MessageParts, 'model' | 'random'>

/** Everything a scenario needs to answer one request. */
export class Stage {
  readonly call: LiveCall
  readonly options: ScenarioOptions
  readonly memory: StageMemory
  readonly #scanned: { readonly model: string; readonly streams: boolean } | undefined
  #request: MessagesRequest | undefined
  #tokens: PromptTokens | undefined

  constructor(call: LiveCall, options: ScenarioOptions, memory: StageMemory) {
    this.call = call
    this.options = options
    this.memory = memory
    this.#scanned = options.flag('simulateCache', true) ? undefined : scanRequest(call.body)
  }

  /** The parsed request; parses the body on first use. */
  get request(): MessagesRequest {
    this.#request ??= readRequest(this.call.json)
    return this.#request
  }

  /** The model that the reply names. */
  get model(): string {
    return this.options.text('model', (this.#scanned ?? this.request).model)
  }

  get streams(): boolean {
    return (this.#scanned ?? this.request).streams
  }

  get random(): RandomSource {
    return this.memory.random
  }

  /** Head fields of a 200 answer. */
  headers(contentType: string): HeaderList {
    const { random, now, organization } = this.memory
    return [
      dateHeader(now()),
      ['content-type', contentType],
      ['cache-control', 'no-cache'],
      ...rateLimitHeaders(now(), { requests: 3999, tokens: 3_999_000 }),
      ...identityHeaders(random, organization),
    ]
  }

  /** The parts of a reply with its model and its usage: counted prompt, counted output, then what options override. */
  complete(parts: ReplyParts): MessageParts {
    const usage = { ...this.#inputUsage(), ...outputUsage(parts.blocks), ...this.#statedUsage(), ...parts.usage }
    const extras = this.#extras(parts)
    return { ...extras, ...parts, blocks: extras.blocks, model: this.model, usage, random: this.random }
  }

  /** The frames of the streamed form. */
  frames(parts: ReplyParts): Uint8Array[] {
    return messageStream(this.complete(parts))
  }

  /** The reply in the form that the request asked for: a stream iff `stream` is true. */
  respond(parts: ReplyParts): ScriptedReply {
    return this.streams ? this.stream(this.pacedSteps(this.frames(parts))) : this.json(messageJson(this.complete(parts)))
  }

  stream(steps: readonly Step[]): ScriptedReply {
    return { status: 200, headers: this.headers('text/event-stream; charset=utf-8'), steps }
  }

  json(body: Uint8Array): ScriptedReply {
    return {
      status: 200,
      headers: [...this.headers('application/json'), ['content-length', String(body.length)]],
      steps: [{ bytes: body }],
    }
  }

  /** Frames as steps, cut and paced as the common options `chunking` and `delay-millis` say. */
  pacedSteps(frames: readonly Uint8Array[]): Step[] {
    const steps = toSteps(chunked(frames, chunkingOf(this.options)))
    const delay = this.options.number('delayMillis', 0)
    return delay === 0 ? steps : steps.flatMap((step, index) => (index === 0 ? [step] : [{ waitMillis: delay }, step]))
  }

  #inputUsage(): PartialUsage {
    if (this.#scanned !== undefined) return { input_tokens: tokensFromBytes(this.call.body.length) }
    this.#tokens ??= this.memory.cache.account(
      this.request.body,
      `${this.call.header('x-api-key') ?? this.call.header('authorization') ?? ''}\n${this.request.model}`,
    )
    return inputUsage(this.#tokens)
  }

  #statedUsage(): PartialUsage {
    const { options } = this
    const write5m = options.whole('cacheWrite5mTokens', 0)
    const write1h = options.whole('cacheWrite1hTokens', 0)
    const stated = ['inputTokens', 'cacheReadTokens', 'cacheWrite5mTokens', 'cacheWrite1hTokens'].some((name) => options.has(name))
    return {
      ...(stated
        ? inputUsage({
            fresh: options.whole('inputTokens', 0),
            read: options.whole('cacheReadTokens', 0),
            write5m,
            write1h,
          })
        : {}),
      ...(options.has('outputTokens') ? { output_tokens: options.whole('outputTokens', 0) } : {}),
      ...(options.has('speed') ? { speed: options.text('speed', 'standard') } : {}),
      ...(options.has('geo') ? { inference_geo: options.text('geo', 'global') } : {}),
    }
  }

  #extras(parts: ReplyParts): Partial<MessageParts> & { readonly blocks: readonly ReplyBlock[] } {
    if (this.#scanned !== undefined) return { blocks: parts.blocks }
    const blocks = parts.blocks.map((block) => (block.type === 'tool_use' ? { ...block, id: block.id ?? mintId('toolu', this.random) } : block))
    return {
      blocks,
      ...(isObject(this.request.body['context_management']) ? { contextManagement: true } : {}),
      ...(asksForVerdicts(this.request) ? { safeguardResults: verdicts(blocks) } : {}),
    }
  }
}

function outputUsage(blocks: readonly ReplyBlock[]): PartialUsage {
  let output = 0
  let thinking = 0
  for (const block of blocks) {
    if (block.type === 'text') output += tokensOfText(block.text)
    else if (block.type === 'thinking') thinking += Math.max(22, tokensOfText(block.thinking))
    else if (block.type === 'tool_use' || block.type === 'server_tool_use') output += 8 + tokensOfText(block.name + JSON.stringify(block.input))
    else if (block.type === 'redacted_thinking') thinking += tokensOfText(block.data)
  }
  return { output_tokens: output + thinking, output_tokens_details: { thinking_tokens: thinking } }
}

function asksForVerdicts(request: MessagesRequest): boolean {
  return objectsOf(request.body['safeguards']).some((safeguard) => safeguard['type'] === 'dangerous_tool_use')
}

/** "Not dangerous" for every tool call; Claude Code 2.1.330 reads this shape from `message_delta.delta`. */
function verdicts(blocks: readonly ReplyBlock[]): object[] {
  const calls = blocks.flatMap((block) => (block.type === 'tool_use' && block.id !== undefined ? [block.id] : []))
  const evaluated = calls.map((id) => [id, { type: 'evaluated', outcome: 'not_flagged' }] as const)
  return [{ type: 'dangerous_tool_use', status: { type: 'available', tool_uses: Object.fromEntries(evaluated) } }]
}

function chunkingOf(options: ScenarioOptions): Chunking {
  const how = options.text('chunking', 'frame')
  if (how === 'whole' || how === 'frame' || how === 'byte') return how
  if (how === 'random') return { random: options.whole('seed', 1) }
  return options.whole('chunking', 0) || 'frame'
}
