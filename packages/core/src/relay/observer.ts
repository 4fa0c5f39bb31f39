import type { HeaderList } from '../wire/header-list.ts'
import type { SseFrame } from '../wire/sse-frames.ts'

/**
 * Sees an exchange's reply go by and can change nothing. Called after the bytes are on their way; what it throws, or a promise of it that
 * rejects or never settles, is reported to the host and nobody else notices.
 */
export interface Observer {
  /** Named in faults. */
  readonly name: string
  readonly onHead?: (status: number, headers: HeaderList) => void | Promise<void>
  /** Each whole frame of an event stream, in order. A promise is not waited for. */
  readonly onFrame?: (frame: SseFrame) => void | Promise<void>
  /** A whole JSON reply of `/v1/messages`, or of any error, parsed: what came to a client that asked for no stream. */
  readonly onMessage?: (message: unknown) => void | Promise<void>
  /** The reply's body is over, however it ended. */
  readonly onEnd?: () => void | Promise<void>
}
