import type { Cost } from '../meter/price.ts'
import type { UsageReport } from '../meter/usage.ts'
import type { RouteRecord } from './route-record.ts'

/**
 * How an exchange ended.
 * `completed`: the client has the whole reply; `refused`: the gateway answered by itself; `cut`: a gate or a shutdown stopped the stream;
 * `client-gone`: the client left first; `upstream-truncated`: the upstream broke after its head; `failed`: the upstream gave no usable reply.
 */
export type OutcomeKind = 'completed' | 'refused' | 'cut' | 'client-gone' | 'upstream-truncated' | 'failed'

/** The end of an exchange, and whose doing it was. */
export interface Outcome {
  readonly kind: OutcomeKind
  /** The gateway's error code, or the upstream's error type. */
  readonly error?: { readonly origin: 'gateway' | 'upstream'; readonly code: string }
}

/** One try at one upstream, or a target that was left out. Those that the key or the gateway forbids come first; those that a check refused stand where their turn was. */
export interface AttemptRecord {
  readonly upstream: string
  /** The model that was asked for there; absent where the request names none. */
  readonly model?: string
  readonly startedAt: number
  /** When the upstream's head arrived; absent where none did. */
  readonly headAt?: number
  readonly status?: number
  /**
   * Why no head came, where none did. `connect`, `stale-connection`, `sent`: how the connection failed; `timeout`: none in time; `not-prepared`: the upstream's dialect
   * could not make the request; `aborted`: the exchange ended first; `not-allowed`: nothing was sent, since the key or the gateway's rules forbid this target. With a head:
   * `no-content`, a stream that died before its first content or was silent for too long, so that another target was asked; `redirected`, it pointed elsewhere, and that is not handed on.
   */
  readonly failure?: string
}

/** What the settlement keeps of a patch: enough to prove that nothing else moved. */
export interface PatchNote {
  readonly name: string
  /** Offsets into the client's body. */
  readonly start: number
  readonly end: number
  readonly insertedBytes: number
}

/** Digests of both sides, and every span that the gateway changed: passthrough carries its own proof. Absent digests: that side saw no bytes. */
export interface PassthroughProof {
  readonly requestDigest?: string
  readonly upstreamRequestDigest?: string
  readonly upstreamResponseDigest?: string
  readonly responseDigest?: string
  readonly patches: readonly PatchNote[]
}

/** Everything about an exchange once it is over. Times are milliseconds since the epoch, from the host's clock. */
export interface Settlement {
  readonly exchangeId: string
  readonly startedAt: number
  /** When the upstream's head arrived. */
  readonly headAt?: number
  /** When the first byte of the reply's body was handed on. */
  readonly firstByteAt?: number
  readonly endedAt: number
  readonly method: string
  /** The path, without its query. */
  readonly path: string
  readonly outcome: Outcome
  /** The status that the client got; absent where it left before one. */
  readonly status?: number
  /** The model that the client asked for. */
  readonly requestedModel?: string
  /** The model that was sent upstream. */
  readonly resolvedModel?: string
  /** The model that the reply is priced by. */
  readonly billedModel?: string
  readonly isStream: boolean
  readonly stopReason?: string
  /** The upstream's `request-id` header. */
  readonly upstreamRequestId?: string
  /** The reply's `msg_…` id. */
  readonly messageId?: string
  readonly requestBytes: number
  readonly responseBytes: number
  readonly attempts: readonly AttemptRecord[]
  readonly usage: UsageReport
  readonly cost: Cost
  readonly proof: PassthroughProof
  /** Why it went where it went, where a router says so. */
  readonly route?: RouteRecord
}
