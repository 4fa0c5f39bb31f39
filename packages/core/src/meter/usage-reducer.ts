import { keptText } from '../wire/kept-text.ts'
import { noTokens, type RateConditions, type TokenBuckets, type UsageLine } from './usage.ts'

/** A JSON object of unknown shape. */
export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A thousand times the largest context: what says more is broken, and its price would not fit the 64 bits that databases keep. */
const mostCount = 1_000_000_000

/** A count as the wire may hold it; anything but a non-negative number of a possible size is no statement. */
function count(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= mostCount ? Math.trunc(value) : undefined
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? keptText(value) : undefined
}

/**
 * Folds a later usage object into an earlier one: each non-null field replaces the one before it, nothing is ever added.
 * Deltas are cumulative; a null (Bedrock sends some) or a missing field keeps what was known.
 */
export function mergeUsage(earlier: JsonObject, later: JsonObject): JsonObject {
  const merged: Record<string, unknown> = { ...earlier }
  for (const [key, value] of Object.entries(later)) {
    if (value === null || value === undefined) continue
    const known = merged[key]
    // What is no count says nothing, and takes nothing back.
    if (typeof known === 'number' && count(value) === undefined) continue
    merged[key] = isObject(known) && isObject(value) ? mergeUsage(known, value) : value
  }
  return merged
}

/** Wire usage as disjoint buckets, with the flags that the conversion raised. */
export function toBuckets(usage: JsonObject): { readonly buckets: TokenBuckets; readonly flags: readonly string[] } {
  const split = isObject(usage['cache_creation']) ? usage['cache_creation'] : {}
  const written5m = count(split['ephemeral_5m_input_tokens']) ?? 0
  const written1h = count(split['ephemeral_1h_input_tokens']) ?? 0
  // The total grows when a server tool writes to the cache mid-stream, while the split stays as message_start gave it: the excess is 5-minute.
  const excess = Math.max(0, (count(usage['cache_creation_input_tokens']) ?? 0) - written5m - written1h)
  const tools = isObject(usage['server_tool_use']) ? usage['server_tool_use'] : {}
  return {
    buckets: {
      freshInputTokens: count(usage['input_tokens']) ?? 0,
      cacheReadTokens: count(usage['cache_read_input_tokens']) ?? 0,
      cacheWrite5mTokens: written5m + excess,
      cacheWrite1hTokens: written1h,
      outputTokens: count(usage['output_tokens']) ?? 0,
      webSearchRequests: count(tools['web_search_requests']) ?? 0,
      webFetchRequests: count(tools['web_fetch_requests']) ?? 0,
    },
    flags: excess > 0 && isObject(usage['cache_creation']) ? ['cache-split-stale'] : [],
  }
}

/** The rate conditions that a usage object states. */
export function toConditions(usage: JsonObject): RateConditions {
  const speed = text(usage['speed'])
  const inferenceGeo = text(usage['inference_geo'])
  const serviceTier = text(usage['service_tier'])
  return {
    ...(speed !== undefined && { speed }),
    ...(inferenceGeo !== undefined && { inferenceGeo }),
    ...(serviceTier !== undefined && { serviceTier }),
  }
}

/**
 * The iterations that the top-level usage does not contain. It sums those of type `message` only; a compaction or an advisor runs beside it,
 * perhaps on a dearer model. After a fallback the top level holds only the last model's share, so a message iteration of another model counts here too.
 */
export function extraLines(usage: JsonObject, model: string, fellBack: boolean): readonly UsageLine[] {
  const iterations = Array.isArray(usage['iterations']) ? usage['iterations'].filter(isObject) : []
  const conditions = toConditions(usage)
  return iterations.flatMap((iteration): UsageLine[] => {
    const role = text(iteration['type']) ?? 'unknown'
    const iterationModel = text(iteration['model']) ?? model
    if (role === 'message' && !(fellBack && iterationModel !== model)) return []
    // Server tool units stand at the top level only.
    return [
      { ...noTokens, ...toBuckets({ ...iteration, server_tool_use: null }).buckets, ...conditions, ...toConditions(iteration), model: iterationModel, role },
    ]
  })
}
