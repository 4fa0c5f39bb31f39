import { GatewayError } from '../errors.ts'
import type { LiveExchange } from '../exchange/exchange.ts'
import type { Clock } from '../host.ts'
import { TransportError, type Transport, type UpstreamReply } from '../ports/runtime.ts'
import type { AttemptRecord } from '../entry/settlement.ts'
import type { Digest } from '../wire/digest.ts'
import { withoutBetas } from './beta-header.ts'
import { adaptReply, prepareRequest, type DialectUse } from './dialect-use.ts'
import { upstreamHeaders } from './forward-headers.ts'
import type { Upstream } from './upstream.ts'

/** What the attempts of one exchange came to. */
export interface AttemptOutcome {
  readonly upstream: Upstream
  readonly reply: UpstreamReply
  /** The digest of what the upstream itself sent, where a dialect turned it into the reply. */
  readonly received?: Digest
}

/**
 * Asks an upstream for a reply's head. Tries once more, on whichever connection the transport takes next, only where a kept-alive one turned out to be
 * dead before any byte of a reply: nearly always because the peer had closed it while it was idle. Every try is recorded in `records`.
 * Where the upstream has a dialect, `use` is what the exchange has for it; it is asked anew for each try, within the same deadline.
 *
 * @throws GatewayError `upstream-unreachable` or `upstream-timeout`; whatever the exchange's signal was aborted with, after an abort; whatever a dialect threw
 */
export async function attempt(
  exchange: LiveExchange,
  upstream: Upstream,
  body: readonly Uint8Array[],
  transport: Transport,
  clock: Clock,
  records: AttemptRecord[],
  use?: DialectUse,
): Promise<AttemptOutcome> {
  const headers = upstreamHeaders(
    withoutBetas(exchange.headers, exchange.droppedBetas),
    upstream.credential.headersFor(exchange.headers, upstream.hostname),
    upstream.acceptEncoding,
  )
  const { origin, basePath } = upstream
  const request = { method: exchange.method, origin, path: exchange.target.raw, headers, body, signal: exchange.signal }
  let isOverdue = false
  const stopDeadline = clock.after(upstream.deadlines.headMillis, () => {
    isOverdue = true
    exchange.abort('deadline', overdue(upstream))
  })
  try {
    for (let tries = 1; ; tries += 1) {
      const startedAt = clock.now()
      let stage: 'prepare' | 'send' | 'adapt' = 'prepare'
      try {
        const prepared = use && (await prepareRequest(use, request))
        stage = 'send'
        const { path, headers: sentHeaders, body: sentBody } = prepared ?? request
        const sending = transport.send({ ...request, path: basePath + path, headers: sentHeaders, body: sentBody })
        if (prepared !== undefined) use?.onSent(prepared)
        const reply = await sending
        records.push({ upstream: upstream.name, startedAt, headAt: clock.now(), status: reply.status })
        if (use === undefined || prepared === undefined) return { upstream, reply }
        stage = 'adapt'
        const { reply: adapted, received } = adaptReply(use, prepared, reply)
        return { upstream, reply: adapted, ...(received !== undefined && { received }) }
      } catch (cause) {
        if (stage === 'adapt') throw cause
        const phase = cause instanceof TransportError ? cause.phase : undefined
        records.push({ upstream: upstream.name, startedAt, failure: isOverdue ? 'timeout' : stage === 'send' ? (phase ?? 'aborted') : 'not-prepared' })
        // A transport that knows better than "unreachable" says so itself.
        if (GatewayError.is(cause)) throw cause
        if (exchange.signal.aborted) throw isOverdue ? overdue(upstream) : cause
        if (stage === 'prepare') throw cause
        if (phase === 'stale-connection' && tries === 1) continue
        throw new GatewayError('upstream-unreachable', unreachable(upstream, phase), { cause, ...(phase === 'connect' && { status: 503, shouldRetry: true }) })
      }
    }
  } finally {
    stopDeadline()
  }
}

function overdue(upstream: Upstream): GatewayError {
  return new GatewayError('upstream-timeout', `The upstream "${upstream.name}" did not answer within ${upstream.deadlines.headMillis} ms.`)
}

function unreachable(upstream: Upstream, phase: string | undefined): string {
  return phase === 'connect'
    ? `The gateway cannot reach its upstream "${upstream.name}". The request was not sent. Try again; if it lasts, tell the gateway's operator.`
    : `The connection to the upstream "${upstream.name}" broke before it answered. Try again.`
}
