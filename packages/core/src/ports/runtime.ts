import type { ByteSource } from '../wire/byte-stream.ts'
import type { DigestAlgorithm, DigestFactory } from '../wire/digest.ts'
import type { HeaderList } from '../wire/header-list.ts'

/** One request to an upstream, ready to send: nothing in it comes from the client unless it was meant to. */
export interface UpstreamRequest {
  readonly method: string
  /** Scheme, host and port, from configuration only. */
  readonly origin: string
  /** Path and query, to be sent exactly so. */
  readonly path: string
  /** Without Host, Content-Length and hop-by-hop headers: the transport writes those. */
  readonly headers: HeaderList
  /** The body in chunks, to be sent with a Content-Length; none where the request has no body. */
  readonly body: readonly Uint8Array[]
  /** Aborts the request; after the head, `body.cancel` does. */
  readonly signal: AbortSignal
}

/** An upstream's answer once its head is here. */
export interface UpstreamReply {
  readonly status: number
  readonly headers: HeaderList
  readonly body: ByteSource
  /**
   * True where every byte of the request has left this process, and nothing reads its chunks any more: their memory may then be freed at once.
   * A transport around another that keeps a request's chunks must not pass this on.
   */
  readonly isRequestWritten?: boolean
  /** True where the runtime has already decoded the body although the headers still name an encoding. */
  readonly isDecoded?: boolean
}

/** Why no head arrived. `connect`: nothing was sent; `stale-connection`: a kept-alive connection died before any reply; `sent`: the request may have been seen. */
export type TransportFailurePhase = 'connect' | 'stale-connection' | 'sent'

/** What a transport rejects with. */
export class TransportError extends Error {
  override readonly name: string = 'TransportError'
  readonly phase: TransportFailurePhase

  constructor(phase: TransportFailurePhase, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.phase = phase
  }
}

/** Sends requests upstream. Follows no redirect, retries nothing, keeps repeated headers apart where the runtime can. */
export interface Transport {
  /** Resolves with the head. @throws TransportError, or the signal's reason after an abort. */
  readonly send: (request: UpstreamRequest) => Promise<UpstreamReply>
}

/** Decodes a compressed reply on the side, for the meter; the client gets the encoded bytes. */
export interface ContentDecoder {
  readonly write: (chunk: Uint8Array) => void
  /** Resolves once everything written has been decoded. */
  readonly end: () => Promise<void>
  /** Ends decoding at once and drops what waits for it; nothing is called after it. Without it, what was written is decoded for nobody. */
  readonly stop?: () => void
}

/** Makes a decoder for a content coding; undefined where the runtime has none. `onError` is called at most once, and ends decoding. */
export type DecoderFactory = (coding: string, onBytes: (chunk: Uint8Array) => void, onError: (error: unknown) => void) => ContentDecoder | undefined

/** Hashes a text, as UTF-8, under one key: HMAC-SHA-256, in base64url without padding. */
export type KeyedHash = (text: string) => string

/** What a runtime adapter lends to core. */
export interface Runtime {
  readonly transport: Transport
  /** Native digests; core falls back to its own checksum, and refuses `sha256` at build where the runtime offers none. */
  readonly digests?: { readonly [Algorithm in DigestAlgorithm]?: DigestFactory }
  readonly decoder?: DecoderFactory
  /** Makes native keyed hashes, which answer at once; without them core asks WebCrypto, whose every answer is a trip to another thread. */
  readonly keyedHash?: (key: Uint8Array) => KeyedHash
}
