import type { GatewayError } from '../errors.ts'
import type { SseFrame } from '../wire/sse-frames.ts'

/** `pass`, or the error that ends the stream in place of this frame and everything after it. */
export type GateVerdict = 'pass' | GatewayError

/**
 * Stands before the client: sees each whole frame first and may hold it (by a promise) or cut the stream, never rewrite.
 * A gate that throws cuts the stream: a guard that cannot decide must not let through.
 */
export interface Gate {
  readonly name: string
  readonly onFrame: (frame: SseFrame) => GateVerdict | Promise<GateVerdict>
}
