import type { ByteSource, ByteWriter } from '../wire/byte-stream.ts'
import type { HeaderList } from '../wire/header-list.ts'

/** One request as a runtime adapter hands it in. Small on purpose: a fetch `Request` or a node `IncomingMessage` is one way to make it. */
export interface ClientRequest {
  readonly method: string
  /** Path and query exactly as received (origin form). */
  readonly target: string
  /** Every header line, in order; must include `Host`. */
  readonly headers: HeaderList
  /** Undefined where the request has no body. */
  readonly body: ByteSource | undefined
  /** Aborted when the client goes away before the reply has ended. */
  readonly signal: AbortSignal
  /** The socket's peer address, never a forwarded header. */
  readonly remoteAddress?: string
  /**
   * Takes chunks back that `body` has written, to free their memory before the collector would. Called at most once, with whole chunks or copies of
   * small ones, when core, its transport and its middleware are done with all of them. They are empty afterwards.
   */
  readonly reclaim?: (chunks: readonly Uint8Array[]) => void
  /** Host and port of the URL that the runtime parsed, where it did; checked against the Host header. */
  readonly parsedAuthority?: string
}

/** Where a reply goes. The adapter owns the socket; core owns the order: `head` once, then `write`s, then `close` or `abort`. */
export interface ClientSink {
  readonly head: (status: number, headers: HeaderList) => void
  /** Returns nothing, or a promise that settles once the client can take more (or has gone). */
  readonly write: ByteWriter
  /** The reply is complete. */
  readonly close: () => void
  /** The reply is broken: the client must see a broken connection, never a clean end. */
  readonly abort: (reason: unknown) => void
}
