import { mintId, type RandomSource } from './ids.ts'

/** Header fields as pairs, in the order they go out. */
export type HeaderList = [name: string, value: string][]

/** Either form of header fields that a script may give. */
export type HeaderInput = readonly (readonly [string, string])[] | Readonly<Record<string, string>>

/** A list of pairs from either form. */
export function toHeaderList(input: HeaderInput | undefined): HeaderList {
  if (input === undefined) return []
  return isPairs(input) ? input.map(([name, value]) => [name, value]) : Object.entries(input)
}

function isPairs(input: HeaderInput): input is readonly (readonly [string, string])[] {
  return Array.isArray(input)
}

/** The time of an answer, as every answer of the API carries it. */
export function dateHeader(nowMillis: number): HeaderList[number] {
  return ['date', new Date(nowMillis).toUTCString()]
}

/**
 * The fields that every answer of api.anthropic.com carries (recorded traffic; the organisation id is documented under
 * "Response headers").
 */
export function identityHeaders(random: RandomSource, organization: string): HeaderList {
  return [
    ['request-id', mintId('req', random)],
    ['anthropic-organization-id', organization],
    ['strict-transport-security', 'max-age=31536000; includeSubDomains; preload'],
    ['server', 'rehearsal'],
    ['cf-cache-status', 'DYNAMIC'],
    ['x-robots-tag', 'none'],
    ['content-security-policy', "default-src 'none'; frame-ancestors 'none'"],
  ]
}

/** The rate-limit fields of answers to `/v1/messages` (documented under "Rate limits"). */
export function rateLimitHeaders(nowMillis: number, remaining: { readonly requests: number; readonly tokens: number }): HeaderList {
  const reset = `${new Date(nowMillis + 1000).toISOString().slice(0, 19)}Z`
  const group = (name: string, limit: number, left: number): HeaderList => [
    [`anthropic-ratelimit-${name}-limit`, String(limit)],
    [`anthropic-ratelimit-${name}-remaining`, String(left)],
    [`anthropic-ratelimit-${name}-reset`, reset],
  ]
  return [
    ...group('requests', 4000, remaining.requests),
    ...group('input-tokens', 4_000_000, remaining.tokens),
    ...group('output-tokens', 800_000, 800_000),
    ...group('tokens', 4_800_000, remaining.tokens),
  ]
}
