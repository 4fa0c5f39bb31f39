import type { RouteTarget } from '../entry/route-record.ts'
import { promptTokens, type UsageReport } from '../meter/usage.ts'
import type { ModelCapabilities } from './capabilities.ts'

/** Where a conversation goes, and what its last turn came to. In memory only; no text. */
export interface Conversation {
  readonly target: Required<RouteTarget>
  /** What the client asked for when it was assigned. */
  readonly requestedModel: string
  readonly startedAt: number
  /** What its target accepted when it was assigned: a table that is loaded anew must not change how a session's requests are adapted. */
  readonly capabilities: ModelCapabilities
  readonly canAdapt: boolean
  /** Models that refused its first request: nothing was lost by trying, and they are not tried again. */
  readonly refusedBy: readonly string[]
  /** The model that could not take its requests any more, and how long they were then: it does not go back there as long as they are. */
  outgrown: { readonly model: string; readonly bytes: number } | undefined
  turns: number
  bytes: number
  /** The rest is of the last turn that settled. */
  lastAt: number
  promptTokens: number
  growthTokens: number
  isLongCache: boolean
}

const minuteMillis = 60_000
const firstGrowthTokens = 1_000
const firstOutputTokens = 400
/** How much the latest turn counts in a running figure. */
const learningRate = 0.2
const mostKinds = 100

/** True while the provider's cache holds what the last turn sent. */
export function isWarm({ lastAt, isLongCache, promptTokens: tokens }: Conversation, at: number): boolean {
  return tokens > 0 && at - lastAt < (isLongCache ? 60 : 5) * minuteMillis
}

/** Conversations under way, the least recently used forgotten first. Keys hold the tenant. */
export class Conversations {
  readonly #most: number
  readonly #known = new Map<string, Conversation>()
  readonly #outputs = new Map<string, number>()

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#known.size
  }

  /** Counts as a use. */
  find(key: string): Conversation | undefined {
    const found = this.#known.get(key)
    if (found !== undefined) this.#put(key, found)
    return found
  }

  /** Sets where a conversation goes; what is known of its last turn stays, where it is the same conversation on the same target. */
  assign(key: string, assigned: Pick<Conversation, 'target' | 'requestedModel' | 'capabilities' | 'canAdapt'>, startedAt: number): Conversation {
    const before = this.#known.get(key)
    const conversation: Conversation = {
      ...assigned,
      refusedBy: before?.refusedBy ?? [],
      outgrown: before?.outgrown,
      startedAt: before?.startedAt ?? startedAt,
      turns: before?.turns ?? 0,
      bytes: before?.bytes ?? 0,
      lastAt: startedAt,
      promptTokens: 0,
      growthTokens: before?.growthTokens ?? firstGrowthTokens,
      isLongCache: before?.isLongCache ?? false,
    }
    this.#put(key, conversation)
    if (this.#known.size > this.#most) this.#known.delete(this.#known.keys().next().value as string)
    return conversation
  }

  /** Takes in what a turn came to. `conversation` is the one that it was sent as: if it was assigned anew since, nothing is taken in. */
  settled(key: string | undefined, conversation: Conversation | undefined, kind: string, { source, total }: UsageReport, at: number): void {
    if (source !== 'final' && source !== 'partial') return
    if (source === 'final') {
      if (this.#outputs.size >= mostKinds) this.#outputs.clear()
      this.#outputs.set(kind, blend(this.#outputs.get(kind) ?? firstOutputTokens, total.outputTokens))
    }
    if (key === undefined || conversation === undefined || this.#known.get(key) !== conversation) return
    const tokens = promptTokens(total)
    if (conversation.promptTokens > 0 && tokens > conversation.promptTokens)
      conversation.growthTokens = blend(conversation.growthTokens, tokens - conversation.promptTokens)
    conversation.promptTokens = tokens
    conversation.lastAt = at
    if (total.cacheWrite1hTokens > 0) conversation.isLongCache = true
    else if (total.cacheWrite5mTokens > 0) conversation.isLongCache = false
  }

  /** Takes note that a conversation's target refused it before any turn had come to anything. */
  refused(key: string, conversation: Conversation): void {
    if (this.#known.get(key) !== conversation || conversation.promptTokens > 0) return
    this.#known.set(key, { ...conversation, refusedBy: [...conversation.refusedBy, conversation.target.model] })
  }

  /** Output of such a turn, on average of late. */
  outputTokens(kind: string): number {
    return Math.round(this.#outputs.get(kind) ?? firstOutputTokens)
  }

  #put(key: string, conversation: Conversation): void {
    this.#known.delete(key)
    this.#known.set(key, conversation)
  }
}

function blend(before: number, latest: number): number {
  return Math.round(before + learningRate * (latest - before))
}
