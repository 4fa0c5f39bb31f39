import { errorEnvelope } from '../relay/own-frames.ts'
import type { GatewayError } from '../errors.ts'
import type { UpstreamReply } from '../ports/runtime.ts'
import type { HeaderList } from '../wire/header-list.ts'

declare const brand: unique symbol

/**
 * The head of an answer, on its way back through the middleware. Made only by `next()` and {@link refuse}, so a middleware that forgets to return
 * one does not compile. It shows what will be sent; the body belongs to the relay.
 */
export interface Reply {
  readonly [brand]: true
  readonly kind: 'upstream' | 'refusal' | 'own'
  readonly status: number
  readonly headers: HeaderList
}

/** A reply of an upstream, with what the relay needs. */
export interface UpstreamReplyHead extends Reply {
  readonly kind: 'upstream'
  readonly upstream: UpstreamReply
}

/** A reply of the gateway's own. */
export interface Refusal extends Reply {
  readonly kind: 'refusal'
  readonly error: GatewayError
}

/** A whole answer of the gateway's own that is no error. */
export interface OwnReply extends Reply {
  readonly kind: 'own'
  readonly body: string
}

/** Answers the client with JSON of the gateway's own. `headers` besides the content type and length. */
export function ownReply(json: unknown, headers: HeaderList = []): Reply {
  return { kind: 'own', status: 200, headers: [['content-type', 'application/json'], ...headers], body: JSON.stringify(json) } as unknown as OwnReply
}

/** Answers the client that what it has is still so. */
export function unchangedReply(headers: HeaderList): Reply {
  return { kind: 'own', status: 304, headers, body: '' } as unknown as OwnReply
}

export function isOwnReply(reply: Reply): reply is OwnReply {
  return reply.kind === 'own'
}

/** Answers the client with an error in the Anthropic envelope, in place of asking an upstream. */
export function refuse(error: GatewayError): Reply {
  return { kind: 'refusal', status: error.status, headers: [], error } as unknown as Refusal
}

/** Wraps an upstream's head. */
export function upstreamReply(upstream: UpstreamReply, headers: HeaderList): Reply {
  return { kind: 'upstream', status: upstream.status, headers, upstream } as unknown as UpstreamReplyHead
}

export function isUpstreamReply(reply: Reply): reply is UpstreamReplyHead {
  return reply.kind === 'upstream'
}

/** The bytes and headers of a refusal. `request-id` is the exchange's id; the origin header tells a gateway's error from the API's. */
export function renderRefusal(error: GatewayError, exchangeId: string): { readonly headers: HeaderList; readonly body: string } {
  const headers: (readonly [string, string])[] = [
    ['content-type', 'application/json'],
    ['request-id', exchangeId],
    ['x-sluice-error-origin', 'gateway'],
    ['x-sluice-error-code', error.code],
  ]
  if (error.retryAfterSeconds !== undefined) headers.push(['retry-after', String(error.retryAfterSeconds)])
  if (error.shouldRetry !== undefined) headers.push(['x-should-retry', String(error.shouldRetry)])
  headers.push(...error.headers)
  return { headers, body: errorEnvelope(error.type, error.message, exchangeId) }
}
