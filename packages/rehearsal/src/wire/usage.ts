/**
 * The `usage` object of a reply, in wire names. `input_tokens` is the fresh part only: the cache counters are
 * disjoint from it (Messages API reference, "Usage").
 */
export interface MessageUsage {
  readonly input_tokens: number
  readonly cache_creation_input_tokens: number
  readonly cache_read_input_tokens: number
  readonly cache_creation: {
    readonly ephemeral_5m_input_tokens: number
    readonly ephemeral_1h_input_tokens: number
  }
  readonly output_tokens: number
  readonly service_tier: string
  readonly inference_geo: string
  readonly output_tokens_details?: { readonly thinking_tokens: number }
  readonly server_tool_use?: { readonly web_search_requests: number; readonly web_fetch_requests: number }
  readonly speed?: string
}

/** Any part of a usage; what is left out is zero, `standard` or `global`. */
export type PartialUsage = Partial<MessageUsage>

/** Fills a partial usage so that the split of cache writes always adds up to its total. */
export function completeUsage(partial: PartialUsage = {}): MessageUsage {
  const split = partial.cache_creation
  const total = partial.cache_creation_input_tokens ?? (split === undefined ? 0 : split.ephemeral_5m_input_tokens + split.ephemeral_1h_input_tokens)
  return {
    input_tokens: partial.input_tokens ?? 0,
    cache_creation_input_tokens: total,
    cache_read_input_tokens: partial.cache_read_input_tokens ?? 0,
    cache_creation: split ?? { ephemeral_5m_input_tokens: total, ephemeral_1h_input_tokens: 0 },
    output_tokens: partial.output_tokens ?? 0,
    service_tier: partial.service_tier ?? 'standard',
    inference_geo: partial.inference_geo ?? 'global',
    ...(partial.output_tokens_details === undefined ? {} : { output_tokens_details: partial.output_tokens_details }),
    ...(partial.server_tool_use === undefined ? {} : { server_tool_use: partial.server_tool_use }),
    ...(partial.speed === undefined ? {} : { speed: partial.speed }),
  }
}
