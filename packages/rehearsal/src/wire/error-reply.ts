import { mintId, type RandomSource } from './ids.ts'
import { toHeaderList, type HeaderInput, type HeaderList } from './headers.ts'
import type { ScriptedReply } from './reply.ts'

/** The error type that the API pairs with a status (documented under "Errors"). */
export function errorTypeOf(status: number): string {
  switch (status) {
    case 401:
      return 'authentication_error'
    case 402:
      return 'billing_error'
    case 403:
      return 'permission_error'
    case 404:
      return 'not_found_error'
    case 413:
      return 'request_too_large'
    case 429:
      return 'rate_limit_error'
    case 504:
      return 'timeout_error'
    case 529:
      return 'overloaded_error'
    default:
      return status >= 500 ? 'api_error' : 'invalid_request_error'
  }
}

/**
 * An error answer in the API's envelope, with the same id in the `request-id` header and in the body. Statuses that a
 * repeat cannot change carry `x-should-retry: false`, the others `true` (recorded 400, 401, 404 answers).
 */
export function errorReply(
  status: number,
  type: string = errorTypeOf(status),
  message: string = `rehearsed ${type}`,
  headers?: HeaderInput,
  random: RandomSource = Math.random,
): ScriptedReply {
  const given = toHeaderList(headers)
  const has = (name: string): boolean => given.some(([key]) => key.toLowerCase() === name)
  const requestId = given.find(([key]) => key.toLowerCase() === 'request-id')?.[1] ?? mintId('req', random)
  const fields: HeaderList = [['content-type', 'application/json']]
  if (!has('request-id')) fields.push(['request-id', requestId])
  if (!has('x-should-retry')) fields.push(['x-should-retry', String(status === 408 || status === 409 || status === 429 || status >= 500)])
  const body = JSON.stringify({ type: 'error', error: { type, message }, request_id: requestId })
  return { status, headers: [...fields, ...given], steps: [{ bytes: body }] }
}
