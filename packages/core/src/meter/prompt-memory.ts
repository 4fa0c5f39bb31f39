import type { PromptShape } from './prompt-shape.ts'
import { remember } from './recent.ts'
import { generationOf, TokenFactors } from './token-factors.ts'

/** A prompt that was reported: what was counted of it, and what it came to. */
export interface KnownPrompt {
  readonly counts: Float64Array
  readonly tokens: number
}

/** A known prompt that another one begins with. */
export interface KnownBeginning extends KnownPrompt {
  /** How many messages come after it. */
  readonly messagesAfter: number
}

/** Each takes some 15 kB. Of all tenants together. */
const mostModels = 1_000

/**
 * What is known of the length of prompts: figures per model, and prompts that others begin with. Holds counts and fingerprints, no text. `tenant` is whose:
 * nothing crosses from one to another.
 */
export class PromptMemory {
  readonly #most: number
  readonly #factors = new Map<string, TokenFactors>()
  readonly #prompts = new Map<string, KnownPrompt>()
  readonly #heads = new Map<string, KnownPrompt>()

  /** @param most - prompts that are remembered */
  constructor(most: number) {
    this.#most = most
  }

  /**
   * Tokens of a prompt: those of the longest prompt known that it begins with, and what its further parts come to. `last` is its conversation's last turn, which it stands on where it begins
   * with none that is known: clients edit what they have sent. A new conversation is corrected by what another one with the same tools and system prompt came to.
   */
  estimate(tenant: string, model: string, shape: PromptShape, last: KnownPrompt | undefined): number {
    const factors = this.#factors.get(factorsKey(tenant, model)) ?? new TokenFactors(model)
    const plain = factors.estimate(shape.counts)
    const known = this.begunWith(tenant, model, shape) ?? last
    if (known !== undefined) return Math.max(0, Math.round(known.tokens + plain - factors.estimate(known.counts)))
    const head = shape.head === undefined ? undefined : this.#heads.get(headKey(tenant, model, shape))
    if (head === undefined) return Math.round(plain)
    const before = factors.estimate(head.counts)
    const share = Math.min(1, factors.estimate(shape.headCounts) / Math.max(1, before))
    return Math.max(0, Math.round(plain + share * (head.tokens - before)))
  }

  /** Takes in what a prompt came to. `isWhole` is false where the provider put more into it than was sent: then only the same prompt is known to come to that. */
  learn(tenant: string, model: string, shape: PromptShape, tokens: number, isWhole: boolean): void {
    const known: KnownPrompt = { counts: shape.counts, tokens }
    const whole = shape.prefixes.at(-1)
    if (whole !== undefined) remember(this.#prompts, promptKey(tenant, model, shape, whole), known, this.#most)
    if (!isWhole) return
    const factors = this.#factors.get(factorsKey(tenant, model)) ?? new TokenFactors(model)
    factors.learn(shape.counts, tokens)
    remember(this.#factors, factorsKey(tenant, model), factors, mostModels)
    if (shape.head !== undefined) remember(this.#heads, headKey(tenant, model, shape), known, this.#most)
  }

  /** The longest known prompt that this one begins with; itself, where it is known. */
  begunWith(tenant: string, model: string, shape: PromptShape): KnownBeginning | undefined {
    const { prefixes } = shape
    for (let at = prefixes.length - 1; at >= 0; at -= 1) {
      const known = this.#prompts.get(promptKey(tenant, model, shape, prefixes[at] as string))
      if (known !== undefined) return { ...known, messagesAfter: prefixes.length - 1 - at }
    }
    return undefined
  }
}

function factorsKey(tenant: string, model: string): string {
  return JSON.stringify([tenant, generationOf(model)])
}

function headKey(tenant: string, model: string, { head }: PromptShape): string {
  return JSON.stringify([tenant, model, head])
}

function promptKey(tenant: string, model: string, { head }: PromptShape, prefix: string): string {
  return JSON.stringify([tenant, model, head, prefix])
}
