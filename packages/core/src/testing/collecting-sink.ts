import type { ClientSink } from '../ports/client-request.ts'
import { concatBytes, toText } from '../wire/bytes.ts'
import type { HeaderList } from '../wire/header-list.ts'

/** A client that keeps all it is sent. */
export interface CollectingSink extends ClientSink {
  readonly status: number | undefined
  readonly headers: HeaderList
  /** The very arrays that were written, in order. */
  readonly chunks: readonly Uint8Array[]
  /** All chunks in one. */
  readonly bytes: () => Uint8Array
  /** The bytes as UTF-8. */
  readonly text: () => string
  readonly state: 'open' | 'closed' | 'aborted'
  /** What `abort` was called with. */
  readonly abortReason: unknown
  /** Resolves at `close` or `abort`. */
  readonly ended: Promise<void>
  /** Calls out of order: a second head, a write before the head or after the end, a second end. Empty where the caller kept the contract. */
  readonly misuses: readonly string[]
  /** From now on each write returns a promise that stays open until `release`: a slow client. */
  readonly hold: () => void
  readonly release: () => void
}

/** A {@link ClientSink} that records head, chunks and end, notes what comes out of order, and is as slow as a test wants. */
export function collectingSink(): CollectingSink {
  let status: number | undefined
  let headers: HeaderList = []
  let state: CollectingSink['state'] = 'open'
  let abortReason: unknown
  let isHolding = false
  let waiting: (() => void)[] = []
  let markEnded: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    markEnded = resolve
  })
  const chunks: Uint8Array[] = []
  const misuses: string[] = []
  const bytes = (): Uint8Array =>
    concatBytes(
      chunks,
      chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    )
  const release = (): void => {
    isHolding = false
    const woken = waiting
    waiting = []
    for (const wake of woken) wake()
  }
  const end = (how: 'closed' | 'aborted', reason?: unknown): void => {
    if (state !== 'open') misuses.push(`${how} after it was ${state}`)
    else if (how === 'closed' && status === undefined) misuses.push('closed before the head')
    if (state !== 'open') return
    state = how
    abortReason = reason
    markEnded()
    release()
  }
  return {
    head: (newStatus, newHeaders) => {
      if (status !== undefined || state !== 'open') misuses.push(status !== undefined ? 'a second head' : `a head after it was ${state}`)
      status = newStatus
      headers = newHeaders
    },
    write: (chunk) => {
      if (status === undefined) misuses.push('a write before the head')
      if (state !== 'open') misuses.push(`a write after it was ${state}`)
      chunks.push(chunk)
      return isHolding ? new Promise((resolve) => waiting.push(resolve)) : undefined
    },
    close: () => end('closed'),
    abort: (reason) => end('aborted', reason),
    get status() {
      return status
    },
    get headers() {
      return headers
    },
    chunks,
    bytes,
    text: () => toText(bytes()),
    get state() {
      return state
    },
    get abortReason() {
      return abortReason
    },
    ended,
    misuses,
    hold: () => {
      isHolding = true
    },
    release,
  }
}
