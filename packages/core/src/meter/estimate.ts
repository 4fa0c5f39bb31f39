import { OutputLengths } from './output-lengths.ts'
import { PromptMemory, type KnownBeginning, type KnownPrompt } from './prompt-memory.ts'
import type { PromptShape } from './prompt-shape.ts'
import { remember } from './recent.ts'
import { estimatedUsage, largestContext, mostOutputTokens, mostUsage, usualOutputTokens, usualTokensPerByte, type RequestSize } from './rough-estimate.ts'
import { promptTokens, type TokenBuckets, type UsageReport } from './usage.ts'

/** What is known of a request before it is sent. */
export interface EstimateFacts extends RequestSize {
  /** Whose request it is: nobody learns from what another sends, who could make his estimates tiny. @defaultValue everybody is one */
  readonly tenant?: string
  /** What the request is for: titles answer shorter than turns do. */
  readonly kind: string
  /** Tells conversations apart, tenant included; undefined where the client does not say. */
  readonly conversation: string | undefined
  /** What its prompt is made of; undefined where it could not be read: then its bytes stand for it. */
  readonly prompt?: PromptShape
  /** Tokens of the prompt as the upstream counts them, where it was asked. */
  readonly exactTokens?: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** What is remembered of a conversation's last turn. */
interface Anchor {
  readonly promptTokens: number
  readonly outputTokens: number
  readonly bytes: number
  /** The last of its prompts that was read. */
  readonly known: KnownPrompt | undefined
  /** Tokens for each byte of that prompt's text. */
  readonly perByte: number | undefined
  readonly at: number
  readonly ttlMillis: number
}

const minute = 60_000
/** Lives of the two kinds of cache entry. */
const shortCacheMillis = 5 * minute
const longCacheMillis = 60 * minute

/** How much the latest request counts in the running figure of prompts that could not be read. */
const learningRate = 0.1
/** A turn that adds no more than this, or this part, is estimated by its bytes: reading a prompt costs a few nanoseconds a byte. */
const smallTurnBytes = 8 * 1024
const smallTurnPart = 0.1
/** Tool use adds a system prompt of the API's own: some hundred tokens. */
const hiddenTokens = 4_096
/** Of all tenants together. */
const mostModels = 10_000

/**
 * Estimates usage from what the gateway has seen: the longest prompt known that a request begins with is the anchor, and only what is new since then is estimated, by classes
 * of its text and by what the API is known to add. Learns from every settled exchange; holds no text. Not for billing: what an exchange cost is what its upstream reported.
 */
export class UsageEstimator {
  readonly #maxConversations: number
  readonly #prompts: PromptMemory
  readonly #anchors = new Map<string, Anchor>()
  readonly #tokensPerByte = new Map<string, number>()
  readonly #outputs = new Map<string, OutputLengths>()

  constructor(maxConversations: number = 10_000) {
    this.#maxConversations = maxConversations
    this.#prompts = new PromptMemory(maxConversations)
  }

