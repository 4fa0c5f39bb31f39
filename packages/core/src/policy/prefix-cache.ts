import { noTokens, type TokenBuckets } from '../meter/usage.ts'

const minuteMillis = 60_000

/**
 * The provider's prompt cache, as far as sessions go: per model and prefix it holds the longest prompt sent, for five minutes from its last use. A prompt that begins
 * with it reads it and writes the rest; another model has nothing of it.
 */
export class PrefixCache {
  readonly #entries = new Map<string, { tokens: number; until: number }>()

  /** Sends a prompt; what it reads and what it writes, in the model's own tokens. `extends` is false for a prompt that ends in what no later one begins with. */
  send(model: string, prefix: string, promptTokens: number, at: number, isExtended: boolean): TokenBuckets {
    const key = `${model} ${prefix}`
    const entry = this.#entries.get(key)
    const cacheReadTokens = entry !== undefined && at < entry.until ? Math.min(entry.tokens, promptTokens) : 0
    const until = at + 5 * minuteMillis
    if (isExtended) this.#entries.set(key, { tokens: promptTokens, until })
    else if (entry !== undefined && cacheReadTokens > 0) entry.until = until
    return { ...noTokens, cacheReadTokens, cacheWrite5mTokens: promptTokens - cacheReadTokens }
  }

  /** What a prompt would find, without sending it. */
  held(model: string, prefix: string, at: number): number {
    const entry = this.#entries.get(`${model} ${prefix}`)
    return entry !== undefined && at < entry.until ? entry.tokens : 0
  }
}
