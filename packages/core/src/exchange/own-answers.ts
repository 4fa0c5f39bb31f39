import { GatewayError } from '../errors.ts'
import type { ClientRequest, ClientSink } from '../ports/client-request.ts'
import { toBytes } from '../wire/bytes.ts'
import { isSaneHost, type RequestTarget } from '../wire/request-target.ts'

/** Claude Code sends about thirty, proxies before it some more. */
const mostHeaderFields = 100
/** A server that answers TRACE shows what it was sent: the upstream's credential. CONNECT asks for a tunnel. */
const refusedMethods: ReadonlySet<string> = new Set(['TRACE', 'TRACK', 'CONNECT'])

/** Why a request is refused before anything looks at its route; undefined where it is not. */
export function problemOf({ headers, method, parsedAuthority }: ClientRequest, target: RequestTarget | undefined): GatewayError | undefined {
  if (headers.length > mostHeaderFields) {
    return new GatewayError('bad-request-target', `The request has more than ${mostHeaderFields} header fields. Send fewer.`, { status: 431 })
  }
  if (target === undefined || !isSaneHost(headers, parsedAuthority)) {
    return new GatewayError('bad-request-target', 'The request line or the Host header is not one this gateway accepts. Send a plain path and one Host.')
  }
  return refusedMethods.has(method) ? new GatewayError('bad-request-target', `This gateway does not take ${method} requests.`, { status: 405 }) : undefined
}

/** What a client is told while the gateway ends. */
export function shuttingDown(): GatewayError {
  return new GatewayError('shutting-down', 'The gateway is shutting down. Try again in a moment.', { retryAfterSeconds: 1, shouldRetry: true })
}

/** A whole answer of the gateway's own. */
export function answer(sink: ClientSink, status: number, headers: readonly (readonly [string, string])[], body: string): void {
  const bytes = toBytes(body)
  // A 304 has the length of what it stands for, or none.
  sink.head(status, status === 304 ? headers : [...headers, ['content-length', String(bytes.length)]])
  if (bytes.length > 0) void sink.write(bytes)
  sink.close()
}
