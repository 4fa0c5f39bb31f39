import { GatewayError } from '../errors.ts'
import type { LiveExchange } from '../exchange/live-exchange.ts'
import type { Clock } from '../host.ts'
import { TransportError, type Transport, type UpstreamReply } from '../ports/runtime.ts'
import type { AttemptRecord } from '../entry/settlement.ts'
import type { Digest } from '../wire/digest.ts'
import { headerValue } from '../wire/header-list.ts'
import { withoutBetas } from './beta-header.ts'
import { adaptReply, prepareRequest, type DialectUse } from './dialect-use.ts'
import { upstreamHeaders } from './forward-headers.ts'
import type { Patience } from './patience.ts'
import type { Upstream } from './upstream.ts'
import type { Way } from './ways.ts'

/** What the attempts of one exchange came to. */
export interface AttemptOutcome {
  readonly upstream: Upstream
  readonly reply: UpstreamReply
  readonly headAt: number
  /** The digest of what the upstream itself sent, where a dialect turned it into the reply. */
  readonly received?: Digest
}

/** Why a try gave no head that may be handed on. */
export type AttemptFailure = 'connect' | 'stale-connection' | 'sent' | 'timeout' | 'redirected' | 'not-prepared' | 'aborted'

/** A try that gave no head that may be handed on. */
export interface FailedTry {
  readonly failure: AttemptFailure
  /** What the client is told where this is the last of it. */
  readonly error: unknown
  /** Who may be asked now. `elsewhere`: another upstream only, since this one may have seen the request and is at work on it. */
  readonly next: 'anywhere' | 'elsewhere' | 'nowhere'
}

/** What one try takes. */
export interface AttemptParts {
  readonly way: Way
  readonly body: readonly Uint8Array[]
  readonly transport: Transport
  readonly clock: Clock
  readonly records: AttemptRecord[]
  /** Where the upstream has a dialect: what the exchange has for it. It is asked anew for each try. */
  readonly use: DialectUse | undefined
  readonly patience: Patience
}

/**
 * Asks one upstream once for a reply's head, and records it in `records`.
 *
 * @throws what a dialect threw against its contract
 */
export async function attempt(exchange: LiveExchange, parts: AttemptParts): Promise<AttemptOutcome | FailedTry> {
  const { way, body, transport, clock, records, use, patience } = parts
  const { upstream, target, model, credential } = way
  const headers = upstreamHeaders(withoutBetas(exchange.headers, target.dropBetas), credential, upstream.acceptEncoding)
  const { origin, basePath } = upstream
  const request = { method: exchange.method, origin, path: exchange.target.raw, headers, body, signal: patience.signal }
  const startedAt = clock.now()
  const record = (rest: Partial<AttemptRecord>): void => {
    records.push({ upstream: upstream.name, ...(model !== undefined && { model }), startedAt, ...rest })
  }
  let stage: 'prepare' | 'send' | 'adapt' = 'prepare'
  try {
    const prepared = use && (await prepareRequest(use, request))
    stage = 'send'
    const { path, headers: sentHeaders, body: sentBody } = prepared ?? request
    const sending = transport.send({ ...request, path: basePath + path, headers: sentHeaders, body: sentBody })
    if (prepared !== undefined) use?.onSent(prepared)
    const reply = await sending
    if (!upstream.relaysRedirects && isRedirect(reply)) {
      const error = redirected(upstream, reply.status)
      reply.body.cancel(error)
      record({ headAt: clock.now(), status: reply.status, failure: 'redirected' })
      return { failure: 'redirected', error, next: exchange.signal.aborted ? 'nowhere' : 'anywhere' }
    }
    const headAt = clock.now()
    record({ headAt, status: reply.status })
    if (use === undefined || prepared === undefined) return { upstream, reply, headAt }
    stage = 'adapt'
    const { reply: adapted, received } = adaptReply(use, prepared, reply)
    return { upstream, reply: adapted, headAt, ...(received !== undefined && { received }) }
  } catch (cause) {
    if (stage === 'adapt') throw cause
    const failed = failedTry(exchange, parts, stage, cause)
    record({ failure: failed.failure })
    if (failed.failure === 'not-prepared' && !GatewayError.is(cause) && !exchange.signal.aborted) throw cause
    return failed
  }
}

function failedTry({ signal }: LiveExchange, { way: { upstream }, patience }: AttemptParts, stage: 'prepare' | 'send', cause: unknown): FailedTry {
  if (patience.isOver()) return { failure: 'timeout', error: patience.signal.reason, next: signal.aborted ? 'nowhere' : 'anywhere' }
  if (stage === 'prepare') return { failure: 'not-prepared', error: cause, next: signal.aborted ? 'nowhere' : 'anywhere' }
  const phase = cause instanceof TransportError ? cause.phase : undefined
  // A transport that knows better than "unreachable" says so itself.
  if (signal.aborted || GatewayError.is(cause)) return { failure: phase ?? 'aborted', error: cause, next: 'nowhere' }
  const isUnsent = phase === 'connect'
  const error = new GatewayError('upstream-unreachable', unreachable(upstream, phase), { cause, ...(isUnsent && { status: 503, shouldRetry: true }) })
  return { failure: phase ?? 'aborted', error, next: isUnsent ? 'anywhere' : 'elsewhere' }
}

/** True for what clients follow by themselves: to another host, with their request and perhaps their key. A 304 leads nowhere. */
function isRedirect({ status, headers }: UpstreamReply): boolean {
  return status >= 300 && status < 400 && status !== 304 && headerValue(headers, 'location') !== undefined
}

function redirected({ name }: Upstream, status: number): GatewayError {
  const advice = `the gateway's operator should set its base URL to where it is now, or mend what stands before it`
  const message = `The upstream "${name}" answered with a redirect (${status}), which this gateway neither follows nor hands on; ${advice}.`
  return new GatewayError('upstream-redirected', message, { shouldRetry: false })
}

function unreachable(upstream: Upstream, phase: string | undefined): string {
  return phase === 'connect'
    ? `The gateway cannot reach its upstream "${upstream.name}". The request was not sent. Try again; if it lasts, tell the gateway's operator.`
    : `The connection to the upstream "${upstream.name}" broke before it answered. Try again.`
}
