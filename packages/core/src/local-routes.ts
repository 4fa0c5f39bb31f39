import type { ClientRequest } from './ports/client-request.ts'

/**
 * Requests that the gateway answers by itself, without authentication and without an exchange: they cost nothing and reveal nothing.
 * Facts about what Claude Code asks for: measured with 2.1.330.
 */
export interface LocalAnswer {
  readonly status: number
  /** JSON text; empty for a bare answer. */
  readonly body: string
}

/** A route that an embedder answers by itself, beside those below: without an exchange and without middleware, so it must see to its own authentication. */
export interface LocalRoute {
  readonly method: 'GET' | 'POST'
  /** Matched exactly, as it stands on the wire. */
  readonly path: string
  /** @throws GatewayError to refuse */
  readonly answer: (request: ClientRequest) => Promise<LocalAnswer>
}

const ok: LocalAnswer = { status: 200, body: '{"status":"ok"}' }
const bare: LocalAnswer = { status: 200, body: '' }
const accepted: LocalAnswer = { status: 200, body: '{}' }

/** The answer to a local route; undefined for any other request. Matches the raw path exactly. */
export function localAnswer(method: string, path: string, isReady: boolean): LocalAnswer | undefined {
  const isRead = method === 'GET' || method === 'HEAD'
  switch (path) {
    case '/healthz':
      return isRead ? ok : undefined
    case '/readyz':
      return isRead ? (isReady ? ok : { status: 503, body: '{"status":"draining"}' }) : undefined
    // Claude Code probes its base URL at start, with no credential.
    case '/':
      return method === 'HEAD' ? bare : undefined
    case '/api/hello':
      return isRead ? { status: 200, body: '{"message":"hello"}' } : undefined
    // Telemetry pointed at the gateway: refusing it makes the client log an error at each flush, passing it on would leak it to the upstream.
    case '/v1/metrics':
    case '/v1/logs':
    case '/v1/traces':
      return method === 'POST' ? accepted : undefined
    default:
      return method === 'POST' && path.startsWith('/api/event_logging/') ? accepted : undefined
  }
}
