import { headerValue, type AnthropicErrorType, type UpstreamReply } from '@sluice/core'
import { withHeaders } from './reply-headers.ts'
import { wholeReply } from './whole-reply.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The error type of the Messages API that belongs to a status. */
export function errorTypeOf(status: number): AnthropicErrorType {
  switch (status) {
    case 401:
      return 'authentication_error'
    case 402:
      return 'billing_error'
    case 403:
      return 'permission_error'
    case 404:
      return 'not_found_error'
    case 408:
    case 504:
      return 'timeout_error'
    case 413:
      return 'request_too_large'
    case 429:
      return 'rate_limit_error'
    case 503:
    case 529:
      return 'overloaded_error'
    default:
      return status < 500 ? 'invalid_request_error' : 'api_error'
  }
}

/** The operator's own things in a text, which are no business of a client: ARNs, account, project and key ids. The rest stays word for word. */
export function withoutIdentifiers(text: string): string {
  return text
    .replaceAll(/\barn:aws[\w-]*:[^\s"'`,;)\]}<>\\]+/g, '(resource)')
    .replaceAll(/\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b/g, '(key)')
    .replaceAll(/\bprojects\/[\w.:-]+/g, 'projects/(project)')
    .replaceAll(/\b\d{12}\b/g, '(account)')
    .replaceAll(/\b[\w.-]+@[\w-]+\.iam\.gserviceaccount\.com\b/g, '(service account)')
}

/** How an upstream's errors are read. */
export interface ErrorReading {
  /** Named in what the client is told. */
  readonly upstream: string
  /** The upstream's own message in its parsed body; undefined where there is none. */
  readonly messageOf: (body: unknown) => string | undefined
  /** Replaces the message of an error whose own one may hold what was signed or sent. */
  readonly isAboutCredential?: (reply: UpstreamReply) => boolean
}

const credentialMessage = "The upstream did not accept the gateway's own credential. This is not about yours: tell the gateway's operator."

/**
 * An error reply in the envelope of the Messages API, with the upstream's message but without what identifies the operator's account. An envelope that has
 * nothing to hide passes byte for byte, since clients act upon its words. Other statuses than errors pass.
 */
export function errorReply(reply: UpstreamReply, reading: ErrorReading): UpstreamReply {
  if (reply.status < 400) return reply
  const { status, headers, body } = reply
  const encoding = headerValue(headers, 'content-encoding')?.trim().toLowerCase()
  // Encoded bytes cannot be read here, and nothing in them is known to be safe.
  const isReadable = reply.isDecoded === true || encoding === undefined || encoding === 'identity'
  const isAboutCredential = reading.isAboutCredential?.(reply) === true
  const requestId = headerValue(headers, 'request-id')
  const turn = (bytes: Uint8Array): Uint8Array => {
    const text = isReadable ? decoder.decode(bytes) : ''
    const parsed = parse(text)
    const envelope = isEnvelope(parsed) ? parsed.error : undefined
    if (envelope !== undefined && !isAboutCredential && withoutIdentifiers(text) === text) return bytes
    const message = isAboutCredential
      ? credentialMessage
      : withoutIdentifiers(envelope?.message ?? reading.messageOf(parsed) ?? `${reading.upstream} answered with status ${status}.`)
    const error = { type: envelope?.type ?? errorTypeOf(statusFor(status)), message }
    return encoder.encode(JSON.stringify({ type: 'error', error, ...(requestId !== undefined && { request_id: requestId }) }))
  }
  return {
    status: statusFor(status),
    headers: withHeaders(headers, ['content-length', 'content-type', 'content-encoding'], [['content-type', 'application/json']]),
    body: wholeReply(body, turn),
  }
}

/** 424 is Bedrock's word for a model that failed; clients of the Messages API retry a 500, and give up on what they do not know. */
function statusFor(status: number): number {
  return status === 424 ? 500 : status
}

function isEnvelope(body: unknown): body is { readonly error: { readonly type: string; readonly message: string } } {
  if (typeof body !== 'object' || body === null || (body as { type?: unknown }).type !== 'error') return false
  const { error } = body as { error?: { type?: unknown; message?: unknown } | null }
  return typeof error?.type === 'string' && typeof error.message === 'string'
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
