import type { UpstreamReply, UpstreamRequest } from '../ports/runtime.ts'
import type { DialectFacts, DialectRequest, UpstreamDialect } from '../ports/upstream-dialect.ts'
import type { Digest, DigestFactory } from '../wire/digest.ts'

/** A dialect, and what one exchange has for it. */
export interface DialectUse {
  readonly dialect: UpstreamDialect
  readonly facts: DialectFacts
  readonly digests: DigestFactory
  /** Told of each request once it is on its way. */
  readonly onSent: (sent: DialectRequest) => void
}

/** A reply in the form of the Messages API. */
export interface AdaptedReply {
  readonly reply: UpstreamReply
  /** Of what the upstream itself sent, as it comes in; undefined where that is what the relay gets. */
  readonly received: Digest | undefined
}

/**
 * The dialect's own request. Waits no longer than the exchange lives, whatever the dialect waits for.
 *
 * @throws whatever the dialect throws; the signal's reason after an abort
 */
export async function prepareRequest({ dialect, facts }: DialectUse, request: UpstreamRequest): Promise<DialectRequest> {
  const { signal, ...parts } = request
  if (signal.aborted) throw signal.reason
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([aborted.promise, dialect.prepare(parts, facts)])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Turns a reply back, and keeps the digest of what it was: what is relayed are other bytes. */
export function adaptReply({ dialect, facts, digests }: DialectUse, { replyHeaders = [] }: DialectRequest, reply: UpstreamReply): AdaptedReply {
  const received = dialect.adapt && digests.create()
  const adapted = dialect.adapt === undefined ? reply : adapt(dialect.adapt, received as Digest, facts, reply)
  const { status, headers, body, isDecoded } = adapted
  return { reply: { status, headers: [...headers, ...replyHeaders], body, ...(isDecoded !== undefined && { isDecoded }) }, received }
}

function adapt(turn: NonNullable<UpstreamDialect['adapt']>, received: Digest, facts: DialectFacts, reply: UpstreamReply): UpstreamReply {
  const { status, headers, body, isDecoded } = reply
  const watched: UpstreamReply['body'] = {
    pump: (write) =>
      body.pump((chunk) => {
        received.update(chunk)
        return write(chunk)
      }),
    cancel: (reason) => body.cancel(reason),
  }
  try {
    return turn({ status, headers, body: watched, ...(isDecoded !== undefined && { isDecoded }) }, facts)
  } catch (cause) {
    body.cancel(cause)
    throw cause
  }
}
