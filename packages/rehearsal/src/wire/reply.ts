import type { HeaderInput } from './headers.ts'

/**
 * One thing that happens while a reply is played.
 * - `bytes`: written as one chunk; the next step waits until the client keeps up
 * - `waitMillis`: multiplied by the rehearsal's `pace`; 0 always means "one turn of the event loop"
 * - `until`: waits for a promise of the test's own
 * - `cut`: `reset` sends RST, `fin` closes the socket without ending the body; bytes before it are flushed first and get
 *   `afterMillis` (10, not scaled by pace) to be read, because a cut that overtakes them would hide them
 * - `stall`: holds the connection open, silently, until the client leaves
 * - `head`: sends status and headers now; without one they go out with the first step
 * - `repeat`, `generate`: many bytes without holding them all; `generate` is pulled only as fast as the client reads
 */
export type Step =
  | { readonly bytes: Uint8Array | string }
  | { readonly waitMillis: number }
  | { readonly until: Promise<unknown> }
  | { readonly cut: 'reset' | 'fin'; readonly afterMillis?: number }
  | { readonly stall: true }
  | { readonly head: true }
  | { readonly repeat: readonly Step[]; readonly times: number }
  | { readonly generate: Iterable<Uint8Array> | AsyncIterable<Uint8Array> }

/** A whole answer: its head and what happens after it. Nothing is added to `headers` but the transfer framing. */
export interface ScriptedReply {
  readonly status: number
  readonly headers?: HeaderInput
  readonly steps: readonly Step[]
}

/** One `bytes` step per frame. */
export function toSteps(frames: readonly Uint8Array[]): Step[] {
  return frames.map((bytes) => ({ bytes }))
}
