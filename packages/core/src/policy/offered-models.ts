import { GatewayError } from '../errors.ts'
import { ownReply, unchangedReply, type Reply } from '../exchange/reply.ts'
import { toBytes } from '../wire/bytes.ts'
import { crc32 } from '../wire/crc32.ts'
import { headerValue, type HeaderList } from '../wire/header-list.ts'
import type { RequestTarget } from '../wire/request-target.ts'
import type { OfferedModel } from './policy-document.ts'

const listPath = '/v1/models'
const usualPage = 20
const largestPage = 1_000
/** What the Messages API says of a model whose release date is not known. */
const noDate = '1970-01-01T00:00:00Z'

/** True for the routes that list models, and tell of one. */
export function isModelsPath(method: string, path: string): boolean {
  return method === 'GET' && (path === listPath || path.startsWith(`${listPath}/`))
}

/**
 * Answers `GET /v1/models` and `GET /v1/models/ID` in the form of the Messages API, from what is offered alone: no upstream is asked, so it is here at once.
 * With an `etag`, and 304 for who has the same: what a caller sees depends on its key and on the policy in force, so it is asked for again and kept by nobody else.
 *
 * @throws GatewayError for a model that is not among them, or a `limit` that is none
 */
export function offeredModelsReply(offered: readonly OfferedModel[], target: RequestTarget, headers: HeaderList): Reply {
  const json = offeredModels(offered, target)
  const text = toBytes(JSON.stringify(json))
  const tag = `"${text.length.toString(36)}-${(crc32(text, 0) >>> 0).toString(16)}"`
  const own: HeaderList = [
    ['etag', tag],
    ['cache-control', 'private, no-cache'],
  ]
  const known = headerValue(headers, 'if-none-match')?.split(',') ?? []
  return known.some((one) => one.trim().replace(/^W\//, '') === tag) ? unchangedReply(own) : ownReply(json, own)
}

function offeredModels(offered: readonly OfferedModel[], { path, query }: RequestTarget): object {
  const models = offered.map(({ model, name = model, createdAt = noDate, description }) => ({
    type: 'model',
    id: model,
    display_name: name,
    created_at: createdAt,
    ...(description !== undefined && { description }),
  }))
  if (path !== listPath) {
    const id = path.slice(listPath.length + 1)
    const found = models.find((model) => encodeURIComponent(model.id) === id || model.id === id)
    if (found === undefined) throw new GatewayError('unknown-route', 'This gateway offers no such model. GET /v1/models lists those that it does.')
    return found
  }
  const asked = new URLSearchParams(query)
  const limit = Number(asked.get('limit') ?? usualPage)
  if (!Number.isInteger(limit) || limit < 1 || limit > largestPage)
    throw new GatewayError('bad-request-target', `"limit" is a whole number from 1 to ${largestPage}.`)
  const before = models.findIndex(({ id }) => id === asked.get('before_id'))
  const until = before === -1 ? models.length : before
  const from = before === -1 ? models.findIndex(({ id }) => id === asked.get('after_id')) + 1 : Math.max(0, until - limit)
  const data = models.slice(from, Math.min(until, from + limit))
  const hasMore = before === -1 ? from + limit < models.length : from > 0
  return { data, has_more: hasMore, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null }
}
