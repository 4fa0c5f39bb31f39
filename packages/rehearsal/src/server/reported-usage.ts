import { brotliDecompressSync, constants, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { isObject } from '../prompt/json.ts'

/** The counters a reply reported on the wire, and how far it got. */
export interface ReportedUsage {
  /** Whether the reply ended as the API ends one: `message_stop`, or a whole JSON body. */
  readonly final: boolean
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cacheReadTokens: number
  readonly cacheWrite5mTokens: number
  readonly cacheWrite1hTokens: number
  readonly webSearchRequests: number
  /** The merged wire object: `message_start.message.usage`, each non-null field of `message_delta.usage` over it. */
  readonly raw: Readonly<Record<string, unknown>>
}

/** What a reply said about itself. */
export interface Reported {
  readonly model?: string | undefined
  readonly usage?: ReportedUsage | undefined
}

/** Reads what a reply reported from the exact bytes that went out, compressed or cut short as they may be. */
export function readReported(bytes: Uint8Array, headers: readonly (readonly [string, string])[]): Reported {
  const field = (name: string): string => headers.find(([key]) => key.toLowerCase() === name)?.[1] ?? ''
  const text = new TextDecoder().decode(decompress(bytes, field('content-encoding')))
  return field('content-type').startsWith('text/event-stream') ? readStream(text) : readJson(text)
}

function decompress(bytes: Uint8Array, encoding: string): Uint8Array {
  try {
    if (encoding === 'gzip') return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })
    if (encoding === 'br') return brotliDecompressSync(bytes, { finishFlush: constants.BROTLI_OPERATION_FLUSH })
    if (encoding === 'zstd') return zstdDecompressSync(bytes, { finishFlush: constants.ZSTD_e_flush })
  } catch {
    return new Uint8Array(0)
  }
  return bytes
}

function readStream(text: string): Reported {
  let model: string | undefined
  let raw: Record<string, unknown> | undefined
  let final = false
  for (const line of text.split(/\r\n|\n|\r/)) {
    if (!line.startsWith('data:') || !/message_start|message_delta|message_stop/.test(line)) continue
    const event = tryParse(line.slice(5))
    if (!isObject(event)) continue
    if (event['type'] === 'message_start' && isObject(event['message'])) {
      model = textOf(event['message']['model'])
      if (isObject(event['message']['usage'])) raw = { ...event['message']['usage'] }
    } else if (event['type'] === 'message_delta' && isObject(event['usage'])) {
      raw = { ...raw, ...Object.fromEntries(Object.entries(event['usage']).filter(([, value]) => value !== null)) }
    } else if (event['type'] === 'message_stop') final = true
  }
  return { model, usage: raw === undefined ? undefined : toUsage(raw, final) }
}

function readJson(text: string): Reported {
  const body = tryParse(text)
  if (!isObject(body)) return {}
  return { model: textOf(body['model']), usage: isObject(body['usage']) ? toUsage(body['usage'], true) : undefined }
}

function toUsage(raw: Readonly<Record<string, unknown>>, final: boolean): ReportedUsage {
  const split = isObject(raw['cache_creation']) ? raw['cache_creation'] : undefined
  const server = isObject(raw['server_tool_use']) ? raw['server_tool_use'] : {}
  return {
    final,
    inputTokens: count(raw['input_tokens']),
    outputTokens: count(raw['output_tokens']),
    cacheReadTokens: count(raw['cache_read_input_tokens']),
    cacheWrite5mTokens: split === undefined ? count(raw['cache_creation_input_tokens']) : count(split['ephemeral_5m_input_tokens']),
    cacheWrite1hTokens: split === undefined ? 0 : count(split['ephemeral_1h_input_tokens']),
    webSearchRequests: count(server['web_search_requests']),
    raw,
  }
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const count = (value: unknown): number => (typeof value === 'number' ? value : 0)
const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
