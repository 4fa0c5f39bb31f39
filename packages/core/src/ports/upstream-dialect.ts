import type { PatchNote } from '../entry/settlement.ts'
import type { HeaderList } from '../wire/header-list.ts'
import type { UpstreamReply, UpstreamRequest } from './runtime.ts'

/** What a dialect may know of the request besides its bytes. */
export interface DialectFacts {
  /** The exchange's method, such as `POST`. */
  readonly method: string
  /** The exchange's path without query, such as `/v1/messages`. */
  readonly path: string
  /** Path prefix of the upstream's base URL, without a trailing slash: it is sent before whatever path the dialect answers with, and a signature covers both. */
  readonly basePath: string
  /** The model as it stands in the body that is to be sent; undefined for requests without one. */
  readonly model: string | undefined
  /** True where the body asks for a stream: only `"stream": true` does. */
  readonly isStream: boolean
  /** Aborted with the exchange. */
  readonly signal: AbortSignal
}

/** A request in the upstream's own form. */
export interface DialectRequest {
  /** Path and query below the upstream's base URL. */
  readonly path: string
  readonly headers: HeaderList
  /** The very arrays that came in where nothing in the body changes. */
  readonly body: readonly Uint8Array[]
  /** Every span of the body that differs, in offsets of the body that came in. */
  readonly patches: readonly PatchNote[]
  /** Added to the reply's headers, whatever the reply: what the client is to know of the change. @defaultValue none */
  readonly replyHeaders?: HeaderList
}

/**
 * The form that an upstream speaks where it is not the Messages API itself: other paths, signatures, framing. It changes what it must, says what it changed,
 * and hands back a reply in the form of the Messages API.
 */
export interface UpstreamDialect {
  /** Named in records. */
  readonly name: string
  /**
   * Turns a request into the upstream's form and authenticates it; called anew for each attempt, so a signature is fresh. `path` is below the upstream's base URL,
   * as in the answer; `headers` have no credential of the client's. Nobody waits for it past the exchange's end.
   * @throws GatewayError where this upstream cannot take the request; anything else is a fault, told to the host and never to the client
   */
  readonly prepare: (request: Pick<UpstreamRequest, 'method' | 'origin' | 'path' | 'headers' | 'body'>, facts: DialectFacts) => Promise<DialectRequest>
  /** Turns a reply back, as it comes in; `facts` are the very object that `prepare` had. Absent: replies are those of the Messages API, byte for byte. Must not throw. */
  readonly adapt?: (reply: UpstreamReply, facts: DialectFacts) => UpstreamReply
}