  /** What such requests used of late: the last turn's prompt from the cache, the new bytes written to it, and the output that nine in ten stay under. */
  likely(facts: EstimateFacts): UsageReport {
    const { maxTokens = mostOutputTokens } = facts
    const learned = this.#outputs.get(outputsKey(facts))?.nineInTen() ?? usualOutputTokens
    return estimatedUsage(facts, { ...this.#prompt(facts), outputTokens: Math.min(maxTokens, learned) })
  }

  /**
   * More than a request can use: a token a byte at the dearest rate, and all the output that it allows. Where the body only names files and pages, the largest context.
   * Does not cover what server tools read.
   */
  most(facts: EstimateFacts, hasReferences: boolean): UsageReport {
    return mostUsage(facts, hasReferences ? largestContext : facts.bytes + hiddenTokens)
  }

  /** False where the last turn of the conversation and the bytes that have come to it say enough: then its prompt need not be read. */
  isPromptWanted({ model, conversation, bytes }: EstimateFacts): boolean {
    const anchor = conversation === undefined ? undefined : this.#anchors.get(`${conversation} ${model}`)
    if (anchor?.perByte === undefined || bytes < anchor.bytes) return true
    return bytes - anchor.bytes > Math.max(smallTurnBytes, bytes * smallTurnPart)
  }

  /** Takes in what a request came to. */
  learn(facts: EstimateFacts, { source, total, lines }: UsageReport): void {
    if (source !== 'final') return
    const { tenant = '', model, conversation, bytes, prompt, at } = facts
    const tokens = promptTokens(total)
    // What tools of the provider read was in no request.
    const isWhole = total.webSearchRequests === 0 && total.webFetchRequests === 0 && lines.length < 2
    if (tokens > 0 && prompt !== undefined) this.#prompts.learn(tenant, model, prompt, tokens, isWhole)
    const isByBytes = prompt === undefined && bytes > 0 && (conversation === undefined || this.#anchors.get(`${conversation} ${model}`)?.perByte === undefined)
    if (tokens > 0 && isByBytes && isWhole) {
      const before = this.#tokensPerByte.get(bytesKey(facts)) ?? usualTokensPerByte
      remember(this.#tokensPerByte, bytesKey(facts), before + learningRate * (tokens / bytes - before), mostModels)
    }
    const outputs = this.#outputs.get(outputsKey(facts)) ?? new OutputLengths()
    // A reply that ran into its max_tokens says nothing of one that may be longer.
    if (facts.maxTokens === undefined || total.outputTokens < facts.maxTokens) outputs.add(total.outputTokens)
    remember(this.#outputs, outputsKey(facts), outputs, mostModels)
    if (conversation === undefined) return
    const before = this.#anchors.get(`${conversation} ${model}`)
    const ttlMillis = total.cacheWrite1hTokens > 0 ? longCacheMillis : (before?.ttlMillis ?? shortCacheMillis)
    const known = prompt === undefined ? before?.known : { counts: prompt.counts, tokens }
    const perByte = prompt === undefined ? before?.perByte : tokens / Math.max(1, bytes - prompt.attachmentBytes)
    const anchor: Anchor = { promptTokens: tokens, outputTokens: total.outputTokens, bytes, known, perByte, at, ttlMillis }
    remember(this.#anchors, `${conversation} ${model}`, anchor, this.#maxConversations)
  }

  #prompt(facts: EstimateFacts): Partial<TokenBuckets> {
    const { model, conversation, bytes, at } = facts
    const last = conversation === undefined ? undefined : this.#anchors.get(`${conversation} ${model}`)
    // A body far shorter than the last one is a conversation begun anew: compacted, or cleared.
    const anchor = last !== undefined && bytes >= last.bytes / 2 ? last : undefined
    const written = (tokens: number): Partial<TokenBuckets> =>
      last?.ttlMillis === longCacheMillis ? { cacheWrite1hTokens: tokens } : { cacheWrite5mTokens: tokens }
    const tokens = this.#promptTokens(facts, anchor)
    if (anchor === undefined || at - anchor.at >= anchor.ttlMillis) return written(tokens)
    const read = Math.min(anchor.promptTokens, tokens)
    return { cacheReadTokens: read, ...written(tokens - read) }
  }

  #promptTokens(facts: EstimateFacts, anchor: Anchor | undefined): number {
    const { tenant = '', model, bytes, prompt, exactTokens } = facts
    if (exactTokens !== undefined) return exactTokens
    if (prompt !== undefined) return Math.min(largestContext, this.#prompts.estimate(tenant, model, prompt, anchor?.known))
    const perByte = anchor?.perByte ?? this.#tokensPerByte.get(bytesKey(facts)) ?? usualTokensPerByte
    if (anchor === undefined) return Math.ceil(bytes * perByte)
    return anchor.promptTokens + Math.max(anchor.outputTokens, Math.ceil(Math.max(0, bytes - anchor.bytes) * perByte))
  }

  /** The longest known prompt that a request begins with; undefined where there is none. Its messages need not be counted again. */
  knownBeginning({ tenant = '', model }: EstimateFacts, prompt: PromptShape): KnownBeginning | undefined {
    return this.#prompts.begunWith(tenant, model, prompt)
  }
}

function outputsKey({ tenant = '', kind, model }: EstimateFacts): string {
  return JSON.stringify([tenant, kind, model])
}

function bytesKey({ tenant = '', model }: EstimateFacts): string {
  return JSON.stringify([tenant, model])
}
