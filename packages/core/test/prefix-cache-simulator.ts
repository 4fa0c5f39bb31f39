/**
 * The provider's prompt cache with its true rules (https://docs.claude.com/en/docs/build-with-claude/prompt-caching): an entry for each breakpoint, found again at a
 * breakpoint or up to twenty blocks before one, for five minutes or an hour from its last use, from a least length on; one for each workspace and model.
 */
export interface CacheUse {
  readonly readTokens: number
  readonly writtenTokens: number
  readonly freshTokens: number
}

interface Block {
  /** Of all blocks up to this one. */
  readonly hash: string
  /** Of all blocks up to this one. */
  readonly tokens: number
  readonly ttlMillis: number | undefined
}

type Json = Readonly<Record<string, unknown>>

const lookbackBlocks = 20
const minuteMillis = 60_000
const bytesPerToken = 4

export class PrefixCacheSimulator {
  readonly #minimumTokens: number
  readonly #entries = new Map<string, { readonly ttlMillis: number; until: number }>()

  constructor(minimumTokens: number = 1_024) {
    this.#minimumTokens = minimumTokens
  }

  /** Sends a request's body, to a workspace. */
  send(body: string, workspace: string, at: number): CacheUse {
    const request = JSON.parse(body) as Json
    const blocks = blocksOf(request)
    const marks = [...blocks.entries()].filter(([, { ttlMillis, tokens }]) => ttlMillis !== undefined && tokens >= this.#minimumTokens)
    const key = ({ hash }: Block): string => `${workspace} ${String(request['model'])} ${hash}`
    const hit = this.#hit(
      blocks,
      marks.map(([index]) => index),
      key,
      at,
    )
    const readTokens = blocks[hit]?.tokens ?? 0
    let reached = readTokens
    for (const [index, block] of marks) {
      if (index > hit) reached = block.tokens
      const ttlMillis = block.ttlMillis as number
      const before = this.#entries.get(key(block))
      this.#entries.set(key(block), { ttlMillis: before !== undefined && index <= hit ? before.ttlMillis : ttlMillis, until: at + ttlMillis })
    }
    return { readTokens, writtenTokens: reached - readTokens, freshTokens: (blocks.at(-1)?.tokens ?? 0) - reached }
  }

  #hit(blocks: readonly Block[], marks: readonly number[], key: (block: Block) => string, at: number): number {
    for (const mark of marks.toReversed())
      for (let index = mark; index >= Math.max(0, mark - lookbackBlocks); index -= 1) {
        const entry = this.#entries.get(key(blocks[index] as Block))
        if (entry === undefined || entry.until <= at) continue
        entry.until = at + entry.ttlMillis
        return index
      }
    return -1
  }
}

/** Tools, system prompt and messages in the prompt's order. A string is a block; marks are no part of what is cached. */
function blocksOf(request: Json): readonly Block[] {
  const blocks: Block[] = []
  let hash = 0x811c9dc5
  let bytes = 0
  const add = (block: Json): void => {
    const { cache_control: mark, ...content } = block
    const text = JSON.stringify(content)
    for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
    bytes += text.length
    const hours = (mark as Json | undefined)?.['ttl'] === '1h'
    blocks.push({
      hash: `${hash}.${bytes}`,
      tokens: Math.ceil(bytes / bytesPerToken),
      ttlMillis: mark === undefined ? undefined : (hours ? 60 : 5) * minuteMillis,
    })
  }
  const asBlocks = (content: unknown): readonly Json[] =>
    typeof content === 'string' ? [{ type: 'text', text: content }] : ((content ?? []) as readonly Json[])
  for (const tool of (request['tools'] ?? []) as readonly Json[]) add(tool)
  for (const block of asBlocks(request['system'])) add(block)
  for (const { role, content } of (request['messages'] ?? []) as readonly Json[]) for (const block of asBlocks(content)) add({ role, ...block })
  return blocks
}
