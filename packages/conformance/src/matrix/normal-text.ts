import { isRecord } from './json.ts'

/** What differs between any two runs, and says nothing about a gateway. */
export interface Differing {
  /** Addresses of the upstream and of the gateway. */
  readonly hosts: readonly string[]
  /**
   * Whether the order of calls is chance. Then so are the ids that the upstream mints, and which of two calls finds the other's prompt in the cache: both are
   * left out.
   */
  readonly isUnordered: boolean
}

/** Times, and ids that the client makes for its own use. */
const IRRELEVANT_KEY = /(?:^uuid|^run_id|_ms|Ms|Seconds|[tT]imestamp|_at|_time|At)$/
/** Counters of tokens, and signatures. Next to a sub-agent's answer stands how long it took: with one more digit, the prompt has more tokens. */
const MINTED_KEY = /^(?:signature|usage|modelUsage|model_usage_since_last_result|total_tokens|totalTokens)$/

/** The text with what differs by itself replaced: session and device ids, agent ids, times, addresses. */
export function normalText(text: string, { hosts, isUnordered }: Differing): string {
  let normal = text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'UUID')
    .replaceAll(/(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g, 'DEVICE')
    .replaceAll(/\ba[0-9a-f]{16}\b|\bagentId: \w+/g, 'AGENT')
    .replaceAll(/(duration_ms|total_duration|total_duration_ms)(["\\]*: ?)\d+/g, '$1$2TIME')
    .replaceAll(/\b\d+(?:\.\d+)?(?:ms| ms|s)\b/g, 'TIME')
    .replaceAll(/cc-socks\/\d+/g, 'cc-socks/PROCESS')
    // A check sum of the whole body, session id and all, that versions about May 2026 put into the first system block.
    .replaceAll(/cch=[0-9a-f]{5};/g, 'cch=SUM;')
    // Hint headers tell how long each tool took: `Read=9;Bash=26`.
    .replaceAll(/\b([A-Z]\w*)=\d+\b/g, '$1=TIME')
  for (const host of hosts) normal = normal.replaceAll(host, 'HOST')
  if (!isUnordered) return normal
  return normal
    .replaceAll(/\b(toolu|srvtoolu|msg|req)_\w+/g, '$1_ID')
    .replaceAll(/(\\*"signature\\*":\\*")[^"\\]+/g, '$1SIGNATURE')
    .replaceAll(/\b(total_tokens|subagent_tokens|tokens)(>|: )\d+/g, '$1$2COUNT')
}

/** A JSON value without times and the client's own ids, its texts made normal. Keys are sorted. */
export function normalValue(value: unknown, differing: Differing): unknown {
  if (typeof value === 'string') return normalText(value, differing)
  if (Array.isArray(value)) return value.map((each) => normalValue(each, differing))
  if (!isRecord(value)) return value
  const kept = Object.entries(value).filter(([key]) => !IRRELEVANT_KEY.test(key) && !(differing.isUnordered && MINTED_KEY.test(key)))
  const sorted = kept.toSorted(([one], [other]) => (one < other ? -1 : 1))
  return Object.fromEntries(sorted.map(([key, each]) => [key, normalValue(each, differing)]))
}
