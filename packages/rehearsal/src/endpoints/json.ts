import type { ScriptedReply } from '../wire/reply.ts'

/** A page in the API's list envelope, cut by `limit`, `after_id` and `before_id` ("Pagination"). */
export function page(all: readonly { readonly id: string }[], query: URLSearchParams, defaultLimit: number): object {
  const limit = Math.max(1, Math.min(1000, Number(query.get('limit') ?? defaultLimit) || defaultLimit))
  const after = all.findIndex((item) => item.id === query.get('after_id'))
  const before = all.findIndex((item) => item.id === query.get('before_id'))
  const rest = all.slice(after + 1, before < 0 ? undefined : before)
  const data = rest.slice(0, limit)
  return { data, has_more: rest.length > data.length, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null }
}

/** A 200 JSON answer. */
export function json(body: object): ScriptedReply {
  return { status: 200, headers: { 'content-type': 'application/json' }, steps: [{ bytes: JSON.stringify(body) }] }
}
