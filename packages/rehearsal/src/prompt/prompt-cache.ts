import { FRAMING_TOKENS, promptBlocks, type PromptBlock } from './canonical.ts'
import type { JsonObject } from './json.ts'

/** How the tokens of one prompt divide; the four parts add up to the whole prompt. */
export interface PromptTokens {
  readonly fresh: number
  readonly read: number
  readonly write5m: number
  readonly write1h: number
}

/** The input side of a usage object for these tokens. */
export function inputUsage(tokens: PromptTokens): {
  input_tokens: number
  cache_creation_input_tokens: number
  cache_read_input_tokens: number
  cache_creation: { ephemeral_5m_input_tokens: number; ephemeral_1h_input_tokens: number }
} {
  return {
    input_tokens: tokens.fresh,
    cache_creation_input_tokens: tokens.write5m + tokens.write1h,
    cache_read_input_tokens: tokens.read,
    cache_creation: { ephemeral_5m_input_tokens: tokens.write5m, ephemeral_1h_input_tokens: tokens.write1h },
  }
}

const TTL_MILLIS = { '5m': 5 * 60_000, '1h': 60 * 60_000 } as const

/** How many blocks before a breakpoint the API looks for an earlier entry (prompt caching guide, "20-block lookback"). */
export const LOOKBACK_BLOCKS = 20

const MAX_ENTRIES = 50_000

interface Entry {
  readonly ttlMillis: number
  expiresAt: number
}

/**
 * The API's prompt cache, simulated with true hit accounting: an entry per breakpoint, keyed by credential, model and
 * prefix hash, found again at the breakpoint or up to twenty blocks before it, kept five minutes or an hour from its
 * last use.
 */
export class PromptCache {
  readonly #entries = new Map<string, Entry>()
  readonly #now: () => number
  readonly #minimumTokens: number

  constructor(now: () => number, minimumTokens: number) {
    this.#now = now
    this.#minimumTokens = minimumTokens
  }

  /** Counts a prompt, reads what is cached of it, and stores its breakpoints for the next one. */
  account(body: JsonObject, scope: string): PromptTokens {
    const blocks = promptBlocks(body)
    const now = this.#now()
    const ends = cumulative(blocks)
    const marks = blocks.flatMap((block, index) =>
      block.breakpoint !== undefined && (ends[index] ?? 0) >= this.#minimumTokens ? [{ index, ttl: block.breakpoint }] : [],
    )
    if (this.#entries.size > MAX_ENTRIES) this.#dropExpired(now)
    const hit = this.#longestHit(blocks, marks, scope, now)
    const read = hit < 0 ? 0 : (ends[hit] ?? 0)
    const writes = { '5m': 0, '1h': 0 }
    let covered = read
    for (const mark of marks) {
      const key = scopedKey(scope, blocks[mark.index])
      const entry = this.#entries.get(key)
      if (mark.index <= hit) {
        if (entry !== undefined && entry.expiresAt > now) entry.expiresAt = now + entry.ttlMillis
        continue
      }
      const end = ends[mark.index] ?? 0
      writes[mark.ttl] += end - covered
      covered = end
      this.#entries.set(key, { ttlMillis: TTL_MILLIS[mark.ttl], expiresAt: now + TTL_MILLIS[mark.ttl] })
    }
    return { fresh: (ends.at(-1) ?? 0) - covered + FRAMING_TOKENS, read, write5m: writes['5m'], write1h: writes['1h'] }
  }

  clear(): void {
    this.#entries.clear()
  }

  #dropExpired(now: number): void {
    for (const [key, entry] of this.#entries) if (entry.expiresAt <= now) this.#entries.delete(key)
  }

  #longestHit(blocks: readonly PromptBlock[], marks: readonly { index: number }[], scope: string, now: number): number {
    for (const mark of marks.toReversed()) {
      for (let index = mark.index; index >= Math.max(0, mark.index - LOOKBACK_BLOCKS); index -= 1) {
        const entry = this.#entries.get(scopedKey(scope, blocks[index]))
        if (entry === undefined || entry.expiresAt <= now) continue
        entry.expiresAt = now + entry.ttlMillis
        return index
      }
    }
    return -1
  }
}

const scopedKey = (scope: string, block: PromptBlock | undefined): string => `${scope}\n${block?.prefixHash ?? ''}`

function cumulative(blocks: readonly PromptBlock[]): number[] {
  let total = 0
  return blocks.map((block) => (total += block.tokens))
}
