import { GatewayError } from '../errors.ts'
import type { SseFrame } from '../wire/sse-frames.ts'

/** `pass`, or the error that ends the stream in place of this frame and everything after it. */
export type GateVerdict = 'pass' | GatewayError

/**
 * Stands before the client: sees a reply first and may hold it (by a promise) or stop it, never rewrite. Both methods are needed, since a client
 * that gets no stream asks again without one. A gate that throws stops the reply, and so does a reply that it could not see (compressed, or too large):
 * a guard that cannot decide must not let through. Asked about the replies of `/v1/messages` only, and not about errors of the upstream.
 */
export interface Gate {
  readonly name: string
  /** One whole frame of an event stream. */
  readonly onFrame: (frame: SseFrame) => GateVerdict | Promise<GateVerdict>
  /** A whole JSON reply, parsed. Anything but `pass` is answered in place of it. */
  readonly onMessage: (message: unknown) => GateVerdict | Promise<GateVerdict>
}

/** A gate's verdict; what it throws stops the reply. */
export async function verdictOf(ask: () => GateVerdict | Promise<GateVerdict>): Promise<GateVerdict> {
  try {
    return await ask()
  } catch (cause) {
    return new GatewayError('internal', 'A check of this reply failed, so it was stopped.', { cause })
  }
}
