import type { Header } from '../headers.ts'

/** A request as the upstream got it. */
export interface SeenRequest {
  readonly method: string
  /** The request target as sent: path and query, undecoded. */
  readonly target: string
  readonly httpVersion: string
  /** In the order and spelling of the wire. */
  readonly headers: readonly Header[]
  /** The number of the connection it came on: equal numbers, one connection. */
  readonly connection: number
  /** The body's bytes once it has come in whole. Rejects when it breaks off. */
  readonly body: () => Promise<Buffer>
}

/** One request, in the hands of a script. */
export interface UpstreamTurn {
  readonly request: SeenRequest
  /** 1 for the lane's first request, 2 for the second: a retry is a second request. */
  readonly number: number
  /** Sends status and headers at once. Without content-length the body is chunked. */
  readonly head: (status: number, headers?: readonly Header[]) => void
  /** Sends bytes as one chunk. Resolves when the connection takes more: with false when whoever asked has gone. */
  readonly write: (bytes: Uint8Array | string) => Promise<boolean>
  /** Ends the body in order. */
  readonly end: (bytes?: Uint8Array | string) => void
  /** Breaks the connection off with a reset. */
  readonly reset: () => void
  /** Closes the connection in the middle of the body, without its end. */
  readonly close: () => void
  /** Writes to the connection as it is, with no framing at all: for heads that no server sends. */
  readonly raw: (bytes: Uint8Array | string) => void
  /** Resolves when whoever asked closes the connection before the reply has ended. */
  readonly gone: Promise<void>
  readonly isGone: () => boolean
}

/** What the upstream does with a request. */
export type UpstreamScript = (turn: UpstreamTurn) => void | Promise<void>

/** The requests of one case, told apart from all others by an id that they carry. */
export interface Lane {
  /** A UUID. Requests carry it in `x-claude-code-session-id` and, as Claude Code does, in `metadata.user_id`. */
  readonly id: string
  /** What has come in so far, in order. */
  readonly requests: readonly SeenRequest[]
  /** The nth request, from 1. Rejects when it does not come in time. */
  readonly request: (number?: number) => Promise<SeenRequest>
  /** What scripts have thrown: a fault of the suite, never of the gateway. */
  readonly faults: readonly unknown[]
  /** Ends what is unfinished, and takes no more requests. */
  readonly close: () => void
}

/** How lane ids look, so that they are found anywhere in a request. */
export const LANE_ID_PATTERN: RegExp = /c0f0a11e-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}/

/** Makes a lane id of 16 random bytes. */
export function laneId(random: Uint8Array): string {
  const hex = Buffer.from(random).toString('hex').padEnd(32, '0')
  return `c0f0a11e-${hex.slice(0, 4)}-4${hex.slice(4, 7)}-8${hex.slice(7, 10)}-${hex.slice(10, 22)}`
}
