import type { ClientRequest } from '../ports/client-request.ts'
import { bytesSource, type ByteSource } from '../wire/byte-stream.ts'
import { toBytes } from '../wire/bytes.ts'
import { headerValue, type HeaderList } from '../wire/header-list.ts'

/** What {@link clientRequest} makes a request from. */
export interface ClientRequestParts {
  /** @defaultValue 'POST' */
  readonly method?: string
  /** @defaultValue '/v1/messages' */
  readonly target?: string
  /** `host` is added where it is missing, and `content-type` for `json`. @defaultValue none */
  readonly headers?: HeaderList
  /** Text is sent as UTF-8; a list is sent chunk by chunk. @defaultValue no body */
  readonly body?: string | Uint8Array | readonly Uint8Array[] | ByteSource
  /** Sent as its JSON, in place of `body`. */
  readonly json?: unknown
  readonly remoteAddress?: string
}

/** A request whose client can be made to leave. */
export interface TestClientRequest extends ClientRequest {
  /** The client goes away: aborts the request's signal. */
  readonly leave: (reason?: unknown) => void
}

/** A {@link ClientRequest} as a runtime adapter would hand it in. */
export function clientRequest(parts: ClientRequestParts = {}): TestClientRequest {
  const { method = 'POST', target = '/v1/messages', remoteAddress } = parts
  const client = new AbortController()
  const added: [string, string][] = []
  const given = parts.headers ?? []
  if (headerValue(given, 'host') === undefined) added.push(['host', 'gateway.test'])
  if ('json' in parts && headerValue(given, 'content-type') === undefined) added.push(['content-type', 'application/json'])
  return {
    method,
    target,
    headers: [...added, ...given],
    body: bodySource('json' in parts ? JSON.stringify(parts.json) : parts.body),
    signal: client.signal,
    ...(remoteAddress !== undefined && { remoteAddress }),
    leave: (reason = new Error('the client closed the connection')) => client.abort(reason),
  }
}

function bodySource(body: ClientRequestParts['body']): ByteSource | undefined {
  if (body === undefined) return undefined
  if (typeof body === 'string') return bytesSource(toBytes(body))
  if (body instanceof Uint8Array) return bytesSource(body)
  return 'pump' in body ? body : bytesSource(...body)
}
